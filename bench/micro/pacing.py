"""Calls that come now and then: one, a pause in which the processor forgets it, the next."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, median

from bench.measure.cpu import NS_PER_S, cpu_ns
from bench.micro.trimming import TRIMMED

PACE_S = 0.003
NS_PER_US = 1000
CALIBRATION = 60
IDLE_S = 0.4

Step = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Moment:
    """What one paced call took, in ns: of its thread's CPU and of the wall clock, reading both included."""

    cpu_ns: int
    wall_ns: int


@dataclass(frozen=True, slots=True)
class Spell:
    """Paced calls of one turn, means in us; `server_us` is what the given processes spent on each call."""

    cold_us: float
    wall_us: float
    server_us: float


@dataclass(frozen=True, slots=True)
class Pacer:
    """Paces calls and takes off what is not theirs.

    `reading`: what reading the clocks costs, at the same pace. `idle_ns_per_s`: what each server process consumes
    unasked, by pid; one that is not named consumes nothing.
    """

    reading: Moment
    idle_ns_per_s: Mapping[int, float]

    def spell(self, step: Step, calls: int, servers: Sequence[int]) -> Spell:
        """`calls` paced calls of `step`."""
        begun = _account(servers)
        moments = [paced(step) for _ in range(calls)]
        time.sleep(PACE_S)  # a server still busy would show in ticks of 4 ms
        server_ns = self._spent_ns(begun, _account(servers))
        return Spell(
            middle([moment.cpu_ns - self.reading.cpu_ns for moment in moments]) / NS_PER_US,
            middle([moment.wall_ns - self.reading.wall_ns for moment in moments]) / NS_PER_US,
            server_ns / calls / NS_PER_US,
        )

    def _spent_ns(self, begun: Mapping[int, tuple[int, int]], ended: Mapping[int, tuple[int, int]]) -> float:
        spent_ns = 0.0
        for pid, (at_ns, consumed_ns) in begun.items():
            passed_s = (ended[pid][0] - at_ns) / NS_PER_S
            spent_ns += ended[pid][1] - consumed_ns - self.idle_ns_per_s.get(pid, 0.0) * passed_s
        return spent_ns


def calibrated(idle: Sequence[int]) -> Pacer:
    """A Pacer for this machine and the servers `idle`, which nobody asks anything meanwhile."""
    moments = [paced(_nothing) for _ in range(CALIBRATION)]
    reading = Moment(
        int(median(moment.cpu_ns for moment in moments)),
        int(median(moment.wall_ns for moment in moments)),
    )
    begun = _account(idle)
    time.sleep(IDLE_S)
    ended = _account(idle)
    rates = {pid: (ended[pid][1] - begun[pid][1]) * NS_PER_S / (ended[pid][0] - begun[pid][0]) for pid in idle}
    return Pacer(reading, rates)


def paced(step: Step) -> Moment:
    """One call of `step` after a pause."""
    time.sleep(PACE_S)
    wall_ns, begun_ns = time.perf_counter_ns(), time.thread_time_ns()
    step()
    ended_ns = time.thread_time_ns()
    return Moment(ended_ns - begun_ns, time.perf_counter_ns() - wall_ns)


def middle(values: Sequence[float]) -> float:
    """Mean without the extremes; from three values on, one at least is left out at either end."""
    out = max(len(values) // TRIMMED, 1) if len(values) > 2 else 0  # noqa: PLR2004 - two have no middle
    return mean(sorted(values)[out : len(values) - out])


def _account(pids: Sequence[int]) -> Mapping[int, tuple[int, int]]:
    """When it was looked at and the CPU time of each process, in ns."""
    return {pid: (time.monotonic_ns(), cpu_ns(pid)) for pid in pids}


def _nothing() -> None:
    """What only the clocks cost."""
