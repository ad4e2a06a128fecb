"""The highest rates under an SLO as tables: on a terminal of 80 columns, and for the page."""

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.analysis.ladder import Probe
from bench.analysis.max_rate import MaxRate
from bench.analysis.model import Estimate
from reports import format as figures
from reports.max_rate_words import (
    CONTROL,
    LIMITS,
    MaxRateFacts,
    by_replicas,
    labels,
    reasons,
    sentences,
    slo,
    verdict,
    why_never,
)
from reports.tables import Line, Section, TableView, Tone
from reports.terminal import terminal

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("scheme", "left"),
    ("n", "right"),
    ("requests/s", "right"),
    ("p99 ms", "right"),
    ("good/s", "right"),
    ("limit", "left"),
    ("verdict", "left"),
)
STYLES = {"VALID": "", "INVALID": "red", "UNPROVEN": "yellow"}
TONES: Mapping[str, Tone] = {"VALID": "", "INVALID": "invalid", "UNPROVEN": "unproven"}
UNKNOWN = "-"


def show(outcomes: Sequence[MaxRate], facts: MaxRateFacts, stream: TextIO) -> None:
    """Print the verdict, a line an arm, and every doubt, to `stream`."""
    with terminal(stream) as console:
        _fill(console, verdict(outcomes, facts.slo_ms))
        console.print()
        console.print(
            f"Highest rate with a p99 of at most {slo(facts.slo_ms)} on n replicas, and its 95 % interval;\n"
            "p99 and successful answers per second at that rate."
        )
        console.print(_table(outcomes))
        console.print()
        for line in (*sentences(outcomes, facts.slo_ms), *reasons(outcomes), *facts.notes):
            _fill(console, line)


def highest(outcomes: Sequence[MaxRate], facts: MaxRateFacts) -> TableView:
    """The table everything else explains."""
    caption = (
        f"Highest rate with a p99 of the response time of at most {slo(facts.slo_ms)}; p99 and goodput at that rate, "
        f"mean over the process sets that verified it; 95{figures.SPACE}% intervals in parentheses."
    )
    head = ("requests/s", "p99", "goodput per second", "limit", "process sets", "verdict")
    names = labels(outcomes)
    sections = (
        Section(
            f"At {figures.plural(count, 'replica')}",
            tuple(_line(one, names[one.arm.id]) for one in members),
        )
        for count, members in by_replicas(outcomes).items()
    )
    return TableView(caption, "scheme", head, tuple(sections))


def probes(outcomes: Sequence[MaxRate]) -> TableView:
    """Every rate that was offered, in its order."""
    head = ("offered", "for", "scheduled", "succeeded", "refused", "p99", "generator CPU", "found")
    names = labels(outcomes)
    sections = (
        Section(
            f"{names[one.arm.id]} at {figures.plural(one.arm.replicas, 'replica')}",
            tuple(_probe_line(probe) for probe in one.probes),
        )
        for members in by_replicas(outcomes).values()
        for one in members
    )
    return TableView("Every probe; set 0 searches, the others verify.", "process set", head, tuple(sections))


def _fill(console: Console, text: str) -> None:
    console.print(textwrap.fill(text, console.width, subsequent_indent="  ", break_long_words=False))


def _table(outcomes: Sequence[MaxRate]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, side in COLUMNS:
        table.add_column(name, justify=side, vertical="top", overflow="fold")
    names = labels(outcomes)
    for members in by_replicas(outcomes).values():
        table.add_row()
        for one in members:
            style = STYLES[one.verdict.status] or ("bold" if one.arm.scheme == CONTROL else "")
            table.add_row(*map(Text, (names[one.arm.id], *_cells(one))), style=style)
    return table


def _cells(one: MaxRate) -> Iterator[str]:
    yield str(one.arm.replicas)
    yield _rate(one)
    yield figures.number(one.p99_ms.value) if one.p99_ms else UNKNOWN
    yield figures.number(one.goodput_rps.value) if one.goodput_rps else UNKNOWN
    yield _limit(one)
    yield one.verdict.status


def _rate(one: MaxRate) -> str:
    """`1,230 (1,180-1,310)`, `none: half refused`, `at least 640`."""
    if one.rate_rps:
        return _counted(one.rate_rps)
    if one.is_never_met:
        return f"none: {why_never(one)}"
    return UNKNOWN if one.met_rps is None else f"at least {figures.number(one.met_rps)}"


def _limit(one: MaxRate) -> str:
    return LIMITS[one.limit] if one.limit else UNKNOWN


def _line(one: MaxRate, name: str) -> Line:
    tone = TONES[one.verdict.status] or ("control" if one.arm.scheme == CONTROL else "")
    cells = (
        _rate(one),
        figures.interval(one.p99_ms, "ms") if one.p99_ms else UNKNOWN,
        _counted(one.goodput_rps) if one.goodput_rps else UNKNOWN,
        _limit(one),
        _settled(one),
        one.verdict.status,
    )
    return Line(name, cells, tone)


def _settled(one: MaxRate) -> str:
    """What each verifying set came to; a single dash where none did."""
    found = [UNKNOWN if rate is None else figures.number(rate) for rate in one.settled_rps]
    return ", ".join(found) if set(found) != {UNKNOWN} else UNKNOWN


def _counted(estimate: Estimate) -> str:
    interval = figures.ends(estimate) if figures.has_interval(estimate) else "no interval"
    return f"{figures.number(estimate.value)} ({interval})"


def _probe_line(probe: Probe) -> Line:
    generator = probe.generator_cpu_ratio
    slowest = f"{figures.number(probe.p99_ms)}{figures.SPACE}ms" if math.isfinite(probe.p99_ms) else "none: failures"
    cells = (
        f"{probe.rate_rps:,g}/s",
        f"{probe.seconds}{figures.SPACE}s",
        figures.count(probe.scheduled),
        figures.count(probe.succeeded),
        figures.count(probe.refused),
        slowest,
        UNKNOWN if generator is None else figures.percent(generator, decimals=0),
        "; ".join(probe.verdict.reasons) or ("met" if probe.meets else "missed"),
    )
    return Line(str(probe.process_set), cells, TONES[probe.verdict.status])
