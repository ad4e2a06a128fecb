"""How a gate did on code whose slowness is known, as a table: alarms, doubts and time, each with its interval."""

from collections.abc import Sequence
from typing import TextIO

from rich.table import Table

from bench.analysis.model import Estimate
from bench.gates.selftest import Rate, Trials
from reports.terminal import fill, terminal

CAPTION = (
    "What failed at +0 % are false alarms, else detections; exact 95 % intervals (Clopper and Pearson 1934). Median "
    "seconds of a gate, without and with a confirming stage."
)


def show(asked: Trials, rates: Sequence[Rate], stream: TextIO) -> None:
    """Print what the trials came to."""
    gate = asked.gate
    with terminal(stream) as console:
        fill(console, f"{gate.name}: {gate.scheme} {gate.step}, margin {gate.margin_ratio:.1%}")
        console.print(table(rates))
        fill(console, CAPTION)


def table(rates: Sequence[Rate]) -> Table:
    """A line for each slowdown."""
    grid = Table(box=None, pad_edge=False)
    for title in ("slowed by", "trials", "failed", "inconclusive", "s each", "s twice"):
        grid.add_column(title, justify="right")
    for rate in rates:
        grid.add_row(
            f"{rate.slowdown_ratio:+.0%}",
            str(rate.trials),
            _share(rate.failed),
            _share(rate.inconclusive),
            _seconds(rate.clean_s),
            _seconds(rate.confirmed_s),
        )
    return grid


def _share(ratio: Estimate) -> str:
    return f"{ratio.value:.1%} ({100 * ratio.low:.1f} to {100 * ratio.high:.1f})"


def _seconds(took_s: float | None) -> str:
    return "-" if took_s is None else f"{took_s:.1f}"
