"""`authbench diff`: two runs side by side, refused where their machines or arms are unlike."""

import argparse
import json
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from authbench.exits import Exit
from authbench.failures import UsageError
from bench.analysis import serial
from bench.analysis.comparison import LEAST_LOG_RATIO
from bench.analysis.diff import Change, changes
from bench.analysis.micro_diff import CallChange, bar_of, call_changes
from bench.analysis.model import Summary
from bench.analysis.summary import summarise
from bench.measure import environment
from bench.measure.environment import Conditions, likeness
from bench.measure.micro import measured
from bench.measure.rundir import MICRO, RUN, Kind, RunDirectory
from reports import format as figures
from reports.micro_words import called
from reports.terminal import NARROWEST, fill
from reports.words import NOT_SHOWN

CELLS = "CPU per request over the control of the same run"
CALLS = "CPU of a call by its thread's clock, hot in a tight loop and cold when paced"


@dataclass(frozen=True, slots=True)
class Calls:
    """What became of calls. `bar`: what proves nothing, as a difference of logarithms."""

    changes: tuple[CallChange, ...] = ()
    bar: float = LEAST_LOG_RATIO


def command(chosen: argparse.Namespace) -> int:
    """Print what changed; 4 when nothing may be compared."""
    sides = [RunDirectory(path) for path in chosen.runs]
    kinds = _in_common(*sides)
    unlike = {line for kind in kinds for line in likeness(*(_conditions(side, kind) for side in sides))}
    if unlike:
        _refuse(sorted(unlike))
        return Exit.NOTHING_VALID
    cells = changes(*map(_summary, sides)) if RUN in kinds else ()
    calls = _calls(*sides) if MICRO in kinds else Calls()
    _show(cells, calls, as_json=chosen.json)
    return Exit.OK if cells or calls.changes else Exit.NOTHING_VALID


def _in_common(before: RunDirectory, after: RunDirectory) -> tuple[Kind, ...]:
    """What both hold; a run joined by microbenchmarks is both. UsageError where only one has microbenchmarks."""
    kinds = tuple(kind for kind in (RUN, MICRO) if before.has(kind) and after.has(kind))
    for one, other in ((before, after), (after, before)):
        if not kinds and one.has(MICRO):
            message = f"{other.path}: found no {MICRO.file}, expected one as in {one.path}; name two of authbench micro"
            raise UsageError(message)
    return kinds or (RUN,)


def _refuse(unlike: Sequence[str]) -> None:
    lines = "".join(f"\n  {difference}" for difference in unlike)
    print(  # noqa: T201 - the one thing there is to say
        f"authbench diff: the runs are unlike, expected like machines and arms; measure both alike:{lines}",
        file=sys.stderr,
    )


def _conditions(side: RunDirectory, kind: Kind) -> Conditions:
    """Nothing runs beside a microbenchmark."""
    document = side.document(kind)
    try:
        return Conditions(environment.from_jsonable(document["environment"]), _company(document))
    except ValueError as error:
        message = f"{side.path}: {error}"
        raise UsageError(message) from error


def _company(document: dict[str, Any]) -> tuple[str, ...]:
    blocks = document.get("blocks")
    return tuple(arm["id"] for arm in blocks[0]["arms"]) if blocks else ()


def _summary(side: RunDirectory) -> Summary:
    return summarise(side.records(), side.document()["needs_affinity"])


def _calls(before: RunDirectory, after: RunDirectory) -> Calls:
    """Floors tell what chance does only where their libraries are the same."""
    found = measured(before), measured(after)
    libraries = [side.document(MICRO)["environment"]["libraries"] for side in (before, after)]
    bar = bar_of(*found) if libraries[0] == libraries[1] else LEAST_LOG_RATIO
    return Calls(call_changes(*found, bar), bar)


def _show(cells: Sequence[Change], calls: Calls, *, as_json: bool) -> None:
    if as_json:
        told = [*map(serial.finite, cells), *map(serial.finite, calls.changes)]
        print(json.dumps(told, indent=1))  # noqa: T201 - the result
        return
    if not cells and not calls.changes:
        print("no cell is valid in both runs")  # noqa: T201 - as above
        return
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.width = max(console.width, NARROWEST)
    if cells:
        console.print(_cells(cells))
    if calls.changes:
        _print_calls(console, calls)


def _cells(found: Sequence[Change]) -> Table:
    table = _table(CELLS, "cell", "before", "after", "change")
    for change in found:
        sides = (figures.signed_percent(side.value - 1) for side in (change.before, change.after))
        table.add_row(change.cell, *sides, _in_words(change))
    return table


def _print_calls(console: Console, calls: Calls) -> None:
    """Those that changed; there are too many of the others to be listed."""
    shown = [change for change in calls.changes if change.shown]
    table = _table(CALLS, "call", "clock", "before", "after", "change")
    for change in shown:
        sides = (f"{figures.number(side.value)}{figures.SPACE}µs" for side in (change.before_us, change.after_us))
        table.add_row(called(change.group, change.subject, change.case), change.clock, *sides, _in_words(change))
    if shown:
        console.print(table)
    fill(
        console,
        f"{NOT_SHOWN}: {len(calls.changes) - len(shown)} of {len(calls.changes)} times of calls; a change must clear "
        f"{figures.percent(math.expm1(calls.bar))}, by which calls move that nobody changed",
    )


def _table(title: str, stub: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", box=None)
    table.add_column(stub, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _in_words(change: Change | CallChange) -> str:
    told = figures.change(change.ratio)
    return told if change.shown else f"{NOT_SHOWN}: {told}"
