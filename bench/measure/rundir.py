"""A run's directory: `run.json`, one record per cell and block, logs and the report; readable at every moment."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from bench.stack.errors import NotReadyError
from loadtests.plan import CellPlan
from loadtests.record import SUFFIX, Record, RecordError, read, write


@dataclass(frozen=True, slots=True)
class Kind:
    """A document of a run directory: its file, its format, and what every reader of it relies on."""

    file: str
    format: str
    version: int
    told: tuple[str, ...]
    written_by: str

    def names(self, document: Mapping[str, Any]) -> bool:
        """Whether `document` says it is one."""
        return (document.get("format"), document.get("version")) == (self.format, self.version)


RUN = Kind(
    "run.json",
    "authbench-run",
    1,
    (
        "id", "status", "started_at", "took_s", "command", "choices", "password_profile", "needs_affinity",
        "environment", "blocks_done", "blocks", "proofs",
    ),
    "run",
)  # fmt: skip
# Format history of run.json
# 1  2026-11  first version. Since then: `target`, and `untried` of a proof; both absent mean a stack of our own.
CONSEQUENCES = Kind(
    "consequences.json",
    "authbench-consequences",
    1,
    ("id", "status", "started_at", "took_s", "command", "choices", "password_profile", "environment", "experiments"),
    "consequences",
)
# Format history of consequences.json
# 1  2026-11  first version
MAX_RATE = Kind(
    "max_rate.json",
    "authbench-max-rate",
    1,
    (
        "id", "status", "started_at", "took_s", "command", "choices", "password_profile", "environment", "workers",
        "sets", "sets_done", "arms", "proofs",
    ),
    "run --max-rate",
)  # fmt: skip
# Format history of max_rate.json
# 1  2026-11  first version
MICRO = Kind(
    "micro.json",
    "authbench-micro",
    1,
    ("id", "status", "started_at", "took_s", "command", "profile", "environment", "figures"),
    "micro",
)
# Format history of micro.json
# 1  2026-11  first version


class RunDirectoryError(Exception):
    """The directory is not a readable run; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """`runs/<id>/` and what stands in it."""

    path: Path

    @property
    def id(self) -> str:
        """Its name."""
        return self.path.name

    @property
    def logs(self) -> Path:
        """Where every process of the run writes its log."""
        return self.path / "logs"

    @property
    def report(self) -> Path:
        """The page for people."""
        return self.path / "report.html"

    def keep(self, block: int, cell: CellPlan, record: Record) -> None:
        """Write the record of one cell in one block, whole or not at all. NotReadyError when the disk will not."""
        self._write(self.path / "records" / f"b{block:02d}" / f"{cell.id}{SUFFIX}", record)

    def keep_at(self, folder: str, record: Record) -> str:
        """Write `record` below `folder` of the records; its path in the run directory. NotReadyError as for `keep`."""
        name = f"records/{folder}/{record.header.cell.id}{SUFFIX}"
        self._write(self.path / name, record)
        return name

    def records(self, below: str = "b*") -> Iterator[Record]:
        """Every record, block by block, or of the folders `below`. RecordError when one cannot be read."""
        for path in sorted((self.path / "records").glob(f"{below}/*{SUFFIX}")):
            yield read(path)

    def describe(self, document: Mapping[str, Any], kind: Kind = RUN) -> None:
        """Replace a document in one step; a reader sees the old or the new one, whole. NotReadyError as for `keep`."""
        path, part = self.path / kind.file, self.path / f"{kind.file}.part"
        head = {"format": kind.format, "version": kind.version, "id": self.id}
        with _writing(path):
            try:
                part.write_text(json.dumps({**head, **document}, indent=1) + "\n", encoding="utf-8")
                part.replace(path)
            finally:
                part.unlink(missing_ok=True)

    def has(self, kind: Kind) -> bool:
        """Whether such a document stands here."""
        return (self.path / kind.file).exists()

    def document(self, kind: Kind = RUN) -> dict[str, Any]:
        """What a document says. RunDirectoryError when it is missing, broken or of another version."""
        path = self.path / kind.file
        try:
            document: Any = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise _unreadable(path, kind, error.strerror or str(error)) from error
        except ValueError as error:
            raise _unreadable(path, kind, f"broken JSON ({error})") from error
        if not isinstance(document, dict) or not kind.names(document):
            raise _unreadable(path, kind, "another format or version")
        if missing := [name for name in kind.told if name not in document]:
            raise _unreadable(path, kind, f"no {', '.join(missing)}")
        return document

    def _write(self, path: Path, record: Record) -> None:
        with _writing(path):
            write(path, record)


def create(runs: Path) -> RunDirectory:
    """A new directory under `runs`, named by time and chance. NotReadyError when it cannot be made."""
    return _made(runs / f"{time.strftime('%Y%m%d-%H%M%S')}-{token_hex(4)}")


def create_at(path: Path) -> RunDirectory:
    """A run directory exactly at `path`, which must be new or empty. RunDirectoryError, NotReadyError."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        message = f"{path}: found something there, expected a new or empty directory; choose another with -o"
        raise RunDirectoryError(message)
    return _made(path)


def _made(path: Path) -> RunDirectory:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        found = f"found no way to make it ({error.strerror})"
        message = f"{path}: {found}, expected a place to write to; choose another one"
        raise NotReadyError(message) from error
    return RunDirectory(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = (
            f"{path}: found {error.strerror!r} on writing it, expected room and permission; "
            "free some space or choose another directory with -o"
        )
        raise NotReadyError(message) from error


def _unreadable(path: Path, kind: Kind, found: str) -> RunDirectoryError:
    return RunDirectoryError(
        f"{path}: found {found}, expected an {kind.format} of version {kind.version}; "
        f"name a directory written by authbench {kind.written_by}"
    )


__all__ = ["RecordError", "RunDirectory", "RunDirectoryError", "create", "create_at"]
