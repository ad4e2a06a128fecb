"""One slice of a block: the arms loaded side by side while their processes' clocks are kept, one record an arm."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from threading import Thread
from typing import Protocol

from bench.analysis.intervals import percentile
from bench.analysis.latency import lateness_ms
from bench.analysis.model import Verdict
from bench.measure import environment
from bench.measure.cpu import cpu_ns, rates_ns_per_s
from bench.measure.laboratory import Load, Reading, Work
from bench.measure.proof import CONTROL
from bench.measure.verdict import Evidence, control_drift_ratio, judge
from bench.stack.pinning import apart
from bench.stack.process import Process
from loadtests.assignment import Target
from loadtests.orders import Loaded
from loadtests.plan import ArmPlan, BlockPlan, CellPlan, SlicePlan
from loadtests.record import Counts as Stations
from loadtests.record import Event, Footer, Header, Record, Resource, Sample

IDLE_S = 2.0
SETTLE_S = 0.05
NS_PER_S = 1_000_000_000

Rates = Mapping[str, float]
Judge = Callable[[Evidence], Verdict]
Injection = Callable[[], tuple[Event, ...]]
"""Disturbs servers while they are loaded and tells what it did when; an event's target is an arm, "" for all."""


def nothing() -> tuple[Event, ...]:
    """The injection of a slice that is about load alone."""
    return ()


class Subject(Protocol):
    """A running arm as measurement sees it."""

    @property
    def plan(self) -> ArmPlan:
        """What runs."""
        ...

    @property
    def address(self) -> Target:
        """Where its load balancer listens."""
        ...

    @property
    def shares_machine(self) -> bool:
        """Whether its processes are known to run on this machine, and no others of the stack."""
        ...

    def pids(self) -> Sequence[int]:
        """The processes that can be kept apart from the generator."""
        ...

    def read(self) -> Reading:
        """Its counters and clocks, as far as they can be read."""
        ...

    def account_polling(self) -> tuple[Resource, ...]:
        """An account of what wakes up by itself."""
        ...

    def work(self, before: Reading, after: Reading, loads: Sequence[Load]) -> Work:
        """What the stores counted for it in a slice; `loads` of all arms."""
        ...


