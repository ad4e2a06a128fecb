"""The terminal table: 80 columns, no control codes in a pipe, nothing lost."""

import io
import math
from dataclasses import replace

import pytest

from bench.analysis.model import Estimate, Refusals, Summary, Verdict
from reports import format as figures
from reports import table


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal as narrow as they come."""
    monkeypatch.setenv("COLUMNS", "80")


def shown(summary: Summary) -> str:
    """What a pipe receives, with keyboard blanks."""
    stream = io.StringIO()
    table.show(summary, stream)
    return stream.getvalue().replace(figures.SPACE, " ")


def test_it_fits_eighty_columns_without_control_codes(summary: Summary) -> None:
    """No line is longer than 80 columns, and a pipe sees no escape sequence."""
    text = shown(summary)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_words_stay_whole(summary: Summary) -> None:
    """Schemes and verdicts are not broken in the middle, one row a CPU cell."""
    text = shown(summary)
    for scheme in {cell.cell.scheme for cell in summary.cells}:
        assert any(line.startswith(scheme) for line in text.splitlines())
    assert text.count(" VALID\n") == 13
    assert sum(line.endswith(" INVALID") for line in text.splitlines()) == 1


def test_a_row_holds_its_figures(summary: Summary) -> None:
    """CPU with half-width, difference in us and percent, percentiles and operations are those of the cell."""
    cell = next(one for one in summary.cells if one.id == "redis-session-cookie-1.cpu-40")
    versus = next(one for one in summary.to_control if one.candidate == cell.id)
    row = next(line for line in shown(summary).splitlines() if " 669 ±9 " in line)
    assert f"{cell.cpu_us['total'].value:.0f} ±9" in row
    assert f"+{versus.difference_us.value:.0f} ±{figures.half_width(versus.difference_us):.0f} " in row
    assert "(+54%)" in shown(summary)
    assert " redis 1 " in row


def test_it_ends_with_reasons_and_noise(summary: Summary) -> None:
    """The reasons of invalid cells and the A/A line close the table."""
    text = " ".join(shown(summary).split())
    assert "INVALID refresh-token-bearer-2.cpu-40: block 3: 12 of 3,200 samples are missing;" in text
    assert text.endswith("differences below 2.1 % are not shown.")


def test_room_is_used(summary: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a wide terminal no cell of the table wraps."""
    monkeypatch.setenv("COLUMNS", "140")
    text = shown(summary)
    assert "no difference shown" in text
    assert "redis-session again" in text


def test_a_long_plugin_name_folds_in_its_own_column(summary: Summary) -> None:
    """A name of 40 letters takes lines, not the other columns' room."""
    long = "x" * 40
    cells = tuple(
        replace(cell, cell=replace(cell.cell, scheme=long)) if cell.cell.scheme == "paseto-v4" else cell
        for cell in summary.cells
    )
    text = shown(replace(summary, cells=cells))
    assert max(map(len, text.splitlines())) <= 80
    assert text.count("x") >= 40


def test_an_ascii_terminal_gets_ascii(summary: Summary) -> None:
    """A stream that cannot encode the signs gets their spelling instead of an error."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    table.show(summary, stream)
    stream.flush()
    assert b"+/-" in raw.getvalue()
    assert b"?" not in raw.getvalue()


def test_what_was_not_measured_is_not_zero(summary: Summary) -> None:
    """Without counters, samples, theory or a second block the table says so."""
    bare = tuple(
        replace(
            cell,
            verdict=Verdict("UNPROVEN", ("no counters",)),
            cpu_us={},
            response_ms={},
            refusals=Refusals(Estimate(0.3, 0.2, 0.4), None, 9, 9, None) if cell.cell.replicas > 1 else cell.refusals,
        )
        for cell in summary.cells
    )
    text = shown(Summary(bare, (), (), None))
    assert text.count("UNPROVEN") == 14 + 1
    assert "UNPROVEN 28 of 28 cells: no counters" in text
    assert "30.0 (?)" in text
    assert " few " in text
    assert "noise of this run is unknown" in text


def test_an_invalid_latency_cell_shows_no_time(summary: Summary) -> None:
    """Percentiles of an INVALID latency cell stay out of the row of its valid CPU cell."""
    cells = tuple(
        replace(cell, verdict=Verdict("INVALID", ("late",))) if cell.cell.purpose == "latency" else cell
        for cell in summary.cells
    )
    row = next(line for line in shown(replace(summary, cells=cells)).splitlines() if " 669 ±9 " in line)
    assert row.split("±")[-1].split()[1:4] == ["-", "-", "redis"]


def test_one_block_shows_no_half_width(summary: Summary) -> None:
    """A cost or difference without an interval is told bare."""
    cells = tuple(replace(cell, cpu_us={"total": Estimate(500, -math.inf, math.inf)}) for cell in summary.cells)
    lone = tuple(replace(one, difference_us=Estimate(99, -math.inf, math.inf)) for one in summary.to_control)
    text = shown(replace(summary, cells=cells, to_control=lone))
    assert " 500 " in text
    assert "+99.0" in text
    assert "(+28%)" in text
