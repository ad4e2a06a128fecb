"""A verdict is honest: whatever spoils a cell on purpose makes it INVALID and is named as the reason."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

from bench.measure.generator import BlockGenerator
from bench.measure.piece import Generator, Loading
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import Rig, rig
from bench.stack.pinning import pinned
from loadtests.orders import Loaded
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Record, Sample

ARM = ArmPlan("verdicts", "redis-session", "cookie", 1, "roundrobin", "steady", visitors=200)
RATE_RPS = 50
STARVING_RATE_RPS = 600
SECONDS = 3
IDLE_S = 0.2
LEAD_S = 0.5
"""How far into the slice it is disturbed."""
HANG_S = 1.5
BURNER = "while True: pass"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """Something done to a cell while it is measured, and the beginning of the reason that it must be given."""

    what: str
    reason: str
    while_measuring: Callable[[Rig], AbstractContextManager[None]] = lambda _: nullcontext()
    meanwhile: Callable[[Rig], None] = lambda _: None
    generator: Callable[[BlockGenerator], Generator] = lambda same: same
    rate_rps: float = RATE_RPS


class Forgetful:
    """A generator of which one sample is lost on the way to the record."""

    def __init__(self, generator: BlockGenerator) -> None:
        self._generator = generator
        self.process = generator.process
        self.pids = generator.pids

    def load(self, number: int) -> Loaded:
        """As the generator does."""
        return self._generator.load(number)

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """All but the first."""
        return self._generator.samples(number, arm)[1:]


@contextmanager
def starve(started: Rig) -> Iterator[None]:
    """Keep the generator on a core where a busy loop runs."""
    core = {max(os.sched_getaffinity(0))}
    burner = subprocess.Popen([sys.executable, "-c", BURNER])
    try:
        with pinned([burner.pid, started.generator.process.pid], core):
            yield
    finally:
        burner.kill()
        burner.wait()


def hang_store(started: Rig) -> None:
    """Stop Valkey for longer than a service waits for it: 503s, and it lives through it."""
    if started.bench.arm.valkey:
        started.bench.arm.valkey.process.signal(signal.SIGSTOP)
        time.sleep(HANG_S)
        started.bench.arm.valkey.process.signal(signal.SIGCONT)


def replace_worker(started: Rig) -> None:
    """Kill the worker of the replica; its master starts another."""
    replica = started.bench.arm.replicas[0]
    os.kill(replica.processes()[replica.name], signal.SIGKILL)


def restart_store(started: Rig) -> None:
    """Valkey ends and begins anew; every session is gone with it."""
    if started.bench.arm.valkey:
        started.bench.arm.valkey.restart()


def kill_balancer(started: Rig) -> None:
    """HAProxy ends and stays away."""
    started.bench.arm.haproxy.process.kill()


NOTHING = Disturbance("nothing", "")
DISTURBANCES = (
    Disturbance("a starved generator", "other programs used", starve, rate_rps=STARVING_RATE_RPS),
    Disturbance("a lost sample", "requests were sent but", generator=Forgetful),
    Disturbance("a wrong status", "503 (store-down)", meanwhile=hang_store),
    Disturbance("a replaced worker", "replicas/replica-1 restarted during the cell", meanwhile=replace_worker),
    Disturbance("a restarted store", "redis/redis restarted during the cell", meanwhile=restart_store),
    Disturbance("a dead load balancer", "haproxy/haproxy died during the cell", meanwhile=kill_balancer),
)
"""In an order in which none leaves behind what would spoil the next."""


def run(disturbances: Sequence[Disturbance] = DISTURBANCES, seconds: int = SECONDS) -> Iterator[Finding]:
    """Spoil one cell after the other, after one that is left alone."""
    plans = [NOTHING, *disturbances]
    slices = [SlicePlan("latency", plan.rate_rps, seconds, pinned=False) for plan in plans]
    with rig(ARM, *slices) as started:
        quiet, *spoilt = (measure(started, number, plan) for number, plan in enumerate(plans))
    yield from (_not_given(quiet, disturbance) for disturbance in disturbances)
    yield from (_given(*pair) for pair in zip(spoilt, disturbances, strict=True))


def measure(started: Rig, number: int, disturbance: Disturbance) -> Record:
    """Slice `number` with the disturbance in it.

    The disturbing is done here and the measuring in another thread: what a thread starts dies with it.
    """
    generator = disturbance.generator(started.generator)
    loading = Loading(started.plan, [started.bench], generator, {}, frozenset())
    loading.measure_idle(IDLE_S)
    with ThreadPoolExecutor(1) as measuring, disturbance.while_measuring(started):
        records = measuring.submit(loading.measure, number)
        time.sleep(LEAD_S)
        disturbance.meanwhile(started)
        return records.result()[0]


def _given(record: Record, disturbance: Disturbance) -> Finding:
    reasons = _reasons(record, disturbance)
    figure = f"{disturbance.what}: {_verdict(record)}, {'; '.join(reasons) or 'without that reason'}"
    return Finding(figure, f"INVALID, because {disturbance.reason!r}", _verdict(record) == "INVALID" and bool(reasons))


def _not_given(record: Record, disturbance: Disturbance) -> Finding:
    reasons = _reasons(record, disturbance)
    figure = f"without {disturbance.what}: {'; '.join(reasons) or 'not a word of it'}"
    return Finding(figure, f"no {disturbance.reason!r}", not reasons)


def _reasons(record: Record, disturbance: Disturbance) -> tuple[str, ...]:
    reasons = record.footer.reasons if record.footer else ()
    return tuple(reason for reason in reasons if disturbance.reason in reason)


def _verdict(record: Record) -> str:
    return record.footer.verdict if record.footer else "no verdict"


CHECK = Selfcheck("verdicts", "whatever spoils a cell makes it INVALID and is named", "35 s", run)
