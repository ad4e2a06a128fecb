"""Curves along an axis: every valid outcome at its place, what theory expects beside it."""

import math
from dataclasses import replace
from xml.etree import ElementTree as ET

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Outcome
from reports.axes import along
from reports.findings import Told
from tests.reports.made_up import swept


def told(*outcomes: Outcome) -> Told:
    """An experiment that sweeps distances."""
    return Told("store-distance", "How far?", "distance", "", "ms between", "p50", outcomes)


def outcome(at: float | None, value: float, *, scheme: str = "bff", setting: str = "", figure: str = "p50") -> Outcome:
    """One place on the axis."""
    return Outcome("store-distance", scheme, setting, "", (Figure(figure, value, "ms"),), Verdict("VALID"), at=at)


def texts(svg: str) -> list[str]:
    """Everything written in the picture."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("text")]  # noqa: S314 - our own output


def described(svg: str) -> str:
    """What those hear who cannot see it."""
    description = svg.partition("<desc")[2].partition(">")[2].partition("</desc>")[0]
    return description.replace("\N{NO-BREAK SPACE}", " ")


def test_without_a_line_there_is_no_picture() -> None:
    """One place, no place, another figure, or nothing valid draw nothing."""
    invalid = replace(outcome(2, 3), verdict=Verdict("INVALID", ("late",)))
    other = outcome(2, 3, figure="p99")
    assert along(told(outcome(1, 3), outcome(None, 3), other, invalid, outcome(3, math.inf))) == ""


def test_every_approach_is_named_at_its_end() -> None:
    """Axis and unit are said, places ticked, ends told once where they are the same."""
    flat = [outcome(at, 0, scheme=scheme) for scheme in ("jwt-hs256", "jwt-rs256", "jwt-es256") for at in (1, 2)]
    written = texts(along(told(outcome(1, 3), outcome(2, 4), *flat)))
    assert {"bff", "jwt-hs256 and 2 more", "ms between", "p50, in ms", "1", "2"} <= set(written)


def test_intervals_and_theory_are_drawn_and_described() -> None:
    """A bar for an interval, a ring for a prediction, both only where there are any."""
    swept_ones = [replace(swept("store-distance", "bff", place), experiment="x") for place in range(4)]
    svg = along(told(*swept_ones))
    assert svg.count("#fefefe") > along(told(*(outcome(at, 1 + at) for at in range(4)))).count("#fefefe")
    assert "11.9 ms (10.7" in described(svg)


def test_a_wide_span_is_logarithmic() -> None:
    """Two decades, all of it positive; otherwise linear from zero."""
    wide = texts(along(told(outcome(1, 1), outcome(1000, 5000))))
    assert any("10" in text for text in wide)
    assert "1,000" in wide
    near = along(told(outcome(0, -1), outcome(1, 5000)))
    assert "0" in texts(near)


def test_settings_of_one_approach_are_lines_of_their_own() -> None:
    """What a setting says besides its place tells them apart; many lines make the picture higher."""
    both = [outcome(at, at * len(way), setting=f"{way}, {at} tabs") for way in ("strict", "grace") for at in (2, 4)]
    both += [replace(one, figures=(Figure("p50", 9, "ms"),)) for one in both[:1]]
    assert {"bff: grace", "bff: strict"} <= set(texts(along(told(*both))))
    plain = texts(along(told(*(outcome(at, at, setting=f"{at} tabs") for at in (2, 4)))))
    assert "bff" in plain


def test_a_control_only_fills_a_gap() -> None:
    """It is a place of the line where nothing else is; beside an outcome under the fault it is not drawn."""
    control = replace(outcome(1, 77), is_control=True)
    told_ones = described(along(told(outcome(1, 3), outcome(2, 4), control, replace(outcome(0, 5), is_control=True))))
    assert told_ones == "bff: 5 ms at 0, 3 ms at 1, 4 ms at 2."


def test_a_control_belongs_to_the_line_whose_setting_it_shares() -> None:
    """Whatever it calls its own place; what else a setting says tells lines apart even with a figure in it."""
    ahead = [outcome(at, at, setting=f"{at} s ahead{more}") for more in ("", ", 30 s of leeway") for at in (1, 2)]
    agree = [replace(outcome(0, 9, setting=f"agree{more}"), is_control=True) for more in ("", ", 30 s of leeway")]
    said = described(along(told(*ahead, *agree)))
    assert said == "bff: 9 ms at 0, 1 ms at 1, 2 ms at 2; bff: 30 s of leeway: 9 ms at 0, 1 ms at 1, 2 ms at 2."


def test_many_places_are_not_all_ticked() -> None:
    """Beyond eight the scale is on its own; a figure without a unit has none."""
    bare = [replace(outcome(at + 0.5, at), figures=(Figure("p50", at, ""),)) for at in range(9)]
    written = texts(along(told(*bare)))
    assert "p50" in written
    assert not any(text.startswith("6.5") for text in written)
