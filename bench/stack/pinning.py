"""Keeps processes on some of the cores for a while: every thread they have, and those they start meanwhile."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress


@contextmanager
def pinned(pids: Collection[int], cpus: Collection[int]) -> Iterator[None]:
    """Run the processes `pids` on `cpus` only; afterwards everything may run where it might before.

    ProcessLookupError for a process that is gone already; those that end meanwhile are no error.
    """
    before = {pid: os.sched_getaffinity(pid) for pid in pids}
    try:
        _set_affinity({pid: set(cpus) for pid in before})
        yield
    finally:
        _set_affinity(before)


@contextmanager
def apart(servers: Collection[int], generator: Collection[int]) -> Iterator[None]:
    """`servers` on the first half of our cores, `generator` on the rest; where there is only one core, no change."""
    cores = sorted(os.sched_getaffinity(0))
    half = len(cores) // 2
    if not half:
        yield
        return
    with pinned(servers, cores[:half]), pinned(generator, cores[half:]):
        yield


def _set_affinity(wanted: Mapping[int, set[int]]) -> None:
    for pid, cpus in wanted.items():
        done: set[int] = set()
        while new := set(_threads(pid)) - done:  # a thread may start another one while we look
            for thread in new:
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, cpus)
            done |= new


def _threads(pid: int) -> Iterable[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]  # noqa: PTH208 - numbers, not paths
    except FileNotFoundError:
        return ()
