"""When people act: thinking in closed loop, called in open loop."""

import time
from random import Random

import gevent
from gevent.hub import get_hub

from loadtests.locust_.ui_arrivals import Called, OpenLoop, Thinking

PATIENCE_S = 30


class Crowd:
    """Visitors in the seats of an open loop, who note every call."""

    def __init__(self, loop: OpenLoop, size: int) -> None:
        self.paces = [Called(loop.pool) for _ in range(size)]
        self.calls: list[int] = []
        self.greenlets = [gevent.spawn(self._act, pace) for pace in self.paces]

    def _act(self, pace: Called) -> None:
        while True:
            self.calls.append(pace.next_start())

    def wait_for(self, calls: int) -> None:
        """Return when as many came."""
        with gevent.Timeout(PATIENCE_S):
            while len(self.calls) < calls:
                gevent.sleep(0.001)


def test_thinking_takes_its_time() -> None:
    """The start is intended when thinking ends, so that nobody is ever late by it; leaving takes nothing along."""
    before_ns = time.monotonic_ns()
    pace = Thinking(Random(1))  # noqa: S311 - a reproducible pace
    assert pace.next_start() > before_ns
    pace.end()


def test_the_open_loop_calls_whoever_is_there() -> None:
    """Calls come in order, each intended once, and end when the loop is stopped."""
    loop = OpenLoop()
    crowd = Crowd(loop, 3)
    loop.start(2_000)
    crowd.wait_for(50)
    loop.stop()
    loop.stop()
    called = list(crowd.calls)
    gevent.sleep(0.02)
    assert crowd.calls == called == sorted(set(called))
    gevent.killall(crowd.greenlets)


def test_another_rate_goes_on_with_the_same_people() -> None:
    """Who sits is called by the loop that was started last, and by it alone."""
    loop = OpenLoop()
    crowd = Crowd(loop, 2)
    loop.start(0.000_001)
    loop.start(2_000)
    crowd.wait_for(20)
    loop.stop()
    gevent.killall(crowd.greenlets)


def test_who_has_left_is_not_called() -> None:
    """An arrival goes to those who are there; when the last has left it waits for the next who comes."""
    loop = OpenLoop()
    crowd = Crowd(loop, 2)
    gevent.sleep(0)
    for greenlet, pace in zip(crowd.greenlets, crowd.paces, strict=True):
        greenlet.kill()
        pace.end()
    assert (loop.pool.size, loop.pool.is_drained) == (0, True)
    get_hub().loop.run_callback(loop.pool.start, 7)
    gevent.sleep(0)
    assert crowd.calls == []
    assert Called(loop.pool).next_start() == 7


def test_who_acts_can_leave_too() -> None:
    """A visitor that is not idle leaves as well, and is counted no more."""
    loop = OpenLoop()
    busy = Called(loop.pool)
    busy.end()
    assert loop.pool.size == 0
