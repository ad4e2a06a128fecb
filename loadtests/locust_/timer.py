"""Calls back at an instant of CLOCK_MONOTONIC: to microseconds by a timerfd, to a millisecond where there is none."""

import ctypes
import os
import struct
import time
from collections.abc import Callable
from typing import Protocol

from gevent.hub import get_hub

NS_PER_S = 1_000_000_000
LEAD_MAX_NS = 150_000
STEP_NS = 500
_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_READ = 1
_ITIMERSPEC = struct.Struct("@llll")
"""Interval and first expiry, each in seconds and nanoseconds."""

Turn = Callable[[], int | None]
"""Does what is due; returns the next instant it wants to be called at, which may be past, or None: no more."""


class Timer(Protocol):
    """Has a turn taken when it is due, by the loop itself; greenlets run meanwhile. `name` says which kind it is."""

    name: str

    def follow(self, at_ns: int, turn: Turn) -> None:
        """Call `turn` at `at_ns`, then at every instant it returns: never before, and as soon after as the loop can."""
        ...

    def close(self) -> None:
        """Call nobody any more and give back what the timer holds."""
        ...


class TimerfdTimer:
    """A Linux timerfd watched by gevent's loop: gevent's own timers tick in milliseconds. OSError without timerfd.

    A core that sleeps takes its time to wake up. The timer learns what nine wake-ups of ten take at least, is set
    earlier by that much, and spins where it is early all the same: one time of ten, and for microseconds.
    """

    name = "timerfd"

    def __init__(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "timerfd_create"):
            message = "this system's C library has no timerfd"
            raise OSError(message)
        self._fd: int = libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._settime = libc.timerfd_settime
        self._spec = ctypes.create_string_buffer(_ITIMERSPEC.size)
        self._watcher = get_hub().loop.io(self._fd, _READ, priority=get_hub().loop.MAXPRI)  # before any answer
        self._at_ns = 0
        self._lead_ns = 0

    def follow(self, at_ns: int, turn: Turn) -> None:
        """See Timer."""
        self._set(at_ns)
        self._watcher.start(self._due, turn)

    def _set(self, at_ns: int) -> None:
        """Setting it anew also makes it forget that it went off, so that nobody has to read it."""
        self._at_ns = at_ns
        early_ns = at_ns - self._lead_ns
        _ITIMERSPEC.pack_into(self._spec, 0, 0, 0, early_ns // NS_PER_S, early_ns % NS_PER_S)
        self._settime(self._fd, _TFD_TIMER_ABSTIME, self._spec, None)

    def _due(self, turn: Turn) -> None:
        at_ns = self._at_ns
        self._learn(is_early=time.monotonic_ns() < at_ns)
        while time.monotonic_ns() < at_ns:
            pass
        next_ns = turn()
        if next_ns is None:
            self._watcher.stop()
        else:
            self._set(next_ns)

    def _learn(self, *, is_early: bool) -> None:
        """Steps of one up and nine down come to rest where one wake-up of ten is early."""
        step_ns = -9 * STEP_NS if is_early else STEP_NS
        self._lead_ns = min(max(self._lead_ns + step_ns, 0), LEAD_MAX_NS)

    def close(self) -> None:
        """See Timer."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)


class SleepTimer:
    """gevent's own timer: up to 1.1 ms late; the lateness is measured like any other and judged by the verdict."""

    name = "sleep"

    def __init__(self) -> None:
        self._watcher = get_hub().loop.timer(0.0)
        self._at_ns = 0

    def follow(self, at_ns: int, turn: Turn) -> None:
        """See Timer."""
        self._at_ns = at_ns
        self._watcher.close()
        remaining_s = max(at_ns - time.monotonic_ns(), 0) / NS_PER_S
        self._watcher = get_hub().loop.timer(remaining_s)
        self._watcher.start(self._due, turn, update=True)

    def _due(self, turn: Turn) -> None:
        # the loop counts from its own notion of now, which may be stale: it can be early
        next_ns = turn() if time.monotonic_ns() >= self._at_ns else self._at_ns
        if next_ns is not None:
            self.follow(next_ns, turn)

    def close(self) -> None:
        """See Timer."""
        self._watcher.close()


def best_timer() -> Timer:
    """The most punctual timer this system has."""
    try:
        return TimerfdTimer()
    except OSError:
        return SleepTimer()
