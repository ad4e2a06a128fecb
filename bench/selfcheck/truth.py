"""The recorder tells the truth: held against a bare-socket server that knows what it did and when.

Three slices are loaded and the one that the machine disturbed least is judged: a disturbance between two stamps of one
request is neither side's untruth. Counts are those of all three.
"""

import math
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bench.measure.generator import GeneratorProcess
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import supervisor
from bench.stack.pinning import apart
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Sample

RATE_RPS = 400
SECONDS = 10
SLICES = 3
VISITORS = 200
PERCENTILES = (50, 90, 99)
RELATIVE_BAR = 0.02
ABSOLUTE_BAR_MS = 0.15
LATENESS_BAR_MS = 0.3
SEED = 20_261
UNUSED = "nobody checks it"

Milliseconds = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What the server knows of one request."""

    arrival_ns: int
    departure_ns: int


def run() -> Iterator[Finding]:
    """Load the sleeping server and compare, request by request where the server's serial finds its sample."""
    slices, stamps = _measure()
    samples = [sample for piece in slices for sample in piece]
    answered = [sample for sample in samples if sample.status]
    counts = f"{len(samples)} recorded, {len(answered)} answered, {len(stamps) - VISITORS} counted by the server"
    yield Finding(counts, "all equal", len(samples) == len(answered) == len(stamps) - VISITORS)
    calmest = min(slices, key=_lateness_ms)
    served = [(sample, stamps[int(sample.replica)]) for sample in calmest if sample.status]
    service_ms = _ms([sample.done_ns - sample.sent_ns for sample, _ in served])
    slept_ms = _ms([stamp.departure_ns - stamp.arrival_ns for _, stamp in served])
    yield from _compare("service time", service_ms, slept_ms)
    response_ms = _ms([sample.done_ns - sample.intended_ns for sample, _ in served])
    departed_ms = _ms([stamp.departure_ns - sample.intended_ns for sample, stamp in served])
    yield from _compare("response time", response_ms, departed_ms)
    late_ms = _lateness_ms(calmest)
    others = ", ".join(f"{_lateness_ms(piece):.3f}" for piece in slices if piece is not calmest)
    bar = f"<= {LATENESS_BAR_MS} ms at {RATE_RPS}/s on an idle machine"
    yield Finding(
        f"dispatch lateness p99 {late_ms:.3f} ms (of the other slices: {others})", bar, late_ms <= LATENESS_BAR_MS
    )


def _lateness_ms(samples: Sequence[Sample]) -> float:
    """p99 of how late requests were sent; infinite where there are none."""
    late_ms = _ms([sample.sent_ns - sample.intended_ns for sample in samples])
    return float(np.percentile(late_ms, 99)) if len(late_ms) else math.inf


def _compare(what: str, recorded: Milliseconds, true: Milliseconds) -> Iterator[Finding]:
    for percentile in PERCENTILES:
        ours, theirs = (float(np.percentile(values, percentile)) for values in (recorded, true))
        allowed = RELATIVE_BAR * theirs + ABSOLUTE_BAR_MS
        figure = f"{what} p{percentile}: recorded {ours:.3f} ms, true {theirs:.3f} ms, off by {ours - theirs:+.3f} ms"
        yield Finding(figure, f"within 2 % + 0.15 ms = {allowed:.3f} ms", abs(ours - theirs) <= allowed)


def _ms(values_ns: list[int]) -> Milliseconds:
    return np.array(values_ns) / 1e6


def _measure() -> tuple[list[tuple[Sample, ...]], Mapping[int, Stamp]]:
    arm = ArmPlan("truth", "none", "bearer", 1, "roundrobin", "steady", VISITORS)
    plan = BlockPlan(0, SEED, (arm,), (SlicePlan("latency", RATE_RPS, SECONDS, pinned=True),) * SLICES)
    with supervisor() as started:
        stamps = started.folder("truth") / "stamps"
        with _sleeper(stamps) as server:
            assignment = Assignment(plan, (Target("127.0.0.1", _port(server)),), password=UNUSED)
            with GeneratorProcess(started, "generator", assignment) as generator:
                generator.log_in()
                with apart((server.pid,), generator.pids):
                    for number in range(SLICES):
                        generator.load(number)
                slices = [generator.samples(number, arm.id) for number in range(SLICES)]
            _end(server)
        return slices, _stamps(stamps)


def _sleeper(stamps: Path) -> "subprocess.Popen[str]":
    argv = (sys.executable, "-m", "bench.selfcheck.sleeper", str(SEED), str(stamps))
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def _port(server: "subprocess.Popen[str]") -> int:
    return int(server.stdout.readline()) if server.stdout else 0


def _end(server: "subprocess.Popen[str]") -> None:
    """Ending its input makes the server write its stamps."""
    server.communicate()


def _stamps(path: Path) -> Mapping[int, Stamp]:
    rows = (map(int, line.split()) for line in path.read_text(encoding="utf-8").splitlines())
    return {serial: Stamp(arrival, departure) for serial, arrival, departure in rows}


CHECK = Selfcheck("truth", "recorded times and counts are the server's own", "35 s", run)
