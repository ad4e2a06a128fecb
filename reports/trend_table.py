"""Trends as tables: on a terminal of 80 columns, and for the page."""

from collections.abc import Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from bench.analysis.trend import Trend
from reports import format as figures
from reports.tables import Line, Section, TableView, Tone
from reports.terminal import fill, terminal
from reports.trend_words import (
    METRICS,
    SeriesTrends,
    TrendFacts,
    amount,
    changes,
    heading,
    in_short,
    name,
    too_few,
    verdict,
)


def show(told: Sequence[SeriesTrends], facts: TrendFacts, stream: TextIO) -> None:
    """Print the verdict, every series with a line a figure, every change, and what was passed over."""
    with terminal(stream) as console:
        fill(console, verdict(told))
        for place, one in enumerate(told):
            console.print()
            fill(console, heading(told, place))
            if not one.is_told:
                fill(console, too_few(one))
            console.print(_table(one))
        console.print()
        for line in (*changes(told), *(f"passed over: {why}" for why in facts.passed_over)):
            fill(console, line)


def view(told: Sequence[SeriesTrends], place: int) -> TableView:
    """One series for the page."""
    lines = tuple(Line(name(trend), _cells(trend), _tone(trend)) for trend in told[place].trends)
    head = ("first run", "last run", "last over first", "changes of the level")
    return TableView(f"{heading(told, place)}.", "figure", head, (Section("", lines),))


def _table(one: SeriesTrends) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("cell", overflow="fold")
    table.add_column("figure")
    table.add_column("first", justify="right", no_wrap=True)
    table.add_column("last", justify="right", no_wrap=True)
    table.add_column("changes", overflow="fold")
    for trend in one.trends:
        first, last, _, moved = _cells(trend)
        style = "bold" if trend.changes else ""
        table.add_row(*map(Text, (trend.cell, METRICS[trend.metric], first, last, moved)), style=style)
    return table


def _cells(trend: Trend) -> tuple[str, str, str, str]:
    first, last = (trend.points[place].value for place in (0, -1))
    return amount(trend, first), amount(trend, last), figures.signed_percent(last / first - 1), in_short(trend)


def _tone(trend: Trend) -> Tone:
    return "" if trend.changes else "muted"
