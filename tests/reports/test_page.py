"""report.html and the Markdown summary: whole, self-contained, and every figure from the input."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.model import CellSummary, Summary, Verdict
from reports import format as figures
from reports import markdown, page, tables
from reports.facts import RunFacts
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def html(summary: Summary, facts: RunFacts) -> str:
    """The page of the example run."""
    return page.render(summary, facts)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


def test_ids_are_unique_and_references_stay_inside(reader: Reader) -> None:
    """No id occurs twice; every reference is to one of them; nothing is fetched; every tag is closed."""
    assert_closed(reader)


def test_the_page_is_one_file(html: str, reader: Reader) -> None:
    """Under 1.5 MB, no address of any host, no script."""
    assert_alone(html, reader)


def test_the_page_is_read_in_order(html: str, reader: Reader) -> None:
    """It has a language, one h1, headings that skip no level, a caption for every table, a scope for every th."""
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 8
    assert reader.unscoped == 0
    assert reader.tags["svg"] == 4


def test_the_same_run_gives_the_same_bytes(html: str, summary: Summary, facts: RunFacts, tmp_path: Path) -> None:
    """What is written is byte for byte what is rendered again."""
    page.write(tmp_path / "report.html", summary, facts)
    assert (tmp_path / "report.html").read_bytes() == html.encode()


def test_both_themes_know_every_colour(html: str) -> None:
    """Each variable of the light theme has a dark value that only a screen uses."""
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in html.split("@media screen")[:2])
    assert light <= dark


def test_facts_are_told_and_escaped(html: str, facts: RunFacts) -> None:
    """Command, seed, company, password profile and environment are in the page, markup in them is text."""
    for text in (facts.command, str(facts.seed), *facts.company, facts.password_profile, facts.pinning):
        assert text in html
    assert "AMD EPYC &lt;Rome&gt;" in html
    assert "machine.cores" in html
    assert "<strong>failed:</strong> a foreign-key credential was 200" in html


def test_every_figure_of_the_comparison_is_from_the_input(summary: Summary) -> None:
    """CPU, percentiles and shares in the table are those of the cells, formatted."""
    known = {
        text
        for cell in summary.cells
        for text in (
            figures.interval(cell.cpu_us["total"], "µs"),
            *(figures.milliseconds(found, name) for name, found in cell.response_ms.items()),
        )
    }
    for section in tables.comparison(summary).sections:
        for line in section.lines:
            assert line.cells[0] in known | {"invalid"}
            assert {line.cells[2], line.cells[3]} <= known


def test_invalid_is_visible_and_without_figures(summary: Summary) -> None:
    """The lines of an invalid CPU cell hold no CPU, byte or refusal figure, and its verdict is written out."""
    for view in (tables.by_component(summary), tables.refusals(summary), tables.traffic(summary)):
        line = view.sections[-1].lines[-1]
        assert (line.name, line.tone, set(line.cells)) == ("refresh-token", "invalid", {"invalid"})
    assert tables.comparison(summary).sections[-1].lines[-1].cells[-1] == "INVALID"


def test_an_invalid_latency_cell_shows_no_time(summary: Summary) -> None:
    """Percentiles of an INVALID latency cell are not told, though its CPU cell is valid."""
    cells = tuple(
        replace(cell, verdict=Verdict("INVALID", ("late",))) if cell.cell.purpose == "latency" else cell
        for cell in summary.cells
    )
    found = replace(summary, cells=cells)
    assert {line.cells[2] for section in tables.comparison(found).sections for line in section.lines} == {"invalid"}
    assert {line.tone for section in tables.latency(found).sections for line in section.lines} == {"invalid"}


def test_too_few_samples_are_not_zero(html: str) -> None:
    """A percentile without enough samples names how many it needs."""
    assert "(needs 4,603)" in html
    assert "0 ms" not in re.sub(r"[\d.]0 ms", "", html.replace(figures.SPACE, " "))


def test_a_stack_without_counters(summary: Summary, facts: RunFacts) -> None:
    """UNPROVEN cells are marked, costs not measured, nothing compared, no proof claimed, and nothing sent is told."""

    def bare(cell: CellSummary) -> CellSummary:
        return replace(
            cell,
            verdict=Verdict("UNPROVEN", ("no counters reachable",)),
            cpu_us={},
            generator_cpu_ratio=None,
            lateness_p99_ms=float("inf"),
            refusals=replace(cell.refusals, predicted_ratio=None, predicted_logged_out=None),
        )

    cells = tuple(bare(cell) for cell in summary.cells if cell.cell.purpose == "latency")
    found = page.render(
        Summary(cells, (), (), None),
        replace(facts, proofs=(), notes=("Interrupted in block 2.",), environment={"gpu": None}),
    )
    for text in ("No CPU was measured", "Nothing to plot", "No proof was possible", "Interrupted in block 2.",
                 "UNPROVEN", "nothing sent", "unknown", "not measured"):  # fmt: skip
        assert text in found


def test_several_rates_are_told_apart(summary: Summary) -> None:
    """With more than one rate every section names its own, and each finds the nearest latency cell."""
    doubled = tuple(
        replace(cell, id=f"{cell.id}0", cell=replace(cell.cell, rate_rps=400.0)) for cell in summary.cells
    )  # fmt: skip
    titles = [section.title for section in tables.comparison(replace(summary, cells=summary.cells + doubled)).sections]
    assert titles == [
        "1 replica, 40 requests/s", "2 replicas, roundrobin, 40 requests/s",
        "1 replica, 400 requests/s", "2 replicas, roundrobin, 400 requests/s",
    ]  # fmt: skip


def test_markdown_holds_verdict_table_and_command(summary: Summary, facts: RunFacts) -> None:
    """The summary is a heading, sentences, one table with a row per CPU cell, and the command."""
    text = markdown.render(summary, facts)
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 14
    assert len({line.count(" | ") for line in rows}) == 1
    assert facts.command in text
    assert "INVALID refresh-token-bearer-2.cpu-40" in text


def test_markdown_escapes_what_others_wrote(summary: Summary, facts: RunFacts) -> None:
    """A plugin's name cannot break out of its cell."""
    cells = tuple(
        replace(cell, cell=replace(cell.cell, scheme="a|<b>")) if cell.cell.scheme == "paseto-v4" else cell
        for cell in summary.cells
    )
    assert r"| a\|\<b\>, 1 replica |" in markdown.render(replace(summary, cells=cells), facts)


def test_a_run_in_one_section_needs_no_title(summary: Summary) -> None:
    """Markdown lines without a section keep their plain names."""
    assert "| none-bearer-1.cpu-40 | VALID |" in markdown.table(tables.validity(summary))
