"""When people act: in closed loop each thinks between steps; in open loop a Poisson process calls whoever is idle."""

import math
import time
from random import Random
from typing import Protocol

import gevent

from loadtests.arrivals import Arrival, poisson
from loadtests.locust_.dispatcher import Pool, Seat, dispatch
from loadtests.locust_.timer import best_timer

THINKING_S = (0.5, 1.5)


class Pace(Protocol):
    """Says one visitor when to act."""

    def next_start(self) -> int:
        """Block until it is time; the intended start in ns of CLOCK_MONOTONIC, which may be past."""
        ...

    def end(self) -> None:
        """The visitor leaves."""
        ...


class Thinking:
    """Half a second to one and a half between two steps; acting late is the visitor's own choice, so it never is."""

    def __init__(self, random: Random) -> None:
        self._random = random

    def next_start(self) -> int:
        """See Pace."""
        gevent.sleep(self._random.uniform(*THINKING_S))
        return time.monotonic_ns()

    def end(self) -> None:
        """See Pace."""


class Called:
    """Acts when the open loop has an arrival for it."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._seat: Seat = pool.seat()

    def next_start(self) -> int:
        """See Pace."""
        return self._seat.next_arrival()

    def end(self) -> None:
        """See Pace."""
        self._pool.leave(self._seat)


class OpenLoop:
    """Calls the visitors of this process at a rate that does not wait for their answers."""

    def __init__(self) -> None:
        self._random = Random()  # noqa: S311 - load, not a secret
        self._dispatcher: gevent.Greenlet | None = None
        self.pool = Pool(self._random)

    def start(self, rate_rps: float) -> None:
        """Call at `rate_rps` from now on, whatever the rate was before."""
        self.stop()
        self._dispatcher = gevent.spawn(self._call, rate_rps)

    def stop(self) -> None:
        """Call nobody any more."""
        if self._dispatcher is not None:
            self._dispatcher.kill()
            self._dispatcher = None

    def _call(self, rate_rps: float) -> None:
        timer = best_timer()
        try:
            dispatch((Arrival(at_ns, 0) for at_ns in poisson(rate_rps, math.inf, self._random)), (self.pool,), timer)
        finally:
            timer.close()
