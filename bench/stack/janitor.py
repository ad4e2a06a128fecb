"""Outlives the harness by seconds: kills every process that was registered with it, and what they left behind.

Runs as a script of its own (standard library only). Standard input is a pipe from the harness; a line
`pid start-time executable` registers a process group. When the pipe closes or the harness is gone, however it
went, all of them are killed, stopped ones included, and the private directory is removed.
"""

import ctypes
import os
import select
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SWEEP_LIMIT_S = 4.0
SEGMENTS = Path("/proc/sysvipc/shm")
_IPC_RMID = 0


@dataclass(frozen=True, slots=True)
class Leader:
    """A process we started, the leader of its session. `start` (in clock ticks) tells it from a reused pid."""

    pid: int
    start: int
    executable: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A live process as /proc shows it."""

    pid: int
    start: int
    parent: int
    group: int
    session: int


def look(pid: int) -> Seen | None:
    """The process `pid`; None when it is gone or only waits to be reaped.

    The first thread of a dying process may wait while another still holds its sockets: that one is not gone.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    state, parent, group, session, *rest = text.rpartition(") ")[2].split()
    start, threads = int(rest[15]), int(rest[13])
    return None if state in "ZX" and threads <= 1 else Seen(pid, start, int(parent), int(group), int(session))


def ours(leaders: list[Leader], directory: str) -> Iterator[int]:
    """Pids of live processes that descend from `leaders`.

    By session and group first. A PostgreSQL backend leaves both, and is known by its executable and by working
    below our directory; a shell somebody opened there is not ours.
    """
    seen_now = live()
    started = {seen.pid: seen.start for seen in seen_now}
    known = {leader.pid for leader in leaders if started.get(leader.pid, leader.start) == leader.start}
    executables = {leader.executable for leader in leaders}
    for seen in seen_now:
        if {seen.pid, seen.group, seen.session} & known or _works_in(seen.pid, directory, executables):
            yield seen.pid


def live() -> list[Seen]:
    """Every live process of the machine but this one, ascending by pid."""
    pids = sorted(int(name) for name in os.listdir("/proc") if name.isdigit())  # noqa: PTH208 - numbers, not paths
    return [seen for pid in pids if pid != os.getpid() and (seen := look(pid))]


def _works_in(pid: int, directory: str, executables: set[str]) -> bool:
    try:
        folder = os.readlink(f"/proc/{pid}/cwd")  # noqa: PTH115 - the target is text: it may be "... (deleted)"
        executable = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115 - as above
    except OSError:
        return False
    return f"{folder}/".startswith(f"{directory}/") and executable.removesuffix(" (deleted)") in executables


def sweep(leaders: list[Leader], directory: str) -> None:
    """SIGKILL all that is ours until nothing is left; gives up after SWEEP_LIMIT_S."""
    limit = time.monotonic() + SWEEP_LIMIT_S
    while (pids := list(ours(leaders, directory))) and time.monotonic() < limit:
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.02)


def segments() -> Iterator[tuple[int, int]]:
    """Id and creator's pid of every System V shared memory segment."""
    for line in SEGMENTS.read_text().splitlines()[1:] if SEGMENTS.exists() else ():
        _key, number, _permissions, _size, creator, *_rest = map(int, line.split())
        yield number, creator


def free_segments(directory: str) -> None:
    """Remove the segments of killed PostgreSQL servers below `directory`: nothing else would before the next boot.

    A server that was killed has left its postmaster.pid, whose first line is its pid and whose seventh ends in the id.
    """
    left = set(segments())
    for file in Path(directory).glob("*/data/postmaster.pid"):
        with suppress(OSError, ValueError, IndexError):  # cut short by the end of its server
            lines = file.read_text().splitlines()
            segment = int(lines[6].split()[1]), int(lines[0])
            if segment in left:
                ctypes.CDLL(None).shmctl(segment[0], _IPC_RMID, None)


def registrations(registry: int, harness: int) -> Iterator[Leader]:
    """Leaders as they are written to the pipe `registry`; ends when it closes or the pidfd `harness` tells the end."""
    poll = select.poll()
    poll.register(registry, select.POLLIN)
    poll.register(harness, select.POLLIN)
    text = b""
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        data = os.read(registry, 65536) if registry in ready else b""
        *lines, text = (text + data).split(b"\n")
        for line in lines:
            pid, start, executable = line.decode(errors="surrogateescape").split(" ", 2)
            yield Leader(int(pid), int(start), executable)
        if not data:
            return


def main() -> None:
    """Wait for the end of the harness whose pidfd and private directory are given, then clean up after it."""
    harness, directory = int(sys.argv[1]), sys.argv[2]
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    sweep(list(registrations(0, harness)), directory)
    free_segments(directory)
    shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
