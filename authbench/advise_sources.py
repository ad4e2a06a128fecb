"""Where advice takes its figures from: the runs that were named, else the newest usable; unlike ones are refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from authbench.again import RUNS
from authbench.failures import UsageError
from bench.analysis.model import Summary
from bench.analysis.summary import summarise
from bench.consequences import serial
from bench.consequences.evidence import Sighted
from bench.consequences.model import Outcome
from bench.measure import environment
from bench.measure.environment import Conditions, likeness
from bench.measure.rundir import CONSEQUENCES, RUN, Kind, RunDirectory, RunDirectoryError


@dataclass(frozen=True, slots=True)
class Sources:
    """The figures of one run, and of each experiment the newest outcomes; either may be missing.

    `environment`: where all of it was measured, empty where nothing was. `directories`: all that was read.
    """

    run_id: str = ""
    summary: Summary | None = None
    sighted: Mapping[str, Sighted] = field(default_factory=dict)
    environment: Mapping[str, Any] = field(default_factory=dict)
    directories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """One document of a directory."""

    directory: RunDirectory
    kind: Kind
    document: Mapping[str, Any]

    @property
    def is_usable(self) -> bool:
        """Whether it came to an end, or was ended, with something measured."""
        counts = self.document["blocks_done"] if self.kind is RUN else len(self.document["experiments"])
        return bool(counts) and self.document["status"] != "running"

    @property
    def conditions(self) -> Conditions:
        """Where it was measured; its arms do not matter, as costs are told over the control of the same run."""
        try:
            return Conditions(environment.from_jsonable(self.document["environment"]), ())
        except ValueError as error:
            message = f"{self.directory.path}: {error}"
            raise UsageError(message) from error

    @property
    def names(self) -> tuple[str, ...]:
        """The experiments it tells of."""
        return tuple(one["name"] for one in self.document["experiments"]) if self.kind is CONSEQUENCES else ()


def sources(named: Sequence[Path]) -> Sources:
    """What the directories hold, or of none those below runs/. UsageError, RunDirectoryError, RecordError."""
    found = list(_named(named) if named else _below(RUNS))
    found.sort(key=lambda one: str(one.document["started_at"]), reverse=True)
    runs = [one for one in found if one.kind is RUN]
    newest: dict[str, _Source] = {}
    for one in found:
        for name in one.names:
            newest.setdefault(name, one)
    if named and len(runs) > 1:
        message = (
            f"found {len(runs)} runs ({', '.join(str(one.directory.path) for one in runs)}), expected one: what a "
            "scheme costs depends on the arms beside it; name the one to use, and directories of consequences"
        )
        raise UsageError(message)
    return _read(runs[:1], newest)


def _named(paths: Sequence[Path]) -> Iterator[_Source]:
    """Every document of each. RunDirectoryError where there is none."""
    for directory in map(RunDirectory, paths):
        kinds = [kind for kind in (RUN, CONSEQUENCES) if directory.has(kind)]
        yield from (_Source(directory, kind, directory.document(kind)) for kind in kinds or [RUN])


def _below(runs: Path) -> Iterator[_Source]:
    """Every usable document; what cannot be read, or tells nothing yet, is passed over, as nobody named it."""
    for path in sorted(runs.glob("*/")):
        try:
            yield from (one for one in _named([path]) if one.is_usable)
        except RunDirectoryError:
            continue


def _read(runs: Sequence[_Source], newest: Mapping[str, _Source]) -> Sources:
    used = list({one.directory.path: one for one in (*runs, *newest.values())}.values())
    _insist_alike(used)
    return Sources(
        run_id=runs[0].directory.id if runs else "",
        summary=_summary(runs[0]) if runs else None,
        sighted={name: Sighted(one.directory.id, _outcomes(one, name)) for name, one in newest.items()},
        environment=used[0].document["environment"] if used else {},
        directories=tuple(str(one.directory.path) for one in used),
    )


def _insist_alike(used: Sequence[_Source]) -> None:
    """Figures of unlike machines are never mixed."""
    for one, other in pairwise(used):
        if unlike := likeness(one.conditions, other.conditions):
            message = (
                f"{one.directory.path} and {other.directory.path}: found them unlike ({'; '.join(unlike)}), expected "
                "like machines; measure both on one, or name the directories to use"
            )
            raise UsageError(message)


def _summary(run: _Source) -> Summary:
    return summarise(run.directory.records(), run.document["needs_affinity"])


def _outcomes(source: _Source, name: str) -> tuple[Outcome, ...]:
    experiment = next(one for one in source.document["experiments"] if one["name"] == name)
    try:
        return serial.from_jsonable(experiment["outcomes"])
    except ValueError as error:
        message = f"{source.directory.path}: {error}"
        raise UsageError(message) from error
