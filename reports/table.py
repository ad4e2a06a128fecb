"""The comparison on a terminal: 80 columns are enough, colour is a courtesy, and a pipe gets plain text."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Literal, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.analysis.model import CellSummary, Summary
from reports import format as figures
from reports import ledger_tables, ledger_words
from reports.rows import Group, Row, groups, refused_in_words
from reports.tables import NOT_MEASURED, store_operations
from reports.terminal import terminal
from reports.words import NOT_SHOWN, aa_line, reasons

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("scheme", "left"),
    ("n", "right"),
    ("CPU us", "right"),
    ("against control", "right"),
    ("p50 ms", "right"),
    ("p99 ms", "right"),
    ("store ops", "left"),
    ("% refused (theory)", "right"),
    ("verdict", "left"),
)
HEADING = (
    "{:g} requests/s and arm, n replicas. CPU and store operations per successful\n"
    "request, ± half the 95 % interval; p50 and p99 of the response time."
)
REMOTE = "Remote target {}: of CPU only the services' own is known,\nnot the load balancer's nor the stores'."
STYLES = {"VALID": "", "INVALID": "red", "UNPROVEN": "yellow"}
WORD_MAX = 20
ROOMY = 104


def show(summary: Summary, stream: TextIO, *, target: str = "") -> None:
    """Print the comparison, the reasons of cells that cannot be compared, the noise and which ledgers close.

    `target`: where the servers were that somebody else runs.
    """
    with terminal(stream) as console:
        if target:
            console.print(REMOTE.format(target))
        _print(summary, console)


def _print(summary: Summary, console: Console) -> None:
    found = groups(summary)
    for rate_rps in dict.fromkeys(group.rate_rps for group in found):
        members = [group for group in found if group.rate_rps == rate_rps]
        console.print(HEADING.format(rate_rps))  # a title of the table's own would be folded to its width
        console.print(_table(members, whole=console.width >= ROOMY))
    _print_lines((*reasons(summary), aa_line(summary)), console)
    if ledger := ledger_tables.printed(summary):
        console.print(f"\n{ledger_tables.HEADING}")
        console.print(ledger)
        _print_lines(ledger_words.sentences(summary), console)


def _print_lines(lines: Iterable[str], console: Console) -> None:
    for line in lines:
        console.print(textwrap.fill(line, console.width, subsequent_indent="  ", break_long_words=False))


def _table(members: list[Group], *, whole: bool) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, side in COLUMNS:
        # Without a width of its own the scheme's column is the one that gives way where the others need the room.
        width = None if name == "scheme" else _width(name, members, whole=whole)
        table.add_column(name, justify=side, vertical="top", overflow="fold", width=width)
    for group in members:
        table.add_row()
        for row in group.rows:
            style = STYLES[row.cell.verdict.status] or ("bold" if row.is_control else "")
            table.add_row(*_cells(row), style=style)
    return table


def _width(column: str, members: list[Group], *, whole: bool) -> int:
    """Of the longest text where there is room for the `whole`, else of the longest word, however long a name is."""
    index = [name for name, _ in COLUMNS].index(column)
    texts = [list(_cells(row))[index].plain for group in members for row in group.rows]
    pieces = texts if whole else [word for text in texts for word in text.split(" ")]
    heading = max(map(len, column.split(" ")))
    return max(heading, min(max(map(len, pieces)), WORD_MAX))


def _cells(row: Row) -> Iterator[Text]:
    latency = row.latency or row.cell
    yield Text(row.label)
    yield Text(str(row.cell.cell.replicas))
    yield Text(_total(row))
    yield Text(_difference(row))
    yield Text(_percentile(latency, "p50"))
    yield Text(_percentile(latency, "p99"))
    yield Text(store_operations(row.cell))
    yield Text(_refused(row.cell))
    yield Text(row.cell.verdict.status)


def _total(row: Row) -> str:
    total = row.total_us
    if total is None:
        return "-" if row.is_invalid else NOT_MEASURED
    if not figures.has_interval(total):
        return figures.number(total.value)
    return (
        f"{figures.number(total.value)}{figures.SPACE}±{figures.number(figures.half_width(total), scale=total.value)}"
    )


def _difference(row: Row) -> str:
    """`+212 ±18 (+31%)` or the reason why there is none, short enough for its column."""
    if row.is_invalid:
        return "-"
    if row.is_refused:
        return f"{refused_in_words(row.cell.refusals.ratio.value)}: not ranked"
    if row.is_control:
        return "control"
    if row.versus is None:
        return "not compared"
    if not row.versus.shown:
        return NOT_SHOWN
    found = row.versus.difference_us
    half = f"±{figures.number(figures.half_width(found), scale=found.value)}" if figures.has_interval(found) else ""
    told = f"{figures.signed(found.value)}{figures.SPACE}{half}".rstrip(figures.SPACE)
    # Where the room is short the share goes to the next line, whole, and the scheme's name stays on its own.
    return f"{told} ({row.versus.ratio.value - 1:+.0%})"


def _percentile(cell: CellSummary, name: str) -> str:
    if cell.verdict.status == "INVALID":
        return "-"
    found = cell.response_ms.get(name)
    return figures.number(found.value) if found else "too few"


def _refused(cell: CellSummary) -> str:
    if cell.verdict.status == "INVALID":
        return "-"
    predicted = cell.refusals.predicted_ratio
    theory = "?" if predicted is None else f"{predicted * 100:.3g}"
    return f"{figures.number(cell.refusals.ratio.value * 100)}{figures.SPACE}({theory})"
