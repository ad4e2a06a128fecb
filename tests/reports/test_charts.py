"""Plots: fit to stand in a page, true to the figures, alike from run to run."""

import re
from collections.abc import Callable
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from bench.analysis.model import Comparison, Estimate, Refusals, Summary, Verdict
from reports import charts, curves
from reports import format as figures
from reports.palette import ANSWERS, COMPONENTS, FALLBACKS, LOOKS, OTHER_COMPONENT, PARTS, looks, variables

Draw = Callable[[Summary], str]
CHARTS: tuple[Draw, ...] = (charts.forest, charts.components, curves.spectrum, curves.refused)


@pytest.fixture(scope="module", params=CHARTS, ids=lambda draw: draw.__name__)
def svg(request: pytest.FixtureRequest, summary: Summary) -> str:
    """Each chart of the example run, drawn once."""
    draw: Draw = request.param
    return draw(summary)


def parsed(svg: str) -> ET.Element:
    """The root element."""
    return ET.fromstring(svg)  # noqa: S314 - our own output


def texts(svg: str) -> list[str]:
    """Everything written in the picture."""
    return ["".join(element.itertext()) for element in parsed(svg).iter("text")]


def test_a_chart_speaks_to_readers_who_cannot_see_it(svg: str) -> None:
    """role="img", and a title and a description it is labelled by, the description holding figures."""
    root = parsed(svg)
    named = {element.get("id"): element.text or "" for element in (*root.iter("title"), *root.iter("desc"))}
    assert root.get("role") == "img"
    assert list(named) == (root.get("aria-labelledby") or "").split()
    assert re.search(r"\d", list(named.values())[1])


def test_a_chart_is_its_own_world(svg: str) -> None:
    """No style element, no metadata, no foreign reference; every inner reference has its one target."""
    root = parsed(svg)
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    wanted = {element.get("href", "").removeprefix("#") for element in root.iter("use")}
    wanted |= set(re.findall(r"url\(#([^)]+)\)", svg))
    assert not {element.tag for element in root.iter()} & {"style", "metadata"}
    assert "http" not in svg
    assert len(ids) == len(set(ids))
    assert wanted <= set(ids)


def test_colours_follow_the_theme(svg: str) -> None:
    """Every colour in a drawing is a variable, so that a dark page can replace it."""
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)


@pytest.mark.parametrize("draw", CHARTS)
def test_the_same_run_draws_the_same_bytes(summary: Summary, draw: Draw) -> None:
    """Drawing twice gives equal text."""
    assert draw(summary) == draw(summary)


@pytest.mark.parametrize("draw", CHARTS)
def test_nothing_is_drawn_from_nothing(summary: Summary, draw: Draw) -> None:
    """A run without a valid cell has no picture."""
    cells = tuple(replace(cell, verdict=Verdict("INVALID", ("x",))) for cell in summary.cells)
    assert draw(replace(summary, cells=cells)) == ""


def test_every_difference_of_the_forest_is_measured(summary: Summary) -> None:
    """The texts beside the marks are the comparisons' own figures, or the words for having none."""
    expected = [figures.signed_interval(one.difference_us, "µs") for one in summary.to_control if one.shown]
    written = texts(charts.forest(summary))
    assert [text for text in written if text.startswith("+")] == sorted(expected, key=written.index)
    assert {"no difference shown", "half refused: not ranked", "invalid: not compared"} <= set(written)


def test_one_block_still_has_a_forest(summary: Summary) -> None:
    """Without intervals marks stand alone and there is no band."""

    def lone(one: Comparison) -> Comparison:
        return replace(one, ratio=replace(one.ratio, low=0.0, high=float("inf")), shown=False)

    control = replace(summary.control, half_width_ratio=float("inf")) if summary.control else None
    svg = charts.forest(replace(summary, to_control=tuple(map(lone, summary.to_control)), control=control))
    assert "var(--band" not in svg
    assert "var(--band" in charts.forest(summary)


