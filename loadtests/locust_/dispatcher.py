"""Follows a schedule: at every intended start an idle visitor of the arm is woken, or the arrival waits for one."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from gevent import Greenlet, getcurrent
from gevent.event import Event
from gevent.hub import get_hub

from loadtests.arrivals import Arrival
from loadtests.locust_.timer import Timer

STARTS_PER_TURN = 8


class Seat:
    """Where one visitor waits for its next arrival."""

    def __init__(self, pool: "Pool") -> None:
        self._pool = pool
        self._visitor: Greenlet | None = None

    def next_arrival(self) -> int:
        """Block until this visitor is to act; the intended start in ns, which may be past."""
        waiting = self._pool.take_waiting()
        if waiting is not None:
            return waiting
        self._visitor = getcurrent()
        self._pool.sit_down(self)
        return int(get_hub().switch())

    def wake(self, intended_ns: int) -> None:
        """Let the visitor act at once: the loop, which alone may call this, goes on when it waits for its answer.

        Waking it by the loop's next turn would let every answer that has arrived meanwhile be handled first.
        """
        self._visitor.switch(intended_ns)  # type: ignore[union-attr] # it sits here


class Pool:
    """The idle visitors of one arm and, when there are none, the arrivals that wait for one.

    Who acts is drawn at random: visitors taken in turns would meet a round-robin balancer in step with it and
    always reach the same replica.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._idle: list[Seat] = []
        self._waiting: deque[int] = deque()
        self._drained = Event()
        self.size = 0

    def seat(self) -> Seat:
        """A place for one more visitor."""
        self.size += 1
        return Seat(self)

    def sit_down(self, seat: Seat) -> None:
        """Count `seat` among the idle."""
        self._idle.append(seat)
        if self.is_drained:
            self._drained.set()

    def leave(self, seat: Seat) -> None:
        """Count `seat` no more; its visitor acts no more either."""
        self.size -= 1
        if seat in self._idle:
            self._idle.remove(seat)

    def take_waiting(self) -> int | None:
        """The intended start of the arrival that has waited longest, if any."""
        return self._waiting.popleft() if self._waiting else None

    def start(self, intended_ns: int) -> None:
        """Hand an arrival to a random idle visitor, or let it wait. The loop alone may call this."""
        self._drained.clear()
        if not self._idle:
            self._waiting.append(intended_ns)
            return
        place = self._random.randrange(len(self._idle))
        self._idle[place], self._idle[-1] = self._idle[-1], self._idle[place]
        self._idle.pop().wake(intended_ns)

    @property
    def is_drained(self) -> bool:
        """Whether every visitor is idle and no arrival waits."""
        return len(self._idle) == self.size and not self._waiting

    def wait_drained(self) -> None:
        """Block until drained."""
        if not self.is_drained:
            self._drained.wait()


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What a dispatcher did: its first instant (ns), arrivals started per arm, worst lateness of its wake-ups (ns)."""

    start_ns: int
    scheduled: tuple[int, ...]
    loop_lag_ns: int


def dispatch(
    arrivals: Iterable[Arrival],
    pools: Sequence[Pool],
    timer: Timer,
    lead_ns: int = 20_000_000,
    start_ns: int | None = None,
) -> Dispatched:
    """Start every arrival at its time, counted from `start_ns`, else from `lead_ns` after now.

    Returns when the last has been started.
    """
    start_ns = time.monotonic_ns() + lead_ns if start_ns is None else start_ns
    calls = _Calls(arrivals, pools, start_ns)
    timer.follow(start_ns, calls.turn)
    calls.over.wait()
    return Dispatched(start_ns, tuple(calls.scheduled), calls.worst_ns)


class _Calls:
    """Starts what is due, turn by turn; `over` is set when nothing is left to start."""

    def __init__(self, arrivals: Iterable[Arrival], pools: Sequence[Pool], start_ns: int) -> None:
        self._arrivals: Iterator[Arrival] = iter(arrivals)
        self._pools = pools
        self._start_ns = start_ns
        self._next: Arrival | None = None
        self.scheduled = [0] * len(pools)
        self.worst_ns = 0
        self.over = Event()

    def turn(self) -> int | None:
        """Start what is due, but no more than a few before answers that came meanwhile are heard; when to go on."""
        for _ in range(STARTS_PER_TURN):
            arrival = self._next or next(self._arrivals, None)
            if arrival is None:
                self.over.set()
                return None
            intended_ns = self._start_ns + arrival.at_ns
            late_ns = time.monotonic_ns() - intended_ns
            self._next = arrival if late_ns < 0 else None
            if late_ns < 0:
                return intended_ns
            self._start(arrival.arm, intended_ns, late_ns)
        return intended_ns

    def _start(self, arm: int, intended_ns: int, late_ns: int) -> None:
        self.worst_ns = max(self.worst_ns, late_ns)
        self.scheduled[arm] += 1
        self._pools[arm].start(intended_ns)
