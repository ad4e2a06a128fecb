"""Timers: never before the instant, at once after it, the loop running meanwhile."""

import time
from collections.abc import Callable, Iterator

import gevent
import pytest

from loadtests.locust_.timer import SleepTimer, Timer, TimerfdTimer, best_timer

NS_PER_MS = 1_000_000


@pytest.fixture(params=[TimerfdTimer, SleepTimer])
def timer(request: pytest.FixtureRequest) -> Iterator[Timer]:
    """Each kind of timer, closed afterwards."""
    make: Callable[[], Timer] = request.param
    timer = make()
    yield timer
    timer.close()


def test_it_never_returns_early(timer: Timer) -> None:
    """Instant after instant, the clock has reached what was asked for."""
    for ahead_ns in (1, 1_000, 50_000, NS_PER_MS, 3 * NS_PER_MS, 20 * NS_PER_MS):
        at_ns = time.monotonic_ns() + ahead_ns
        timer.wait_until(at_ns)
        assert time.monotonic_ns() >= at_ns


def test_a_past_instant_suspends_nobody(timer: Timer) -> None:
    """An instant that is over returns without giving up the turn."""
    ran: list[int] = []
    other = gevent.spawn(ran.append, 1)
    for at_ns in (0, -5, time.monotonic_ns()):
        timer.wait_until(at_ns)
    assert not ran
    other.join()


def test_others_run_while_it_waits(timer: Timer) -> None:
    """Waiting suspends the calling greenlet alone."""
    ran: list[int] = []
    other = gevent.spawn(ran.append, 1)
    timer.wait_until(time.monotonic_ns() + 5 * NS_PER_MS)
    assert ran == [1]
    other.join()


def test_linux_has_a_timerfd() -> None:
    """Here the punctual timer is taken."""
    timer = best_timer()
    assert isinstance(timer, TimerfdTimer)
    timer.close()


class _LibraryWithoutTimerfd:
    """What loading the C library of another system gives."""


class _LibraryOutOfDescriptors:
    """A C library whose timerfd_create fails."""

    def timerfd_create(self, *_arguments: int) -> int:
        """-1, as the call answers when it fails."""
        return -1


@pytest.mark.parametrize("library", [_LibraryWithoutTimerfd, _LibraryOutOfDescriptors])
def test_without_a_timerfd_it_sleeps(library: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, or none to spare, the timer of milliseconds steps in."""
    monkeypatch.setattr("ctypes.CDLL", lambda _name, use_errno: library() if use_errno else None)
    timer = best_timer()
    assert isinstance(timer, SleepTimer)
    timer.close()
