"""A gate run on a terminal: 80 columns are enough, what failed comes first, and the last sentence is the verdict."""

from collections.abc import Mapping
from typing import TextIO

from rich.table import Table
from rich.text import Text

from bench.gates.model import GateRun, GateStatus
from reports.gate_words import ORDER, Told, canaries, circumstances, closing, told
from reports.terminal import fill, terminal

COLUMNS = ("gate", "found", "bar")
STATUS_WIDTH = max(map(len, ORDER))
STYLES: Mapping[GateStatus, str] = {
    "fail": "red",
    "inconclusive": "yellow",
    "void": "dim",
    "advice": "cyan",
    "pass": "",
}


def show(run: GateRun, stream: TextIO) -> None:
    """Print every gate, the reason of each that did not pass, the canaries and the verdict, to `stream`."""
    gates = told(run)
    with terminal(stream) as console:
        console.print(table(gates))
        console.print()
        for one in gates:
            if one.status != "pass":
                fill(console, f"{one.word} {one.name}: {one.line}")
        for line in (*canaries(run), circumstances(run)):
            fill(console, line)
        console.print()
        fill(console, closing(run))


def table(gates: tuple[Told, ...]) -> Table:
    """A row a gate: its status whole, the others folded where 80 columns are too few."""
    found = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    found.add_column("status", no_wrap=True, width=STATUS_WIDTH)
    for name in COLUMNS:
        found.add_column(name, overflow="fold")
    for one in gates:
        found.add_row(*map(Text, (one.word, one.name, one.found, one.bar)), style=STYLES[one.status])
    return found
