"""CPU clocks are read all the while, of children too, and a window takes what lies in it."""

import sys
import time

import pytest

from bench.generator import watch
from bench.generator.watch import Reading, Watch, within
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor

BURN = "sum(range(4_000_000))"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"


@pytest.mark.parametrize("search_s", [60.0, 0.0])
def test_children_are_counted(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, search_s: float) -> None:
    """What a child consumed is in the sum, also after it ended; who does not look for children misses it."""
    monkeypatch.setattr(watch, "TICK_S", 0.005)
    monkeypatch.setattr(watch, "SEARCH_S", search_s)
    process = supervisor.start(Command("parent", (sys.executable, "-c", PARENT), supervisor.folder("parent")))
    with Watch(process) as watched:
        process.wait_ended(60)
        time.sleep(0.02)
    consumed = [reading.cpu_ns for reading in watched.readings]
    assert consumed == sorted(consumed)
    assert set(watched._clocks) > {process.pid} or not search_s


def test_a_window_takes_what_lies_in_it() -> None:
    """The first and the last reading inside, its ends included."""
    readings = [Reading(at, at * 10) for at in range(10)]
    assert within(readings, 3, 6) == (Reading(3, 30), Reading(6, 60))


def test_a_window_without_readings_is_an_error() -> None:
    """One reading makes no difference: found, expected, what to do."""
    with pytest.raises(ValueError, match=r"found 1 readings .* expected two or more; load longer"):
        within([Reading(5, 1), Reading(9, 2)], 4, 6)
