"""A real run of `authbench` in a process of its own, watched from outside: what it owns, and what is left of it."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench.measure.rundir import RunDirectory
from bench.stack.errors import ProcessDiedError
from bench.stack.janitor import live, look, segments
from loadtests.record import Record

POLL_S = 0.02
GONE_WITHIN_S = 5.0
LIMIT_S = 300.0
MOMENTS: Mapping[str, str] = {
    "start-up": "logs/postgres-initdb.log",
    "the proof": "logs/*.haproxy.log",
    "login": "logs/generator-0.log",
    "a slice": "records/b00/*.cpu-*.gz",
    "shutdown": "records/b00/*.latency-*.gz",
}
"""When each moment has come: the file that appears in the run directory."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A Python that has authbench; whoever runs it has `uid`, None: who we are."""

    python: str
    environment: Mapping[str, str] = field(default_factory=dict)
    uid: int | None = None


OURS = Installation(sys.executable)


class Socket(NamedTuple):
    """A listening TCP socket; `inode` tells it from a later one on the same port."""

    port: int
    inode: str


class Subject:
    """One run below `folder`, which it has for itself: a TMPDIR of its own makes all it leaves there its own."""

    def __init__(self, folder: Path, options: Sequence[str], installation: Installation = OURS) -> None:
        self.directory = RunDirectory(folder / "run")
        self.temporary = folder / "t"
        self._said = ""
        self._known: set[int] = set()
        self._memory_before = frozenset(segments())
        for path in (folder, self.temporary):
            _give(path, installation.uid)
        argv = (installation.python, "-m", "authbench", *options, "-o", str(self.directory.path))
        with (folder / "stdout").open("wb") as told:
            self.process = subprocess.Popen(
                argv,
                cwd=folder,
                env={**os.environ, "TMPDIR": str(self.temporary), "HOME": str(folder), **installation.environment},
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=subprocess.PIPE,
                text=True,
                user=installation.uid,
                group=installation.uid,
                extra_groups=None if installation.uid is None else [],
            )

    @property
    def said(self) -> str:
        """What it wrote to standard error; blocks until it has ended."""
        self._said += self.process.stderr.read() if self.process.stderr else ""
        return self._said.strip()

    @property
    def status(self) -> str:
        """How run.json says the run went."""
        return str(self.directory.document()["status"])

    def records(self) -> tuple[Record, ...]:
        """What was measured. RecordError when a record cannot be read."""
        return tuple(self.directory.records())

    def wait_until(self, moment: str) -> None:
        """Return when `moment` has come. ProcessDiedError when the run ends before."""
        limit = time.monotonic() + LIMIT_S
        while not any(self.directory.path.glob(MOMENTS[moment])):
            if self.process.poll() is not None or time.monotonic() > limit:
                message = f"a run never came to {moment}; it said: {self.said or 'nothing'}; run it by hand"
                raise ProcessDiedError(message)
            time.sleep(POLL_S)

    def wait_ended(self) -> int:
        """The exit code, as a shell would tell it."""
        code = self.process.wait(LIMIT_S)
        return code if code >= 0 else 128 - code

    def owned(self) -> tuple[int, ...]:
        """Live processes that work below its TMPDIR or were told of it, the run's own apart."""
        pids = [seen.pid for seen in live() if seen.pid != self.process.pid and _belongs(seen.pid, self.temporary)]
        self._known.update(pids)
        return tuple(pids)

    def listening(self) -> frozenset[Socket]:
        """The sockets that its processes listen on, now."""
        held = {inode for pid in self.owned() for inode in _socket_inodes(pid)}
        return frozenset(found for found in _listening() if found.inode in held)

    def leftovers(self, sockets: frozenset[Socket], within_s: float = GONE_WITHIN_S) -> list[str]:
        """What is left after `within_s`; as soon as it is nothing, nothing."""
        limit = time.monotonic() + within_s
        while (left := list(self._left(sockets))) and time.monotonic() < limit:
            time.sleep(POLL_S)
        return left

    def _left(self, sockets: frozenset[Socket]) -> Iterator[str]:
        yield from (f"process {pid}" for pid in self.owned())
        yield from (f"port {socket.port}" for socket in sockets & set(_listening()))
        yield from (f"directory {path.name}" for path in self.temporary.iterdir())
        yield from (f"shared memory {number}" for number, creator in self._memory() if creator in self._known)

    def _memory(self) -> frozenset[tuple[int, int]]:
        """Segments made since it began: pids come round, so an old one's creator may bear the number of one of ours."""
        return frozenset(segments()) - self._memory_before


@contextmanager
def subject(*options: str, installation: Installation = OURS) -> Iterator[Subject]:
    """A run of the command line `options`, in a place that goes with it; killed if it still runs at the end."""
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:  # short: a socket's path has at most 107 bytes
        started = Subject(Path(folder), options, installation)
        try:
            yield started
        finally:
            started.process.kill()
            started.process.communicate()
            for pid in started.owned():
                _kill(pid)


def _give(path: Path, uid: int | None) -> None:
    path.mkdir(exist_ok=True)
    path.chmod(0o711)  # PostgreSQL's own user passes through
    if uid is not None:
        os.chown(path, uid, uid)


def _kill(pid: int) -> None:
    if look(pid):
        os.kill(pid, signal.SIGKILL)


def _belongs(pid: int, temporary: Path) -> bool:
    process = Path(f"/proc/{pid}")
    try:
        told = f"TMPDIR={temporary}".encode() in (process / "environ").read_bytes().split(b"\0")
        return told or f"{(process / 'cwd').readlink()}/".startswith(f"{temporary}/")
    except OSError:  # it ended meanwhile, or is somebody else's
        return False


def _socket_inodes(pid: int) -> Iterator[str]:
    for descriptor in _descriptors(pid):
        with suppress(OSError):  # closed meanwhile
            kind, _, inode = str(descriptor.readlink()).partition(":[")
            if kind == "socket":
                yield inode.removesuffix("]")


def _descriptors(pid: int) -> list[Path]:
    try:
        return list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return []


def _listening() -> Iterator[Socket]:
    """Every listening IPv4 socket of the machine, from /proc/net/tcp."""
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, _, state, *rest = line.split()
        if state == "0A":  # LISTEN
            yield Socket(int(local.partition(":")[2], 16), rest[5])
