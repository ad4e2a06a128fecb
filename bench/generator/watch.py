"""Reads the CPU clocks of a process and of those it starts, all the while, so that a window can be chosen later."""

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Event, Thread
from types import TracebackType
from typing import Self

from bench.measure.cpu import cpu_ns
from bench.stack.process import Process

TICK_S = 0.05
SEARCH_S = 1.0
"""So long children are looked for: a walk through all processes of the machine, done before any window begins."""


@dataclass(frozen=True, slots=True)
class Reading:
    """CPU time consumed so far by all processes together, at an instant of CLOCK_MONOTONIC."""

    at_ns: int
    cpu_ns: int


class Watch:
    """Reads while the `with` lasts. Keep its thread away from the cores of what it watches."""

    def __init__(self, process: Process) -> None:
        self.readings: list[Reading] = []
        self._process = process
        self._pids: tuple[int, ...] = (process.pid,)
        self._clocks: dict[int, int] = {}
        self._is_over = Event()
        self._thread = Thread(target=self._read_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._is_over.set()
        self._thread.join()

    def _read_on(self) -> None:
        search_until_s = time.monotonic() + SEARCH_S
        while not self._is_over.wait(TICK_S):
            if time.monotonic() < search_until_s:
                self._pids = self._process.members()
            self._read()

    def _read(self) -> None:
        """A process that has ended keeps what it had consumed."""
        for pid in self._pids:
            with suppress(OSError):
                self._clocks[pid] = cpu_ns(pid)
        self.readings.append(Reading(time.monotonic_ns(), sum(self._clocks.values())))


def within(readings: Sequence[Reading], begin_ns: int, end_ns: int) -> tuple[Reading, Reading]:
    """The first and the last reading from `begin_ns` to `end_ns`. ValueError where there are no two."""
    inside = [reading for reading in readings if begin_ns <= reading.at_ns <= end_ns]
    if len(inside) < 2:  # noqa: PLR2004 - a difference takes two
        message = (
            f"found {len(inside)} readings of the CPU clock in the steady window, expected two or more; load longer"
        )
        raise ValueError(message)
    return inside[0], inside[-1]
