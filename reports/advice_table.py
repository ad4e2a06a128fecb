"""The advice as tables: on a terminal of 80 columns, and for the page."""

import textwrap
from collections.abc import Iterator
from typing import Literal, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench.analysis.advice import Advice, Candidate, Reason
from bench.analysis.advice_rules import RULES
from reports import format as figures
from reports.advice_words import FACTS, AdviceFacts, answer, cpu, flag, label, sentences, where
from reports.tables import Line, Section, TableView
from reports.terminal import terminal

COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("scheme", "left"),
    ("kind", "left"),
    ("CPU us over control", "right"),
    ("p99 ms", "right"),
    ("store ops", "right"),
    ("bytes up/down", "right"),
)
ORDER = "What remains, by CPU of a read over the control, then store operations, then name"
UNKNOWN = "-"


def show(advice: Advice, facts: AdviceFacts, stream: TextIO) -> None:
    """Print the answer, what remains and what not, and every doubt, to `stream`."""
    with terminal(stream) as console:
        _fill(console, answer(advice, facts))
        for line in sentences(advice, facts):
            _fill(console, line)
        if advice.remaining:
            console.print()
            _fill(console, f"{ORDER}{_place(facts)}:")
            console.print(_remaining(advice))
            if any(one.cost.cpu_us and not one.cost.shown for one in advice.remaining):
                console.print("* no difference to the control shown")
        if advice.eliminated:
            console.print("\nEliminated:")
            console.print(_eliminated(advice, facts))


def remaining(advice: Advice, facts: AdviceFacts) -> TableView:
    """Who remains, in order, with every figure of the order."""
    head = (
        "kind", "carrier", "CPU over the control", "p99", "store operations", "bytes up", "bytes down",
        "memory a session", "measured",
    )  # fmt: skip
    lines = tuple(Line(label(one), _cells(one)) for one in advice.remaining)
    return TableView(f"{ORDER}{_place(facts)}.", "scheme", head, (Section("", lines),))


def eliminated(advice: Advice, facts: AdviceFacts) -> TableView:
    """Who does not, and every reason."""
    lines = tuple(
        Line(label(one.candidate), (_flags(advice, reason, facts), reason.because, reason.source))
        for one in advice.eliminated
        for reason in one.reasons
    )
    caption = "Every need that a scheme does not meet, with the figure and where it was found."
    return TableView(caption, "scheme", ("need", "why not", "source"), (Section("", lines),))


def rules(facts: AdviceFacts) -> TableView:
    """All that eliminates anybody."""
    lines = tuple(
        Line(
            " and ".join(facts.flags[name] for name in rule.needs),
            (FACTS[rule.fact], rule.limit, rule.because.format(found="...")),
        )
        for rule in RULES
    )
    caption = "A scheme is out when the figure breaks the limit; nothing is weighed against anything else."
    return TableView(caption, "need", ("figure", "limit", "says"), (Section("", lines),))


def _place(facts: AdviceFacts) -> str:
    return f" ({where(facts)})" if where(facts) else ""


def _fill(console: Console, text: str) -> None:
    console.print(textwrap.fill(text, console.width, subsequent_indent="  ", break_long_words=False))


def _remaining(advice: Advice) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, side in COLUMNS:
        table.add_column(name, justify=side, vertical="top", overflow="fold")
    for one in advice.remaining:
        table.add_row(*map(Text, _short(one)))
    return table


def _eliminated(advice: Advice, facts: AdviceFacts) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, show_header=False)
    table.add_column(vertical="top", overflow="fold", ratio=1)
    table.add_column(vertical="top", overflow="fold", ratio=4)
    for one in advice.eliminated:
        told = "\n".join(f"{_flags(advice, one, facts)}: {one.because} [{one.source}]" for one in one.reasons)
        table.add_row(Text(label(one.candidate)), Text(told))
    return table


def _flags(advice: Advice, reason: Reason, facts: AdviceFacts) -> str:
    return " and ".join(flag(advice.needs, name, facts) for name in reason.needs)


def _short(one: Candidate) -> Iterator[str]:
    """A row of the terminal."""
    found = one.cost.cpu_us
    yield label(one)
    yield one.kind
    yield f"{figures.signed(found.value)}{_half(one)}{'' if one.cost.shown else ' *'}" if found else UNKNOWN
    yield figures.number(one.cost.p99_ms.value) if one.cost.p99_ms else UNKNOWN
    yield figures.number(one.cost.store_operations)
    yield UNKNOWN if one.cost.bytes_up is None else f"{one.cost.bytes_up:.0f}/{one.cost.bytes_down or 0:.0f}"


def _half(one: Candidate) -> str:
    found = one.cost.cpu_us
    if found is None or not figures.has_interval(found):
        return ""
    return f"{figures.SPACE}±{figures.number(figures.half_width(found), scale=found.value)}"


def _cells(one: Candidate) -> tuple[str, ...]:
    """A row of the page."""
    cost = one.cost
    return (
        one.kind,
        one.carrier,
        cpu(one),
        figures.interval(cost.p99_ms, "ms") if cost.p99_ms else "not measured",
        figures.number(cost.store_operations),
        UNKNOWN if cost.bytes_up is None else f"{cost.bytes_up:,.0f} B",
        UNKNOWN if cost.bytes_down is None else f"{cost.bytes_down:,.0f} B",
        one.facts["session_bytes"].words if "session_bytes" in one.facts else UNKNOWN,
        cost.cell or "nowhere",
    )
