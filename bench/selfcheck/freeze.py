"""A frozen server is seen: the open loop keeps its schedule, and the wait is in the figures that theory predicts."""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from bench.analysis.costs import cpu_us
from bench.measure.piece import Loading
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import Rig, rig
from bench.stack.replicas import Replica
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Record, Sample

RATE_RPS = 200
SECONDS = 10
VISITORS = 500
FREEZE_AFTER_S = 4.0
FREEZE_S = 2.0
SLOW_NS = 100_000_000
SENT_BAR = 0.995
MISS_BAR = 0.10
NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Stall:
    """When the replica stood still, CLOCK_MONOTONIC ns."""

    frozen_ns: int = 0
    thawed_ns: int = 0


def run() -> Iterator[Finding]:
    """Freeze the only replica in the middle of a cell and compare with what the schedule predicts."""
    arm = ArmPlan("freeze", "none", "bearer", 1, "roundrobin", "steady", VISITORS)
    with rig(arm, SlicePlan("latency", RATE_RPS, SECONDS, pinned=False)) as started:
        record, stall = _measure(started)
    counts = record.footer.counts if record.footer else None
    sent_ratio = counts.sent / counts.scheduled if counts else 0.0
    yield Finding(f"sent/target {sent_ratio:.4f}", f">= {SENT_BAR}", sent_ratio >= SENT_BAR)
    errors = sum(sample.status != 200 for sample in record.samples)
    yield Finding(f"{errors} of {len(record.samples)} requests failed", "none", errors == 0)
    yield from _compare(record.samples, stall, service_ns=round(1000 * cpu_us(record)["replicas"]))


def _compare(samples: Sequence[Sample], stall: Stall, service_ns: int) -> Iterator[Finding]:
    measured_ns = [sample.done_ns - sample.intended_ns for sample in samples]
    predicted_ns = predict([sample.intended_ns for sample in samples], stall, service_ns)
    for what, of in (("share slower than 100 ms", _slow_ratio), ("p90 in ms", _p90_ms)):
        found, theory = of(measured_ns), of(predicted_ns)
        figure = f"{what}: measured {found:.4g}, predicted {theory:.4g} ({found / theory - 1:+.1%})"
        yield Finding(figure, "within 10 %", abs(found / theory - 1) <= MISS_BAR)


def predict(intended_ns: Sequence[int], stall: Stall, service_ns: int) -> list[int]:
    """Response times (ns) of a single server with first-in-first-out queue that stands still once.

    Lindley's recursion: a request starts when it has arrived, its predecessor is done and the server is not frozen;
    `service_ns` is the CPU time the replica needs for one.
    """
    done_ns = 0
    responses = []
    for at_ns in sorted(intended_ns):
        start_ns = max(at_ns, done_ns)
        if stall.frozen_ns <= start_ns < stall.thawed_ns:
            start_ns = stall.thawed_ns
        done_ns = start_ns + service_ns
        responses.append(done_ns - at_ns)
    return responses


def _slow_ratio(responses_ns: Sequence[int]) -> float:
    return sum(value > SLOW_NS for value in responses_ns) / len(responses_ns)


def _p90_ms(responses_ns: Sequence[int]) -> float:
    return float(np.percentile(responses_ns, 90)) / 1e6


def _measure(started: Rig) -> tuple[Record, Stall]:
    stall = Stall()
    loading = Loading(started.plan, [started.bench], started.generator, {}, frozenset())
    loading.measure_idle(0.5)
    freezer = threading.Thread(target=_freeze, args=(started.bench.arm.replicas[0], stall))
    freezer.start()
    (record,) = loading.measure(0)
    freezer.join()
    return record, stall


def _freeze(replica: Replica, stall: Stall) -> None:
    time.sleep(FREEZE_AFTER_S)
    replica.freeze()
    stall.frozen_ns = time.monotonic_ns()
    time.sleep(FREEZE_S)
    stall.thawed_ns = time.monotonic_ns()
    replica.thaw()


CHECK = Selfcheck("freeze", "a server frozen for 2 s of 10 costs what the schedule says, and no request", "25 s", run)
