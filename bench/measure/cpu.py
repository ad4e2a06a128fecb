"""CPU accounts: what each process of an arm consumed, from the kernel's own nanosecond clocks."""

import os
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from loadtests.record import Resource

NS_PER_S = 1_000_000_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Member:
    """One process of an arm: its component (`bench.stack.arm.Part`), its name there, its pid."""

    component: str
    name: str
    pid: int


def cpu_ns(pid: int) -> int:
    """CPU time of a whole process in ns. OSError when it is gone.

    The clock id of a process is (~pid) << 3 | 2 on Linux (`clock_getcpuclockid`). For a process running on another
    core the value advances in ticks of 4 ms, so read it after the load has drained.
    """
    return time.clock_gettime_ns((~pid) << 3 | 2)


def rss_bytes(pid: int) -> int:
    """Resident memory of a process in bytes. OSError when it is gone."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * _PAGE_BYTES


def account(members: Iterable[Member]) -> tuple[Resource, ...]:
    """One Resource per process; one that is gone is left out, and the verdict finds it missing."""
    resources = []
    for member in members:
        try:
            values = time.monotonic_ns(), cpu_ns(member.pid), rss_bytes(member.pid)
        except OSError:
            continue
        resources.append(Resource(values[0], f"{member.component}/{member.name}", values[1], values[2]))
    return tuple(resources)


def rates_ns_per_s(before: Sequence[Resource], after: Sequence[Resource]) -> Mapping[str, float]:
    """CPU ns consumed per second of wall time between two accounts, by process."""
    earlier = {resource.process: resource for resource in before}
    return {
        later.process: (later.cpu_ns - first.cpu_ns) * NS_PER_S / (later.at_ns - first.at_ns)
        for later in after
        if (first := earlier.get(later.process)) is not None
    }
