"""Several run directories that answer one question: the newest of each kind, and only such as one machine measured."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.measure import environment
from bench.measure.environment import Conditions, Environment, likeness
from bench.measure.rundir import CONSEQUENCES, MAX_RATE, MICRO, RUN, Kind, RunDirectory, RunDirectoryError

KINDS = (MAX_RATE, RUN, CONSEQUENCES, MICRO)


@dataclass(frozen=True, slots=True)
class Found:
    """A document and the directory it stands in."""

    directory: RunDirectory
    kind: Kind
    document: dict[str, Any]

    @property
    def environment(self) -> Environment:
        """What it was measured on. RunDirectoryError where it does not say."""
        try:
            return environment.from_jsonable(self.document["environment"])
        except ValueError as error:
            message = f"{self.directory.path}: {error}"
            raise RunDirectoryError(message) from error


def found(path: Path) -> tuple[Found, ...]:
    """The documents that stand at `path`, at least one. RunDirectoryError."""
    directory = RunDirectory(path)
    documents = tuple(Found(directory, kind, directory.document(kind)) for kind in KINDS if directory.has(kind))
    if not documents:
        files = ", ".join(kind.file for kind in KINDS)
        message = f"{path}: found no document, expected one of {files}; name a directory that authbench has written"
        raise RunDirectoryError(message)
    return documents


def found_alike(paths: Sequence[Path]) -> tuple[Found, ...]:
    """The documents at `paths`. RunDirectoryError where one cannot be read or is from a machine unlike the first's."""
    documents = tuple(one for path in paths for one in found(path))
    for one in documents[1:]:
        if unlike := _unlike(documents[0], one):
            first, other = documents[0].directory.path, one.directory.path
            message = f"{other}: found {'; '.join(unlike)}, expected the same as {first}; name runs of one machine"
            raise RunDirectoryError(message)
    return documents


def newest(runs: Path) -> tuple[Path, ...]:
    """The newest complete directory of each kind below `runs` that is alike the newest of all; none where none is."""
    chosen: list[Found] = []
    for one in sorted(_readable(runs), key=lambda one: str(one.document["started_at"]), reverse=True):
        is_new = all(one.kind != other.kind for other in chosen)
        if is_new and not any(_unlike(other, one) for other in chosen[:1]):
            chosen.append(one)
    return tuple(dict.fromkeys(one.directory.path for one in chosen))


def _readable(runs: Path) -> Iterator[Found]:
    for path in sorted(runs.glob("*/")):
        try:
            documents = found(path)
            yield from (one for one in documents if one.document["status"] == "complete" and one.environment)
        except RunDirectoryError:
            continue


def _unlike(a: Found, b: Found) -> list[str]:
    """Which arms were measured side by side is no matter here."""
    return likeness(Conditions(a.environment, ()), Conditions(b.environment, ()))