class Generator(Protocol):
    """A load generator as measurement sees it."""

    @property
    def process(self) -> Process:
        """The process that generates, or has workers do it."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """All of ours that generate, to be kept apart from the servers."""
        ...

    def load(self, number: int) -> Loaded:
        """Load slice `number` of the plan; blocks until it has drained."""
        ...

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """What arrived of slice `number` for `arm`."""
        ...


@dataclass(frozen=True, slots=True)
class Machine:
    """What the whole machine and the generator had consumed at one instant, in ns."""

    at_ns: int
    busy_ns: int
    generator_ns: int
    harness_ns: int


@dataclass(frozen=True, slots=True)
class Conditions:
    """What was the same for every arm of a slice."""

    loaded: Loaded
    loads: tuple[Load, ...]
    drift_ratio: float | None
    other_load_ratio: float | None
    injected: tuple[Event, ...] = ()


class Loading:
    """A block under load. `benches` stand in the order of the plan's arms; `judged` says what is to be believed."""

    def __init__(  # noqa: PLR0913 - what is loaded, by whom, where and how it is judged
        self,
        plan: BlockPlan,
        benches: Sequence[Subject],
        generator: Generator,
        facts: Mapping[str, object],
        needs_affinity: frozenset[str],
        *,
        judged: Judge = judge,
    ) -> None:
        self._plan = plan
        self._benches = benches
        self._generator = generator
        self._facts = facts
        self._needs_affinity = needs_affinity
        self._judged = judged
        self._idle: Mapping[str, Rates] = {}

    def assume_idle(self, rates: Mapping[str, Rates]) -> None:
        """Take what each process consumes without load, by arm, from who knows it already."""
        self._idle = rates

    def measure_idle(self, seconds: float = IDLE_S) -> None:
        """Learn what each process consumes without load; blocks for `seconds`."""
        before = [bench.account_polling() for bench in self._benches]
        time.sleep(seconds)
        self._idle = {
            bench.plan.id: rates_ns_per_s(earlier, bench.account_polling())
            for bench, earlier in zip(self._benches, before, strict=True)
        }

    def measure(self, number: int, inject: Injection = nothing) -> list[Record]:
        """Load slice `number` on all arms; one judged record an arm. Blocks until the load has drained.

        `inject` is called as the load begins and does to the servers what the slice is about.
        """
        piece = self._plan.slices[number]
        before, machine_before = self._read(), self._read_machine()
        with self._placed(piece):
            loaded, injected = self._load(number, inject)
        time.sleep(SETTLE_S)  # a process clock is exact only once the process sleeps
        machine_after, after = self._read_machine(), self._read()
        loads = tuple(Load(arm, self._generator.samples(number, arm.id)) for arm in self._plan.arms)
        ours_ns = sum(_consumed_ns(*pair) for pair in zip(before, after, strict=True))
        other = self._other_load_ratio(machine_before, machine_after, ours_ns + loaded.workers_cpu_ns)
        conditions = Conditions(loaded, loads, self._drift_ratio(loads), None if injected else other, injected)
        return [
            self._record(place, cell, (before[place], after[place]), conditions)
            for place, cell in enumerate(self._plan.cells(piece))
        ]

    def _load(self, number: int, inject: Injection) -> tuple[Loaded, tuple[Event, ...]]:
        """Faults are injected by this thread: a server it starts again dies with it."""
        if inject is nothing:
            return self._generator.load(number), ()
        loading: Future[Loaded] = Future()
        Thread(target=_complete, args=(loading, self._generator, number), daemon=True).start()
        injected = inject()
        return loading.result(), injected

    def _read(self) -> list[Reading]:
        return [bench.read() for bench in self._benches]

    def _read_machine(self) -> Machine:
        return Machine(
            at_ns=time.monotonic_ns(),
            busy_ns=environment.read_busy_ns(),
            generator_ns=cpu_ns(self._generator.process.pid),
            harness_ns=time.process_time_ns(),
        )

    def _placed(self, piece: SlicePlan) -> AbstractContextManager[None]:
        """Servers and generator kept apart for a pinned slice."""
        if not piece.pinned:
            return nullcontext()
        servers = [pid for bench in self._benches for pid in bench.pids()]
        return apart(servers, self._generator.pids)

    def _drift_ratio(self, loads: Sequence[Load]) -> float | None:
        """How far the control's speed moved within the slice; None without a control."""
        control = next((load for load in loads if load.arm.scheme == CONTROL), None)
        return None if control is None else control_drift_ratio(control.samples)

    def _other_load_ratio(self, before: Machine, after: Machine, arms_ns: int) -> float | None:
        """None where the servers may be on this machine and not among the arms' processes: they would be others."""
        if not all(bench.shares_machine for bench in self._benches):
            return None
        ours_ns = arms_ns + after.generator_ns - before.generator_ns + after.harness_ns - before.harness_ns
        busy_ns, wall_ns = after.busy_ns - before.busy_ns, after.at_ns - before.at_ns
        return environment.other_load_ratio(busy_ns, ours_ns, wall_ns, os.cpu_count() or 1)

    def _record(
        self,
        place: int,
        cell: CellPlan,
        readings: tuple[Reading, Reading],
        conditions: Conditions,
    ) -> Record:
        before, after = readings
        loaded, samples = conditions.loaded, conditions.loads[place].samples
        work = self._benches[place].work(before, after, conditions.loads)
        evidence = Evidence(
            cell=cell,
            needs_affinity=cell.scheme in self._needs_affinity,
            counts=_stations(place, loaded, readings, len(samples)),
            samples=samples,
            processes_before=before.processes,
            processes_after=after.processes,
            doubt=work.doubt,
            generator_cpu_ratio=loaded.generator_cpu_ratio,
            loop_lag_ns=loaded.loop_lag_ns,
            missing_load=loaded.shortfalls,
            clock_uncertainty_ns=loaded.clock_uncertainty_ns,
            control_drift_ratio=conditions.drift_ratio,
            other_load_ratio=conditions.other_load_ratio,
            faults_injected=bool(conditions.injected),
        )
        return Record(
            header=self._header(cell),
            samples=samples,
            resources=(*before.resources, *after.resources),
            events=(
                Event(loaded.start_ns, "slice-start", cell.arm),
                *(event for event in conditions.injected if event.target in {"", cell.arm}),
                Event(loaded.end_ns, "slice-end", cell.arm),
            ),
            footer=self._footer(evidence, work, self._judged(evidence), loaded),
        )

    def _header(self, cell: CellPlan) -> Header:
        return Header(cell, self._plan.index, tuple(sorted(arm.id for arm in self._plan.arms)), self._facts)

    def _footer(self, evidence: Evidence, work: Work, verdict: Verdict, loaded: Loaded) -> Footer:
        return Footer(
            counts=evidence.counts,
            verdict=verdict.status,
            reasons=verdict.reasons,
            disturbed=verdict.disturbed,
            idle_cpu_ns_per_s=self._idle.get(evidence.cell.arm, {}),
            store_commands=work.commands,
            generator_cpu_ratio=evidence.generator_cpu_ratio,
            loop_lag_ns=evidence.loop_lag_ns,
            workers=loaded.workers,
            clock_uncertainty_ns=evidence.clock_uncertainty_ns,
            lateness_p99_ms=_lateness_p99_ms(evidence),
            timer=loaded.timer,
            spans=work.spans,
        )


def _lateness_p99_ms(evidence: Evidence) -> float | None:
    late = percentile(lateness_ms(evidence.samples, evidence.cell.visitors), 0.99)
    return None if late is None else round(late.value, 4)


def _complete(loading: "Future[Loaded]", generator: Generator, number: int) -> None:
    try:
        loading.set_result(generator.load(number))
    except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
        loading.set_exception(error)


def _stations(place: int, loaded: Loaded, readings: tuple[Reading, Reading], received: int) -> Stations:
    before, after = (reading.requests for reading in readings)
    passed = None if before is None or after is None else after - before
    return Stations(loaded.scheduled[place], loaded.sent[place], received, passed)


def _consumed_ns(before: Reading, after: Reading) -> int:
    earlier = {resource.process: resource.cpu_ns for resource in before.resources}
    return sum(resource.cpu_ns - earlier.get(resource.process, resource.cpu_ns) for resource in after.resources)
