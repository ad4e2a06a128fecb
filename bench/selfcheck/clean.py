"""Nothing is left of a run, however it ends: no process, port or file; what was measured is kept and marked."""

import errno
import os
import resource
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.clone import clone
from bench.selfcheck.subject import GONE_WITHIN_S, MOMENTS, OURS, Installation, Socket, Subject, subject
from bench.stack.process import unprivileged
from loadtests.record import Record

OPTIONS = ("run", "redis-session", "--replicas", "1", "--blocks", "1", "--seconds", "3", "--seed", "1")
DELAY_S = 0.6
"""A run is ended up to this long after the moment has come."""
AGAIN_S = 0.3
INTERRUPTED = 130
NOT_READY = 3
FINISHED = (0, 4)
"""On a machine that others keep busy nothing is valid, which is a success of its own kind."""
MARKS = {signal.SIGINT: "interrupted", signal.SIGTERM: "interrupted", signal.SIGKILL: "running"}


@dataclass(frozen=True, slots=True)
class Ending:
    """A run is sent `signals` at `moment`, one after the other, and must end with `code`."""

    moment: str
    signals: tuple[signal.Signals, ...]
    code: int = INTERRUPTED

    @property
    def name(self) -> str:
        """In words."""
        return f"{', then '.join(number.name for number in self.signals)} during {self.moment}"

    @property
    def marks(self) -> frozenset[str]:
        """What run.json may say then: a second signal may hit while the first is being written down."""
        late = {"complete"} if self.moment == "shutdown" else set()
        return frozenset(MARKS[number] for number in self.signals) | late | ({"running"} if self.signals[1:] else set())


ENDINGS = (
    *(Ending(moment, (signal.SIGINT,)) for moment in MOMENTS),
    Ending("a slice", (signal.SIGINT, signal.SIGINT)),
    Ending("a slice", (signal.SIGTERM,)),
    Ending("a slice", (signal.SIGKILL,), code=128 + signal.SIGKILL),
)

Check = Callable[[], Iterator[Finding]]


def run() -> Iterator[Finding]:
    """Every way to end, then those that need root."""
    yield from side_by_side()
    for ending in ENDINGS:
        yield from ended(ending)
    yield from replica_dies()
    yield from disk_full()
    if os.geteuid() == 0:
        yield from as_an_ordinary_user()
        yield from below_a_private_home()


def ended(ending: Ending, installation: Installation = OURS) -> Iterator[Finding]:
    """End a run at a seeded instant; look after 5 s from then on what it left."""
    with subject(*OPTIONS, installation=installation) as started:
        started.wait_until(ending.moment)
        time.sleep(Random(ending.name).uniform(0, DELAY_S))  # noqa: S311 - the same instant in every check
        sockets, measured = started.listening(), len(started.records())
        _send(started, ending.signals)
        yield _nothing_left(ending.name, started, sockets)
        code = started.wait_ended()
        yield Finding(
            f"{ending.name}: exit code {code} {_trace(started)}".strip(), str(ending.code), code == ending.code
        )
        yield from _kept(ending.name, started, measured, ending.marks)


def _send(started: Subject, signals: Sequence[signal.Signals]) -> None:
    first, *others = signals
    started.process.send_signal(first)
    for number in others:
        time.sleep(AGAIN_S)
        started.process.send_signal(number)


def _nothing_left(name: str, started: Subject, sockets: frozenset[Socket] = frozenset()) -> Finding:
    left = started.leftovers(sockets)
    return Finding(f"{name}: {', '.join(left) or 'nothing'} left", f"nothing after {GONE_WITHIN_S:g} s", not left)


def _kept(name: str, started: Subject, measured: int, marks: frozenset[str]) -> Iterator[Finding]:
    """Whole records only, no fewer than there were, and a status that tells how it went."""
    records = started.records()
    whole = sum(record.footer is not None for record in records)
    parts = [path.name for path in started.directory.path.rglob("*.part")]
    figure = f"{name}: {whole} of {len(records)} records whole, {measured} were measured, {len(parts)} unfinished files"
    yield Finding(figure, "all, no fewer, 0", whole == len(records) >= measured and not parts)
    yield Finding(f"{name}: marked {started.status}", " or ".join(sorted(marks)), started.status in marks)


def _trace(started: Subject) -> str:
    """The last line of what it said, where it was a traceback."""
    return started.said.splitlines()[-1] if "Traceback" in started.said else ""


