"""`authbench diff`: two runs side by side, refused where their machines or arms are unlike."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from authbench.exits import Exit
from authbench.failures import UsageError
from bench.analysis import serial
from bench.analysis.diff import Change, changes
from bench.analysis.model import Summary
from bench.analysis.summary import summarise
from bench.measure import environment
from bench.measure.environment import Conditions, likeness
from bench.measure.rundir import RunDirectory
from reports import format as figures
from reports.words import NOT_SHOWN

NARROWEST = 80


def command(chosen: argparse.Namespace) -> int:
    """Print what changed; 4 when nothing may be compared."""
    documents = [RunDirectory(path).document() for path in chosen.runs]
    unlike = likeness(*map(_conditions, chosen.runs, documents))
    if unlike:
        _refuse(unlike)
        return Exit.NOTHING_VALID
    found = changes(*(_summary(path, document) for path, document in zip(chosen.runs, documents, strict=True)))
    _show(found, as_json=chosen.json)
    return Exit.OK if found else Exit.NOTHING_VALID


def _refuse(unlike: Sequence[str]) -> None:
    lines = "".join(f"\n  {difference}" for difference in unlike)
    print(  # noqa: T201 - the one thing there is to say
        f"authbench diff: the runs are unlike, expected like machines and arms; measure both alike:{lines}",
        file=sys.stderr,
    )


def _conditions(path: Path, document: dict[str, Any]) -> Conditions:
    company = tuple(arm["id"] for arm in document["blocks"][0]["arms"])
    try:
        return Conditions(environment.from_jsonable(document["environment"]), company)
    except ValueError as error:
        message = f"{path}: {error}"
        raise UsageError(message) from error


def _summary(path: Path, document: dict[str, Any]) -> Summary:
    return summarise(RunDirectory(path).records(), document["needs_affinity"])


def _show(found: Sequence[Change], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([serial.finite(change) for change in found], indent=1))  # noqa: T201 - the result
        return
    if not found:
        print("no cell is valid in both runs")  # noqa: T201 - as above
        return
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.width = max(console.width, NARROWEST)
    console.print(_table(found))


def _table(found: Sequence[Change]) -> Table:
    table = Table(title="CPU per request over the control of the same run", title_justify="left", box=None)
    for name in ("cell", "before", "after", "change"):
        table.add_column(name, justify="left" if name == "cell" else "right", overflow="fold")
    for change in found:
        sides = (figures.signed_percent(side.value - 1) for side in (change.before, change.after))
        table.add_row(change.cell, *sides, _in_words(change))
    return table


def _in_words(change: Change) -> str:
    told = figures.change(change.ratio)
    return told if change.shown else f"{NOT_SHOWN}: {told}"
