"""Timers: never before the instant, once for each, the loop running meanwhile."""

import time
from collections.abc import Callable, Iterator

import gevent
import pytest
from gevent.event import Event

from loadtests.locust_.timer import SleepTimer, Timer, TimerfdTimer, best_timer

NS_PER_MS = 1_000_000
PATIENCE_S = 30


@pytest.fixture(params=[TimerfdTimer, SleepTimer])
def timer(request: pytest.FixtureRequest) -> Iterator[Timer]:
    """Each kind of timer, closed afterwards."""
    make: Callable[[], Timer] = request.param
    timer = make()
    yield timer
    timer.close()


def _followed(timer: Timer, *instants_ns: int) -> list[int]:
    """When the timer called for each instant, one after the other."""
    called: list[int] = []
    over = Event()
    rest = iter(instants_ns[1:])

    def turn() -> int | None:
        called.append(time.monotonic_ns())
        following = next(rest, None)
        if following is None:
            over.set()
        return following

    timer.follow(instants_ns[0], turn)
    over.wait(PATIENCE_S)
    return called


def test_it_never_calls_early(timer: Timer) -> None:
    """Instant after instant, near or far, the clock has reached what was asked for, each is called, and none twice."""
    now_ns = time.monotonic_ns()
    ahead_ns = (1, 1_000, 50_000, NS_PER_MS, 3 * NS_PER_MS, *range(5 * NS_PER_MS, 25 * NS_PER_MS, 100_000))
    instants_ns = [now_ns + ahead for ahead in ahead_ns]
    called = _followed(timer, *instants_ns)
    assert all(at_ns >= asked_ns for at_ns, asked_ns in zip(called, instants_ns, strict=True))
    gevent.sleep(0.002)
    assert len(called) == len(instants_ns)


def test_a_past_instant_is_called_by_the_loop(timer: Timer) -> None:
    """An instant that is over is called at the loop's next turn, others before it in line heard first."""
    ran: list[int] = []
    other = gevent.spawn(ran.append, 1)
    called = _followed(timer, 1, 2, time.monotonic_ns())
    assert len(called) == 3
    assert ran == [1]
    other.join()


def test_it_can_be_followed_again(timer: Timer) -> None:
    """One timer serves one schedule after the other."""
    assert len(_followed(timer, time.monotonic_ns() + NS_PER_MS)) == 1
    assert len(_followed(timer, time.monotonic_ns() + NS_PER_MS)) == 1


def test_others_run_while_it_waits(timer: Timer) -> None:
    """Following suspends nobody by itself."""
    ran: list[int] = []
    other = gevent.spawn(ran.append, 1)
    _followed(timer, time.monotonic_ns() + 5 * NS_PER_MS)
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
