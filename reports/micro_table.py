"""Microbenchmarks as tables: the answer first and every other call below it, on a terminal and for the page."""

import math
import textwrap
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.table import Table
from rich.text import Text

from bench.analysis.model import Estimate
from bench.micro.figures import Figure, Floor, FloorKind
from reports import format as figures
from reports.micro_words import (
    GLANCE,
    TIMES,
    MicroFacts,
    at_a_glance,
    floor_ratio,
    labels,
    others,
    sentences,
    verdict,
)
from reports.tables import Line, Section, TableView
from reports.terminal import fill, terminal

UNKNOWN = "-"
NAME_MAX = 23
"""As many characters as 80 columns leave for a name."""
COLUMNS = ("hot", "cold", "c/h", "wall", "server", "over library", "wire")
HEAD = ("hot", "cold", "cold / hot", "wall", "store's process", "over the library floor", "over the wire floor")
LEGEND = (
    "µs a call. hot: CPU in a tight loop; cold: CPU when paced; c/h: cold / hot;",
    "wall: paced, with the wait; server: CPU of the store's process; over library,",
    "wire: hot CPU as a multiple of the bare library call, of the bare socket.",
)


def show(found: Sequence[Figure], facts: MicroFacts, stream: TextIO) -> None:
    """Print the verdict, signature against lookup at a glance, every other call, and what follows, to `stream`."""
    with terminal(stream) as console:
        fill(console, verdict(found))
        console.print()
        if found:
            console.print("\n".join(LEGEND))
            console.print(_table(found))
            console.print()
        for line in (*sentences(found), *_floor_names(found), *facts.notes):
            fill(console, line)


def glance(found: Sequence[Figure]) -> TableView:
    """Signature against lookup."""
    caption = (
        "Microseconds of verify, a valid credential, from the cheapest when cold. Hot and cold are CPU time of the "
        f"calling thread; multiples of a floor are of hot calls; 95{figures.SPACE}% intervals in parentheses."
    )
    return TableView(caption, "scheme", HEAD, (_section("", at_a_glance(found)),))


def every_other(found: Sequence[Figure]) -> TableView:
    """Whatever is not told at a glance."""
    sections = tuple(_section(title, members) for title, members in others(found).items())
    return TableView("Every other call, told alike.", "call", HEAD, sections)


def _section(title: str, members: Sequence[Figure]) -> Section:
    lines = (Line(name, _cells_of_page(one)) for name, one in zip(labels(members), members, strict=True))
    return Section(title, tuple(lines))


def _table(found: Sequence[Figure]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column(overflow="fold")
    for name in COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for title, members in {GLANCE: at_a_glance(found), **others(found)}.items():
        table.add_row()
        table.add_row(Text(title, style="bold"))
        for name, one in zip(labels(members), members, strict=True):
            table.add_row(*map(Text, (textwrap.fill(name, NAME_MAX), *_cells(one))))
    return table


def _cells(one: Figure) -> Iterator[str]:
    wire = floor_ratio(one, "wire")
    yield figures.number(one.hot_us.value)
    yield figures.number(one.cold_us.value)
    yield _cold_to_hot(one)
    yield figures.number(one.wall_us.value)
    yield UNKNOWN if one.server_us is None else figures.number(one.server_us)
    yield _multiple(floor_ratio(one, "library"))
    yield figures.number(wire.value) if wire else UNKNOWN


def _cells_of_page(one: Figure) -> tuple[str, ...]:
    return (
        figures.interval(one.hot_us, "µs"),
        figures.interval(one.cold_us, "µs"),
        _cold_to_hot(one),
        figures.interval(one.wall_us, "µs"),
        UNKNOWN if one.server_us is None else f"{figures.number(one.server_us)}{figures.SPACE}µs",
        _floor(one, "library"),
        _floor(one, "wire"),
    )


def _floor(one: Figure, kind: FloorKind) -> str:
    """`x 1.05 (1.03-1.07) of redis-py GETEX, 88.0 us`."""
    return next((_told(floor) for floor in one.floors if floor.kind == kind), UNKNOWN)


def _told(floor: Floor) -> str:
    bare = f"{floor.name}, {figures.number(floor.hot_us.value)}{figures.SPACE}µs"
    return f"{TIMES}{figures.SPACE}{_multiple(floor.ratio)} of {bare}"


def _cold_to_hot(one: Figure) -> str:
    """How much dearer a cold call is, where the clock could tell a hot one from nothing."""
    return figures.number(one.cold_to_hot_ratio) if one.hot_us.value > 0 else UNKNOWN


def _multiple(ratio: Estimate | None) -> str:
    """`1.05 (1.03-1.07)`."""
    if ratio is None or not math.isfinite(ratio.value):
        return UNKNOWN
    scale = max(ratio.value, 1.0)
    interval = figures.ends(ratio, scale=scale) if figures.has_interval(ratio) else "no interval"
    return f"{figures.number(ratio.value, scale=scale)} ({interval})"


def _floor_names(found: Sequence[Figure]) -> Iterator[str]:
    """What the floors at a glance are, and of whom."""
    members: dict[str, list[str]] = {}
    for one in at_a_glance(found):
        for floor in one.floors:
            members.setdefault(f"{floor.kind} floor {floor.name}", []).append(one.subject)
    for name, subjects in members.items():
        yield f"{name}: {', '.join(subjects)}"
