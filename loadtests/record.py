"""What a cell wrote down: raw samples, resources and events between a header and a footer; no footer, the cell died.

A record is gzipped text, one JSON value a line: an object (the header), then arrays, each led by its kind, then an
object (the footer). `docs/record.md` describes every field.
"""

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from loadtests.plan import CellPlan

FORMAT = "authbench-record"
VERSION = 1
# Format history
# 1  2026-11  first version: samples "s", resources "r", events "e".
#             Since then the footer may tell workers and clock_uncertainty_ns; without them one process loaded.
#             Since then the cell tells reconnects; without it every visitor keeps its connection.
#             Since then the footer may tell lateness_p99_ms and timer; the samples tell the lateness all the same.
#             Since then the cell tells whether it is a twin, and a twin's footer its spans.

SUFFIX = ".jsonl.gz"

StepName = Literal["login", "read", "write", "refresh", "logout"]


class RecordError(Exception):
    """The file is not a record this version can read; the message says what was found, expected and to be done."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. Times are CLOCK_MONOTONIC ns of the generator's machine; response time is done - intended.

    `status` 0: no response, and `reason` says why (timeout, refused, reset, protocol); else the HTTP status, and
    `reason` is the problem document's for 4xx and 5xx, "" otherwise. `replica` is the answering X-Replica, "" if
    unknown. `had_valid_credential`: by the client's knowledge the credential was issued, unexpired and not revoked.
    `bytes_up`, `bytes_down`: HTTP bytes, headers and body, without TCP/IP.
    """

    visitor: int
    step: StepName
    intended_ns: int
    sent_ns: int
    done_ns: int
    status: int
    reason: str
    replica: str
    had_valid_credential: bool
    bytes_up: int
    bytes_down: int


Row = tuple[int, StepName, int, int, int, int, str, str, bool, int, int]
"""The fields of a Sample in their order, before there is one."""


@dataclass(frozen=True, slots=True)
class Resource:
    """A process's consumed CPU time and resident memory at an instant; `process` is `component/name`."""

    at_ns: int
    process: str
    cpu_ns: int
    rss_bytes: int


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to `target` during the cell: slice-start, slice-end, kill, restart, ..."""

    at_ns: int
    kind: str
    target: str


@dataclass(frozen=True, slots=True)
class Header:
    """What was to happen, where: the plan, the block it ran in, the arms it had for company, the environment."""

    cell: CellPlan
    block: int
    company: tuple[str, ...]
    environment: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Counts:
    """One request counted at every station it passes; all must agree or the cell is INVALID."""

    scheduled: int
    sent: int
    received: int
    load_balancer: int | None


@dataclass(frozen=True, slots=True)
class Span:
    """Thread-CPU time spent in one part of a service. `cpu_ns` leaves out what the `inner` spans right below it took.

    Nothing is subtracted for the reading of the clock; the spans `empty` and `around-empty` tell what that takes.
    """

    calls: int
    cpu_ns: int
    inner: int


@dataclass(frozen=True, slots=True)
class Footer:
    """What the cell came to.

    `idle_cpu_ns_per_s` is each process's consumption without load; `store_commands` counts server commands per
    store during the slice, where they can be told from those of other arms; `generator_cpu_ratio` is the
    generator's CPU over the slice's wall time (1.0: one core); `loop_lag_ns` the worst delay of its event loop; of
    several load `workers` both are the worst one's, and `clock_uncertainty_ns` is how far the worst one's clock may
    be off the others'. `lateness_p99_ms`: by how much requests were sent after their time, None below 459 of them;
    `timer`: what woke the generator, timerfd or sleep. None: not measured, never zero. `disturbed`: INVALID for the
    machine's sake alone, so other blocks may stand in for this one. `spans`: of a twin, by `component/name`.
    """

    counts: Counts
    verdict: Literal["VALID", "INVALID", "UNPROVEN"]
    reasons: tuple[str, ...]
    disturbed: bool
    idle_cpu_ns_per_s: Mapping[str, float]
    store_commands: Mapping[str, Mapping[str, int]] | None
    generator_cpu_ratio: float | None
    loop_lag_ns: int | None
    workers: int = 1
    clock_uncertainty_ns: int | None = None
    lateness_p99_ms: float | None = None
    timer: str = ""
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Record:
    """A whole cell in memory. `footer` None: the cell died while it was written or measured."""

    header: Header
    samples: tuple[Sample, ...] = ()
    resources: tuple[Resource, ...] = ()
    events: tuple[Event, ...] = ()
    footer: Footer | None = field(default=None)


def write(path: Path, record: Record) -> None:
    """Write `record` to `path` in one step: a reader sees the whole file or none. OSError when the disk will not."""
    part = path.with_name(path.name + ".part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with gzip.open(part, "wt", encoding="utf-8", compresslevel=5) as file:
            file.writelines(line + "\n" for line in _lines(record))
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _lines(record: Record) -> Iterator[str]:
    head = {"format": FORMAT, "version": VERSION, **asdict(record.header)}
    yield _line(head)
    for kind, values in (("s", record.samples), ("r", record.resources), ("e", record.events)):
        yield from (_line((kind, *astuple(value))) for value in cast("Iterable[Any]", values))
    if record.footer is not None:
        yield _line({"footer": asdict(record.footer)})


def _line(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def read(path: Path) -> Record:
    """The record at `path`; a truncated one is read as far as it goes, without a footer. RecordError, OSError."""
    try:
        return _assembled(_parsed_lines(path), path)
    except (KeyError, TypeError) as error:
        raise RecordError(_found(path, f"other fields ({error})")) from error


def _assembled(lines: Iterator[Any], path: Path) -> Record:
    header = _header(next(lines, None), path)
    samples: list[Sample] = []
    resources: list[Resource] = []
    events: list[Event] = []
    footer = None
    for line in lines:
        match line:
            case ["s", *values]:
                samples.append(Sample(*values))
            case ["r", *values]:
                resources.append(Resource(*values))
            case ["e", *values]:
                events.append(Event(*values))
            case {"footer": values}:
                footer = _footer(values)
            case _:
                raise RecordError(_found(path, f"a line starting {str(line)[:40]!r}"))
    return Record(header, tuple(samples), tuple(resources), tuple(events), footer)


def _parsed_lines(path: Path) -> Iterator[Any]:
    """Every whole line; where the compressed stream or its last line breaks off, the lines before it."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)
    except (EOFError, zlib.error):
        return
    except (gzip.BadGzipFile, ValueError) as error:
        raise RecordError(_found(path, str(error))) from error


def _header(head: Any, path: Path) -> Header:  # noqa: ANN401 - any JSON value
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise RecordError(_found(path, "no header"))
    if head["version"] != VERSION:
        raise RecordError(_found(path, f"version {head['version']}"))
    return Header(CellPlan(**head["cell"]), head["block"], tuple(head["company"]), head["environment"])


def _footer(values: dict[str, Any]) -> Footer:
    known = {
        "counts": Counts(**values["counts"]),
        "reasons": tuple(values["reasons"]),
        "spans": {name: Span(**span) for name, span in values.get("spans", {}).items()},
    }
    return Footer(**{**values, **known})


def _found(path: Path, what: str) -> str:
    return (
        f"{path}: found {what}, expected an {FORMAT} of version {VERSION}; "
        "read it with the authbench that wrote it, or remove the file"
    )