def side_by_side() -> Iterator[Finding]:
    """Two runs at once, to their end."""
    with subject(*OPTIONS) as one, subject(*OPTIONS) as other:
        for started in (one, other):
            started.wait_until("login")
        ports = [{socket.port for socket in started.listening()} for started in (one, other)]
        shared = ports[0] & ports[1]
        figure = (
            f"two runs side by side listen on {len(ports[0])} and {len(ports[1])} ports, {len(shared)} of them shared"
        )
        yield Finding(figure, "0 shared", all(ports) and not shared)
        for started, name in ((one, "the first of two"), (other, "the second of two")):
            code = started.wait_ended()
            yield Finding(f"{name}: exit code {code} {_trace(started)}".strip(), "0 or 4", code in FINISHED)
            yield _nothing_left(name, started)
            yield from _kept(name, started, _cells(started), frozenset({"complete"}))


def _cells(started: Subject) -> int:
    document = started.directory.document()
    return sum(len(block["arms"]) * len(block["slices"]) for block in document["blocks"])


def replica_dies() -> Iterator[Finding]:
    """Kill -9 of a replica while it is loaded; the run goes on."""
    name = "a replica dies during a slice"
    with subject(*OPTIONS) as started:
        started.wait_until("a slice")
        time.sleep(DELAY_S)
        for pid in _working_in(started, "redis-session-cookie-1.replica-1"):
            os.kill(pid, signal.SIGKILL)
        code = started.wait_ended()
        yield Finding(f"{name}: exit code {code} {_trace(started)}".strip(), "0 or 4", code in FINISHED)
        yield _nothing_left(name, started)
        yield from _kept(name, started, _cells(started), frozenset({"complete"}))
        told = [record for record in started.records() if _says_died(record)]
        cells = ", ".join(record.header.cell.id for record in told)
        yield Finding(f"{name}: INVALID for it: {cells or 'no cell'}", "its cell alone", len(told) == 1)


def _working_in(started: Subject, folder: str) -> Iterator[int]:
    for pid in started.owned():
        if Path(f"/proc/{pid}/cwd").readlink().name.startswith(folder):
            yield pid


def _says_died(record: Record) -> bool:
    reasons = record.footer.reasons if record.footer else ()
    return any("replica-1" in reason and "died during the cell" in reason for reason in reasons)


def disk_full() -> Iterator[Finding]:
    """From the second slice on the harness may write no file at all, as if the disk were full."""
    name = "the disk is full"
    with subject(*OPTIONS) as started:
        started.wait_until("a slice")
        sockets, measured = started.listening(), len(started.records())
        resource.prlimit(started.process.pid, resource.RLIMIT_FSIZE, (0, 0))
        code = started.wait_ended()
        yield Finding(f"{name}: exit code {code}", str(NOT_READY), code == NOT_READY)
        lines = started.said.splitlines()
        figure = f"{name}: {len(lines)} line(s) said: {lines[-1] if lines else ''}"
        yield Finding(figure, f"one, with {os.strerror(errno.EFBIG)!r}", len(lines) == 1 and _names_it(lines[0]))
        yield _nothing_left(name, started, sockets)
        yield from _kept(name, started, measured, frozenset({"running", "failed"}))


def _names_it(line: str) -> bool:
    return os.strerror(errno.EFBIG).lower() in line.lower() and "expected" in line


def as_an_ordinary_user() -> Iterator[Finding]:
    """The same without root, who is `nobody` here."""
    owner = unprivileged()
    with _installed(0o755, owner.uid if owner else None) as installation:
        for finding in ended(Ending("a slice", (signal.SIGINT,)), installation):
            yield Finding(f"as an ordinary user: {finding.figure}", finding.bar, finding.holds)


def below_a_private_home() -> Iterator[Finding]:
    """Root's clone where PostgreSQL's user cannot reach the server's binaries."""
    with _installed(0o700) as installation:
        for finding in ended(Ending("a slice", (signal.SIGKILL,), code=128 + signal.SIGKILL), installation):
            yield Finding(f"below a private home: {finding.figure}", finding.bar, finding.holds)


@contextmanager
def _installed(mode: int, uid: int | None = None) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        Path(folder).chmod(mode)
        yield clone(Path(folder), uid)


CHECK = Selfcheck("clean", "nothing is left of a run, however it ends, and what was measured is kept", "4 min", run)
