"""The runs below a directory in the order of time, apart by machine and company: only like figures make a series."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.analysis import serial
from bench.analysis.trend import Run
from bench.measure import environment
from bench.measure.environment import Conditions, likeness
from bench.measure.rundir import RUN, RunDirectory, RunDirectoryError


@dataclass(frozen=True, slots=True)
class Series:
    """Runs of the same arms on one kind of machine, the earliest first."""

    conditions: Conditions
    runs: tuple[Run, ...]


@dataclass(frozen=True, slots=True)
class History:
    """All series, the longest first. `passed_over`: what could not be used and why, a line each."""

    series: tuple[Series, ...]
    passed_over: tuple[str, ...]


def history(below: Path) -> History:
    """The complete runs anywhere below a directory. RunDirectoryError where there is no run at all."""
    directories = [RunDirectory(path.parent) for path in sorted(below.rglob(RUN.file))]
    if not directories:
        message = f"{below}: found no {RUN.file} in or below it, expected one a run; name what authbench run writes to"
        raise RunDirectoryError(message)
    found: list[tuple[Conditions, list[Run]]] = []
    passed_over = []
    for directory in directories:
        try:
            conditions, run = _read(directory)
        except RunDirectoryError as error:
            passed_over.append(str(error))
            continue
        _runs_like(conditions, found).append(run)
    series = (Series(conditions, tuple(sorted(runs, key=_began))) for conditions, runs in found)
    return History(tuple(sorted(series, key=lambda one: -len(one.runs))), tuple(passed_over))


def _read(directory: RunDirectory) -> tuple[Conditions, Run]:
    """RunDirectoryError where the run has not come to its end, or cannot be read."""
    document = directory.document()
    if document["status"] != "complete" or "summary" not in document:
        message = f"{directory.path}: found it {document['status']}, expected a complete run; run it again"
        raise RunDirectoryError(message)
    try:
        conditions = Conditions(environment.from_jsonable(document["environment"]), _company(document))
        run = Run(directory.id, str(document["started_at"]), serial.from_jsonable(document["summary"]))
        _began(run)
    except ValueError as error:
        message = f"{directory.path}: {error}"
        raise RunDirectoryError(message) from error
    return conditions, run


def _runs_like(conditions: Conditions, found: list[tuple[Conditions, list[Run]]]) -> list[Run]:
    """The runs of the series that these conditions belong to; a new one where they are like no other."""
    for others, runs in found:
        if not likeness(others, conditions):
            return runs
    found.append((conditions, []))
    return found[-1][1]


def _company(document: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(arm["id"] for block in document["blocks"][:1] for arm in block["arms"])


def _began(run: Run) -> datetime:
    return datetime.fromisoformat(run.started_at).astimezone()
