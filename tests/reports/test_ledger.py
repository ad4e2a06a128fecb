"""Ledgers as they are told: every microsecond from the input, what does not close in words, nothing without twins."""

import io
import math
import re
from dataclasses import replace

import pytest

from bench.analysis.ledger_model import Ledger
from bench.analysis.model import Estimate, Summary, Verdict
from reports import format as figures
from reports import ledger_tables, markdown, page, table
from reports.facts import RunFacts
from reports.ledger_chart import waterfall
from reports.ledger_section import section
from reports.ledger_words import MEANINGS, added_us, groups, kind, sentences
from reports.palette import PARTS
from tests.reports.made_up_ledgers import with_ledgers
from tests.reports.reader import assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def twinned(summary: Summary) -> Summary:
    """The example run, with twins."""
    return with_ledgers(summary)


@pytest.fixture(scope="module")
def svg(twinned: Summary) -> str:
    """Its waterfall."""
    return waterfall(twinned)


def printed(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a terminal of 80 columns shows."""
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    table.show(summary, stream)
    return stream.getvalue().replace(figures.SPACE, " ")


def told(summary: Summary) -> list[Ledger]:
    """The ledgers that are told, as they are."""
    return [one.ledger for group in groups(summary) for one in group.members]


def test_without_twins_nothing_is_told(summary: Summary, facts: RunFacts, monkeypatch: pytest.MonkeyPatch) -> None:
    """No section, no picture, no line on a terminal, no sentence in a summary."""
    assert section(summary) is None
    assert (waterfall(summary), sentences(summary)) == ("", ())
    assert "extra CPU goes" not in printed(summary, monkeypatch)
    assert "ledger" not in markdown.render(summary, facts)


def test_the_page_stays_whole(twinned: Summary, facts: RunFacts) -> None:
    """Closed, alone, in order; four tables and a picture more than without twins; every sentence is there."""
    cells = tuple(replace(cell, cpu_us={}, spectrum_ms=()) for cell in twinned.cells if cell.cell.replicas == 1)
    bare = Summary(cells, (), (), None, twinned.ledgers)  # draws quickly: beside this only who was refused
    html = page.render(bare, facts)
    reader = read(html)
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 7 + 4
    assert (reader.unscoped, reader.tags["svg"], reader.tags["details"]) == (0, 2, 1)
    assert '<a href="#ledger">' in html
    assert all(f">{line}<" in html.replace("&#39;", "'") for line in sentences(bare))


def test_an_invalid_cell_has_no_ledger(twinned: Summary) -> None:
    """Its figures are compared with nothing, nor is anything with those of an INVALID control."""
    assert "refresh-token-bearer-2.cpu-40" in {one.cell for one in twinned.ledgers}
    assert "refresh-token-bearer-2.cpu-40" not in {one.cell for one in told(twinned)}
    cells = tuple(
        replace(cell, verdict=Verdict("INVALID", ("late",))) if cell.id == "none-bearer-1.cpu-40" else cell
        for cell in twinned.cells
    )
    assert {one.control for one in told(replace(twinned, cells=cells))} == {"none-bearer-2.cpu-40"}


def test_a_terminal_shows_what_closes(twinned: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a judged scheme with extra, explained and residual, 80 columns; then why one stays open."""
    text = printed(twinned, monkeypatch)
    assert max(map(len, text.splitlines())) <= 80
    assert re.search(r"redis-session +1 +40 +\+196 ±14 +\+189 +\+7 ±9  yes\n", text)
    assert re.search(r"jwt-rs256 +1 +40 +\+241 ±14 +\+180 +\+61 ±9  no\n", text)
    assert not re.search(r"memory-session +1 +40 ", text)
    words = " ".join(text.split())
    assert "The ledger closes for 6 of 8 cells that cost at least 20 µs more" in words
    assert "jwt-rs256 at 1 replica, 40 requests/s does not close: +61.0 µs (+52.0 to +70.0) unexplained. " in words
    assert "replicas: +61 µs outside every span (the twins have +55 µs there)" in words


def test_one_block_has_no_half_width(twinned: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """A residual nobody knows the spread of stands alone, on a terminal and in the picture."""
    unknown = Estimate(7, -math.inf, math.inf)
    lone = tuple(replace(one, blocks=1, extra_us=replace(unknown, value=100), residual_us=unknown)
                 for one in twinned.ledgers)  # fmt: skip
    assert re.search(
        r"redis-session +1 +40 +\+100 +\+93 +\+7  yes\n", printed(replace(twinned, ledgers=lone), monkeypatch)
    )
    assert "+100 µs (no interval)" in waterfall(replace(twinned, ledgers=lone)).replace(figures.SPACE, " ")


def test_nothing_judged_is_said(twinned: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every scheme adds little the section says so and a terminal has no line."""
    small = replace(twinned, ledgers=tuple(replace(one, is_judged=False) for one in twinned.ledgers))
    assert sentences(small)[0] == f"No scheme adds 20{figures.SPACE}µs, so no ledger is judged."
    assert "extra CPU goes" not in printed(small, monkeypatch)
    assert {line.cells[-1] for part in ledger_tables.closing(small).sections for line in part.lines} == {"not judged"}


def test_calls_a_store_does_not_confirm_are_told(twinned: Summary, facts: RunFacts) -> None:
    """Round trips beside the commands counted, also in a summary for a pull request."""
    line = "paseto-v4 at 1 replica, 40 requests/s: 1.00 round trips to redis a request, which counted 2.00 commands."
    assert line in sentences(twinned)
    assert f"- {line}" in markdown.render(twinned, facts)


def test_the_tables_lose_nothing(twinned: Summary) -> None:
    """Kinds of work and what is unexplained sum to the extra; parts and the clock to the twin's total."""
    for one in told(twinned):
        assert sum(added_us(one).values()) + one.residual_us.value == pytest.approx(one.extra_us.value)
    first = groups(twinned)[0].members[-1]
    row = ledger_tables.added(twinned).sections[0].lines[-1]
    assert (row.name, row.cells[-1]) == (first.label, figures.signed(first.ledger.extra_us.value))
    whole = ledger_tables.whole(twinned).sections[0].lines
    assert [line.name for line in whole[:2]] == ["the control", "memory-session"]
    for line in whole:
        *parts, total = (float(text.replace(",", "")) for text in line.cells if text != "-")
        assert sum(parts) == pytest.approx(total, abs=5)  # of three digits each


def test_every_entry_is_in_the_data(twinned: Summary) -> None:
    """One line each with calls and the CPU of a call, in the control as well; what is not counted is a dash."""
    found = ledger_tables.entries(twinned).sections
    assert sum(len(part.lines) for part in found) == sum(len(one.entries) for one in told(twinned))
    lines = {
        line.name: line.cells for part in found if part.title.startswith("redis-session, 1") for line in part.lines
    }
    assert lines["replicas redis"][1:] == ("1.00", "118", "0", "-")
    assert lines["replicas server"][1:] == ("1.00", "118", "1.00", "118")
    assert lines["haproxy"][1] == "-"


def test_every_kind_has_a_meaning_and_a_colour(twinned: Summary) -> None:
    """Each part is of one kind, what nobody foresaw too; its words stand beside the picture."""
    assert list(PARTS) == list(MEANINGS)
    assert {kind(entry) for one in twinned.ledgers for entry in one.entries} <= set(MEANINGS)
    assert [name for name, _ in ledger_tables.meanings(twinned)] == list(MEANINGS)


def test_the_picture_says_what_it_shows(twinned: Summary, svg: str) -> None:
    """Named, described with every extra and residual, coloured by variables, the same again; a BFF apart."""
    assert 'role="img"' in svg
    for one in told(twinned):
        assert figures.signed_interval(one.extra_us, "µs") in svg
    assert "paseto-v4 at 1 replica, 40 requests/s, with a BFF (another scale): +929" in svg
    assert not re.findall(r"(?<!, )#[0-9a-f]{6}\b", svg)
    assert svg.count("unexplained: open<") == 2
    assert svg == waterfall(twinned)
