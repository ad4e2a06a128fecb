"""Waits until an instant of CLOCK_MONOTONIC: to microseconds by a timerfd, to a millisecond where there is none."""

import ctypes
import os
import time
from typing import Protocol

import gevent
from gevent.hub import get_hub

NS_PER_S = 1_000_000_000
SPIN_NS = 120_000
"""What a core that sleeps needs to wake up, by the median of a virtual machine: slept short of and spun away."""
_CLOCK_MONOTONIC = 1
_TFD_TIMER_ABSTIME = 1
_TFD_FLAGS = os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0)
_READ = 1


class Timer(Protocol):
    """Suspends the calling greenlet; others run meanwhile."""

    def wait_until(self, at_ns: int) -> None:
        """Return at `at_ns` of CLOCK_MONOTONIC or as soon after it as the loop allows; at once when it is past."""
        ...

    def close(self) -> None:
        """Give back what the timer holds."""
        ...


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class TimerfdTimer:
    """A Linux timerfd watched by gevent's loop: gevent's own timers tick in milliseconds. OSError without timerfd."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(self._libc, "timerfd_create"):
            message = "this system's C library has no timerfd"
            raise OSError(message)
        self._fd: int = self._libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_FLAGS)
        if self._fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create")
        self._watcher = get_hub().loop.io(self._fd, _READ, priority=get_hub().loop.MAXPRI)  # before any answer

    def wait_until(self, at_ns: int) -> None:
        """See Timer."""
        if at_ns - SPIN_NS > time.monotonic_ns():
            self._sleep_until(at_ns - SPIN_NS)
        while time.monotonic_ns() < at_ns:
            pass

    def _sleep_until(self, at_ns: int) -> None:
        seconds, nanoseconds = divmod(at_ns, NS_PER_S)
        spec = _Itimerspec(_Timespec(0, 0), _Timespec(seconds, nanoseconds))
        self._libc.timerfd_settime(self._fd, _TFD_TIMER_ABSTIME, ctypes.byref(spec), None)
        get_hub().wait(self._watcher)
        os.read(self._fd, 8)

    def close(self) -> None:
        """See Timer."""
        self._watcher.stop()
        self._watcher.close()
        os.close(self._fd)


class SleepTimer:
    """gevent.sleep: up to 1.1 ms late; the lateness is measured like any other and judged by the verdict."""

    def wait_until(self, at_ns: int) -> None:
        """See Timer."""
        # the loop counts from its own notion of now, which may be stale: one sleep can end too early
        while (remaining_ns := at_ns - time.monotonic_ns()) > 0:
            gevent.sleep(remaining_ns / NS_PER_S)

    def close(self) -> None:
        """See Timer."""


def best_timer() -> Timer:
    """The most punctual timer this system has."""
    try:
        return TimerfdTimer()
    except OSError:
        return SleepTimer()
