"""A generator on a system without timerfd: it loads a whole slice, says what woke it, and its lateness is judged."""

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.analysis.latency import lateness_ms
from bench.measure.verdict import LATE, Bars, Evidence, reasons
from loadtests.assignment import write_assignment
from loadtests.plan import CellPlan
from loadtests.record import Counts, Sample
from tests.loadtests.locust_.test_generator import PATIENT_S, Generator, _assignment, _sleeper

RATE_RPS, VISITORS = 40, 20
WITHOUT_TIMERFD = """
import ctypes, runpy

class Library(ctypes.CDLL):
    @staticmethod
    def timerfd_create(*_):
        return -1

ctypes.CDLL = Library
runpy.run_module("loadtests.locust_.generator", run_name="__main__", alter_sys=True)
"""


@pytest.fixture
def generator(tmp_path: Path) -> Iterator[Generator]:
    """One whose C library has no timerfd to spare."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENT_S)
    with _sleeper(tmp_path / "stamps") as port, ours:
        write_assignment(tmp_path / "assignment.json", _assignment(port, "a", rate_rps=RATE_RPS, visitors=VISITORS))
        argv = [sys.executable, "-c", WITHOUT_TIMERFD, str(tmp_path / "assignment.json"), str(theirs.fileno())]
        with subprocess.Popen(argv, pass_fds=[theirs.fileno()]) as process:
            theirs.close()
            yield Generator(process, ours, tmp_path)
            process.kill()


def _evidence(samples: list[Sample], loop_lag_ns: int) -> Evidence:
    cell = CellPlan("a", "none", "bearer", 1, "roundrobin", "steady", RATE_RPS, "cpu", VISITORS, 1, pinned=False)
    count = len(samples)
    return Evidence(cell, False, Counts(count, count, count, count), samples, {}, {}, loop_lag_ns=loop_lag_ns)  # noqa: FBT003 - no affinity


def test_without_a_timerfd_a_slice_is_loaded_all_the_same(generator: Generator) -> None:
    """Every arrival is sent, none early; what woke it is told, and how late it was decides whether it is believed."""
    generator.order(do="login")
    loaded, samples = generator.load(0), generator.samples(0, "a")
    assert loaded["timer"] == "sleep"
    assert loaded["scheduled"] == loaded["sent"] == [len(samples)] == [RATE_RPS]
    assert all(sample.intended_ns <= sample.sent_ns for sample in samples)
    evidence, found_ms = _evidence(samples, loaded["loop_lag_ns"]), lateness_ms(samples, VISITORS)
    least_ms, most_ms = float(found_ms[0]), max(float(found_ms[-1]), loaded["loop_lag_ns"] / 1e6)
    assert reasons(LATE, evidence, Bars(lateness_ms=most_ms, loop_lag_ms=most_ms)) == ()
    late, stood_still = reasons(LATE, evidence, Bars(lateness_ms=least_ms / 2, loop_lag_ms=most_ms / 1e6))
    assert late.startswith(f"{len(found_ms)} of {len(found_ms)} requests were sent more than")
    assert stood_still.startswith("the load generator stood still")
    assert generator.end() == 0
