"""The comparison on a terminal: one table a rate and carrier, 80 columns wide at most."""

from collections.abc import Iterator
from typing import Literal

from rich.console import Console
from rich.table import Table

from bench.generator.comparison import Cell, Ratio, Row
from bench.generator.contender import Contender, Spread

WIDTH = 80
ABSENT = "-"
COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("generator", "left"),
    ("CPU us", "right"),
    ("of k6's", "right"),
    ("late p50/p99 ms", "right"),
    ("response p50/p99", "right"),
    ("sent", "right"),
)


def show(cell: Cell, console: Console) -> None:
    """Print the table of `cell`, and below it what its columns cannot hold."""
    console.print(f"{cell.carrier}, {cell.rate_rps:,} requests/s, {len(cell.rounds)} rounds")
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for name, side in COLUMNS:
        table.add_column(name, justify=side)
    for row in cell.rows:
        table.add_row(*_cells(row))
    console.print(table)
    for note in notes(cell):
        console.print(note)
    console.print()


def notes(cell: Cell) -> Iterator[str]:
    """Lateness by a generator's own record, and requests without a good answer."""
    for row in cell.rows:
        if row.recorded:
            yield f"{row.generator} by its own record: late by {_spread(row.recorded)} ms"
        if row.refused or row.failed:
            yield f"{row.generator}: {row.refused} requests refused by the server, {row.failed} failed by its own count"


def missing(contender: Contender) -> str:
    """How to get one that is not there."""
    return f"{contender.name} is not installed; to compare with it: {contender.install}"


def _cells(row: Row) -> Iterator[str]:
    yield row.generator
    yield f"{row.cpu_us:.0f}"
    yield _ratio(row.to_k6)
    yield _spread(row.lateness)
    yield _spread(row.response)
    yield ABSENT if row.sent_ratio is None else f"{row.sent_ratio:.3f}"


def _ratio(found: Ratio | None) -> str:
    """With its range where rounds differ."""
    if found is None:
        return ABSENT
    return f"{found.value:.2f}" + (f" ({found.low:.2f}-{found.high:.2f})" if found.low < found.high else "")


def _spread(found: Spread | None) -> str:
    return ABSENT if found is None else f"{found.p50_ms:.2f} / {found.p99_ms:.2f}"
