"""The dispatcher: every arrival is started exactly once, by whoever is idle, else in the order they came."""

import time
from collections.abc import Iterator
from random import Random

import gevent
import pytest
from gevent import Greenlet
from gevent.hub import get_hub
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.arrivals import Arrival
from loadtests.locust_.dispatcher import STARTS_PER_TURN, Pool, Seat, dispatch
from loadtests.locust_.timer import SleepTimer, Timer

NS_PER_MS = 1_000_000


def _pool(seed: int = 1) -> Pool:
    return Pool(Random(seed))  # noqa: S311 - a reproducible choice


def _start(pool: Pool, at_ns: int) -> None:
    """Hand over an arrival as the loop does; returns when the loop has."""
    get_hub().loop.run_callback(pool.start, at_ns)
    gevent.sleep(0)


class _Visitors:
    """Greenlets that sit in one pool's seats and note who was given which arrival; `pause_s` is how long each acts."""

    def __init__(self, pool: Pool, count: int, pause_s: float = 0.0) -> None:
        self.acted: list[tuple[int, int]] = []
        self._pause_s = pause_s
        self._greenlets: list[Greenlet] = [gevent.spawn(self._act, number, pool.seat()) for number in range(count)]
        gevent.sleep(0)

    def _act(self, number: int, seat: Seat) -> None:
        while True:
            self.acted.append((number, seat.next_arrival()))
            gevent.sleep(self._pause_s)

    def leave(self) -> None:
        """End the greenlets."""
        gevent.killall(self._greenlets)


@pytest.fixture
def timer() -> Iterator[Timer]:
    """Any timer: what is held here does not depend on its punctuality."""
    timer = SleepTimer()
    yield timer
    timer.close()


@given(st.lists(st.tuples(st.integers(0, 3 * NS_PER_MS), st.integers(0, 2))), st.integers(1, 4))
@settings(max_examples=25)
def test_every_arrival_starts_exactly_once(drawn: list[tuple[int, int]], visitors: int) -> None:
    """Whatever the schedule and however few the visitors, each arm's visitors see its intended starts, all and once."""
    arrivals = [Arrival(at_ns, arm) for at_ns, arm in sorted(drawn)]
    pools = [_pool(number) for number in range(3)]
    crowds = [_Visitors(pool, visitors) for pool in pools]
    dispatched = dispatch(arrivals, pools, SleepTimer(), lead_ns=0)
    for arm, (pool, crowd) in enumerate(zip(pools, crowds, strict=True)):
        pool.wait_drained()
        crowd.leave()
        intended = [dispatched.start_ns + arrival.at_ns for arrival in arrivals if arrival.arm == arm]
        assert sorted(at_ns for _, at_ns in crowd.acted) == intended
        assert dispatched.scheduled[arm] == len(intended)


def test_nothing_starts_before_its_time(timer: Timer) -> None:
    """The first instant lies a lead ahead, and no visitor acts before its intended start."""
    pool = _pool()
    started: list[tuple[int, int]] = []

    def act(seat: Seat) -> None:
        while True:
            intended_ns = seat.next_arrival()
            started.append((intended_ns, time.monotonic_ns()))

    visitor = gevent.spawn(act, pool.seat())
    gevent.sleep(0)
    asked_ns = time.monotonic_ns()
    arrivals = [Arrival(number * NS_PER_MS, 0) for number in range(5)]
    dispatched = dispatch(arrivals, [pool], timer, lead_ns=2 * NS_PER_MS)
    pool.wait_drained()
    visitor.kill()
    assert dispatched.start_ns >= asked_ns + 2 * NS_PER_MS
    assert len(started) == 5
    assert all(at_ns >= intended_ns for intended_ns, at_ns in started)
    assert dispatched.loop_lag_ns >= 0


def test_many_at_once_all_start(timer: Timer) -> None:
    """However many are due at one instant, each is started, in their order, and the loop hears others in between."""
    pool = _pool()
    visitors = _Visitors(pool, 1)
    count = 5 * STARTS_PER_TURN + 1
    dispatched = dispatch([Arrival(0, 0)] * count, [pool], timer, start_ns=7)
    pool.wait_drained()
    visitors.leave()
    assert dispatched.scheduled == (count,)
    assert [at_ns for _, at_ns in visitors.acted] == [7] * count


def test_nothing_to_start_is_over_at_once(timer: Timer) -> None:
    """A share of a schedule may be empty."""
    assert dispatch([], [_pool()], timer, lead_ns=0).scheduled == (0,)


def test_waiting_arrivals_are_served_in_order() -> None:
    """With every visitor busy arrivals queue and keep their intended starts; the first come is the first served."""
    pool = _pool()
    visitors = _Visitors(pool, 1, pause_s=0.001)
    for at_ns in (10, 20, 30, 40):
        _start(pool, at_ns)
    pool.wait_drained()
    visitors.leave()
    assert [at_ns for _, at_ns in visitors.acted] == [10, 20, 30, 40]


def test_drained_means_all_idle_and_nothing_waiting() -> None:
    """A pool is drained when every visitor sits and no arrival waits, at no time in between."""
    pool = _pool()
    visitors = _Visitors(pool, 2, pause_s=0.001)
    seen = [pool.is_drained]
    pool.wait_drained()
    for at_ns in range(5):
        _start(pool, at_ns)
        seen.append(pool.is_drained)
    pool.wait_drained()
    assert [*seen, pool.is_drained] == [True, *[False] * 5, True]
    assert len(visitors.acted) == 5
    visitors.leave()


def test_a_visitor_on_its_way_is_not_idle() -> None:
    """A pool whose visitor has not sat down yet is not drained, and its arrivals wait for it."""
    pool = _pool()
    seat = pool.seat()
    assert not pool.is_drained
    _start(pool, 7)
    assert seat.next_arrival() == 7


def _chosen(seed: int) -> list[int]:
    pool = _pool(seed)
    visitors = _Visitors(pool, 5)
    for at_ns in range(40):
        _start(pool, at_ns)
        pool.wait_drained()
    visitors.leave()
    return [number for number, _ in visitors.acted]


def test_who_acts_is_drawn_from_the_seed() -> None:
    """The same seed wakes the same visitors, another one others; everybody's turn comes, not in turn."""
    assert _chosen(1) == _chosen(1)
    assert _chosen(1) != _chosen(2)
    assert set(_chosen(1)) == set(range(5))
    assert _chosen(1)[:5] != _chosen(1)[5:10]