def test_components_are_named_and_zero_based(summary: Summary) -> None:
    """Only components that cost something are in the legend; totals stand beside the bars; unknown ones are kept."""
    written = texts(charts.components(summary))
    assert {"replicas", "haproxy", "redis"} <= set(written)
    assert "postgres" not in written
    assert "invalid: not drawn" in "".join(written)
    extra = tuple(
        replace(
            cell, cpu_us={"bff": Estimate(80, 70, 90), "replicas": Estimate(-3, -4, -2), "total": Estimate(77, 7, 9e9)}
        )
        for cell in summary.cells
    )
    assert "bff" in texts(charts.components(replace(summary, cells=extra)))


def test_cells_without_counters_are_not_drawn_as_zero(summary: Summary) -> None:
    """A cell whose CPU was not measured says so in its row."""
    cells = tuple(
        replace(cell, cpu_us={}) if cell.cell.scheme == "jwt-hs256" else cell for cell in summary.cells
    )  # fmt: skip
    assert any("not measured" in text for text in texts(charts.components(replace(summary, cells=cells))))


def test_one_block_has_bars_without_whiskers(summary: Summary) -> None:
    """An unknown interval is not drawn as a narrow one."""
    lone = {"replicas": Estimate(1, 0, 2), "total": Estimate(400, float("-inf"), float("inf"))}
    cells = tuple(replace(cell, cpu_us=lone) for cell in summary.cells)
    assert any("(no interval)" in text for text in texts(charts.components(replace(summary, cells=cells))))


def test_the_spectrum_labels_every_line_it_draws(summary: Summary) -> None:
    """One direct label a scheme and panel; the half-refused cell is not among them; none is beyond the samples."""
    written = texts(curves.spectrum(summary))
    assert written.count("redis-session") == 2
    assert written.count("memory-session") == 1
    assert "p99" in written
    assert "p99.9" not in written


def test_refusals_stand_beside_their_prediction(summary: Summary) -> None:
    """The refused scheme is labelled with its interval and the theory; the others share one point a replica count."""
    written = " ".join(texts(curves.refused(summary))).replace(figures.SPACE, " ")
    assert f"memory-session, roundrobin: 50.1 % (48.4{figures.EN_DASH}51.8)" in written
    assert "the ring is theory: 50.0 %" in written
    assert "7 schemes: none refused" in written


def test_two_refused_cells_at_one_replica_count(summary: Summary) -> None:
    """Neighbours at the same number of replicas are drawn apart, one without a theory has no ring."""
    unknown = Refusals(Estimate(0.48, 0.46, 0.5), None, 60, 60, None)
    cells = tuple(
        replace(cell, refusals=unknown) if cell.cell.scheme == "redis-session" else cell for cell in summary.cells
    )
    written = " ".join(texts(curves.refused(replace(summary, cells=cells))))
    assert written.count("the ring is theory") == 1
    assert written.count("redis-session, roundrobin") == 3
    everywhere = tuple(replace(cell, refusals=unknown) for cell in summary.cells)
    assert "none refused" not in "".join(texts(curves.refused(replace(summary, cells=everywhere))))


def test_a_scheme_looks_the_same_in_every_company() -> None:
    """Known schemes have fixed looks, plugins differ from them and among themselves, in colour, line or marker."""
    few, many = looks(["none", "zeta"]), looks([*LOOKS, "alpha", "zeta"])
    assert few["none"] == many["none"] == LOOKS["none"]
    assert len({(look.light, look.marker) for look in many.values()}) == len(many)
    crowd = looks([f"plugin-{number}" for number in range(20)])
    assert len(set(crowd.values())) == len(FALLBACKS)


def test_every_colour_has_one_meaning() -> None:
    """No two variables share a hex value: replacing hex by variable is exact."""
    assert len(variables()) == len({name for name, _ in variables().values()})
    parts = set(PARTS.values()) - {*COMPONENTS.values(), OTHER_COMPONENT}  # a component that is one part looks alike
    assert len(variables()) == len(LOOKS) + len(FALLBACKS) + len(COMPONENTS) + len(parts) + len(ANSWERS) + 7
