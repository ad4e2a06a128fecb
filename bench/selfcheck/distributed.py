"""Several workers load as one would: the same schedule, as random as theory says, and none of them lost unseen."""

import os
import signal
import threading
from collections.abc import Iterator, Sequence

import numpy as np

from bench.measure.crew import Spread
from bench.measure.piece import Loading
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import Rig, rig
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Record
from loadtests.shares import Share

RATE_RPS = 160
SECONDS = 40
VISITORS = 200
WORKERS = 2
SEED = 7
GAPS_BAR = 0.05
KILL_AFTER_S = 2.0
KILLED_SECONDS = 8
HOUR_S = 3_600

ARM = ArmPlan("distributed", "none", "bearer", 1, "roundrobin", "steady", VISITORS)


def run(seconds: int = SECONDS) -> Iterator[Finding]:
    """One worker, then two, then two of which one is killed."""
    piece = SlicePlan("latency", RATE_RPS, seconds, pinned=False)
    alone = _measured(piece, 1)
    shared = _measured(piece, WORKERS)
    yield _same(alone, shared)
    yield from _poisson("sent by one", _starts_ns(alone), RATE_RPS)
    yield from _poisson("sent by two", _starts_ns(shared), RATE_RPS)
    for part in range(WORKERS):
        yield from _poisson(f"an hour's schedule of worker {part + 1} of {WORKERS}", _hour_ns(part), RATE_RPS / WORKERS)
    yield _killed()


def _measured(piece: SlicePlan, workers: int) -> Record:
    with rig(ARM, piece, seed=SEED, spread=Spread(local=workers)) as started:
        return _load(started)


def _load(started: Rig) -> Record:
    return Loading(started.plan, [started.bench], started.generator, {}, frozenset()).measure(0)[0]


def _same(alone: Record, shared: Record) -> Finding:
    """The schedules, each counted from its first request."""
    counts = [record.footer.counts for record in (alone, shared) if record.footer]
    told = "; ".join(f"{one.scheduled} scheduled, {one.sent} sent, {one.received} received" for one in counts)
    equal = np.array_equal(np.diff(_starts_ns(alone)), np.diff(_starts_ns(shared)))
    figure = f"one worker and two: {told}; intended starts {'equal to the ns' if equal else 'not equal'}"
    is_whole = len({(one.scheduled, one.sent, one.received) for one in counts}) == 1
    return Finding(figure, "all equal", equal and is_whole)


def _poisson(who: str, times_ns: Sequence[int], rate_rps: float) -> Iterator[Finding]:
    """A Poisson process of rate r has gaps of mean 1/r and variance 1/r^2."""
    gaps_ms = np.diff(times_ns) / 1e6
    mean_ms = 1000 / rate_rps
    for what, found, theory in (("mean", gaps_ms.mean(), mean_ms), ("variance", gaps_ms.var(), mean_ms**2)):
        figure = f"{who}, {what} of {len(gaps_ms)} gaps: {found:.4g}, theory {theory:.4g} ({found / theory - 1:+.1%})"
        yield Finding(figure, "within 5 %", bool(abs(found / theory - 1) <= GAPS_BAR))


def _starts_ns(record: Record) -> list[int]:
    return sorted(sample.intended_ns for sample in record.samples)


def _hour_ns(part: int) -> list[int]:
    """A schedule long enough that chance moves the variance by less than 1 %."""
    plan = BlockPlan(0, SEED, (ARM,), (SlicePlan("latency", RATE_RPS, HOUR_S, pinned=False),))
    return [arrival.at_ns for arrival in Share(part, WORKERS).schedule(plan, 0)]


def _killed() -> Finding:
    piece = SlicePlan("latency", RATE_RPS, KILLED_SECONDS, pinned=False)
    with rig(ARM, piece, seed=SEED, spread=Spread(local=WORKERS)) as started:
        victim = started.generator.pids[-1]
        killer = threading.Timer(KILL_AFTER_S, os.kill, (victim, signal.SIGKILL))
        killer.start()
        record = _load(started)
    footer = record.footer
    reasons = [reason for reason in (footer.reasons if footer else ()) if "gave no sign of life" in reason]
    verdict = footer.verdict if footer else "no verdict"
    figure = f"a worker killed after {KILL_AFTER_S:g} s: {verdict}, {'; '.join(reasons) or 'without a reason'}"
    return Finding(figure, "INVALID, because it 'gave no sign of life'", verdict == "INVALID" and bool(reasons))


CHECK = Selfcheck("distributed", "several workers load as one would, and a lost one is named", "120 s", run)
