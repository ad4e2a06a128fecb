"""Pinning holds for every thread and is undone."""

import os
import sys
from pathlib import Path

from bench.stack.pinning import pinned
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor

THREADS = """
import threading, time
for _ in range(3):
    threading.Thread(target=time.sleep, args=(60,)).start()
print("ready", flush=True)
"""


def _affinities(pid: int) -> set[frozenset[int]]:
    return {frozenset(os.sched_getaffinity(int(thread.name))) for thread in Path(f"/proc/{pid}/task").iterdir()}


def test_every_thread_is_pinned_and_freed(supervisor: Supervisor) -> None:
    """All threads run on the given core inside, and everywhere they might before afterwards."""
    process = supervisor.start(Command("threads", (sys.executable, "-c", THREADS), supervisor.directory))
    process.wait_ready(lambda: process.last_line() == "ready")
    before = _affinities(process.pid)
    one = min(os.sched_getaffinity(0))
    with pinned([process.pid], [one]):
        assert _affinities(process.pid) == {frozenset([one])}
    assert _affinities(process.pid) == before
    process.kill()


def test_a_process_that_ends_meanwhile_is_no_error(supervisor: Supervisor) -> None:
    """What is gone needs no undoing."""
    process = supervisor.start(Command("brief", ("/bin/sleep", "60"), supervisor.directory))
    with pinned([process.pid], [min(os.sched_getaffinity(0))]):
        process.kill()
    assert not process.alive
