"""What an experiment works with: stacks under real visitors, and deeds that are done to them meanwhile."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from random import Random
from typing import Literal, Protocol

from bench.analysis.model import Verdict
from bench.consequences.model import Mark
from bench.consequences.reading import Observation
from bench.consequences.reconciling import disagreements
from bench.measure.generator import GeneratorProcess
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Injection, Loading
from bench.stack.arm import RunningArm
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.haproxy_config import Front
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment
from loadtests.plan import ArmPlan, Balancing, BlockPlan, Journey, SlicePlan
from loadtests.record import Event, Record
from services.contract import Carrier, SchemeSpec
from services.settings import Settings

Scale = Literal["tiny", "quick", "standard"]
"""How large an experiment is; `tiny` is the tests'."""
USERS: Mapping[Scale, int] = {"tiny": 80, "quick": 400, "standard": 2000}
CHECKED = Front(health="tcp")
"""As a team would run it: a replica that cannot be reached is taken out after three seconds."""
NS_PER_S = 1_000_000_000
NO_SETTINGS: Mapping[str, Settings] = {}
NO_HOPS: Mapping[str, int] = {}
Prepare = Callable[[Mapping[str, RunningArm]], object]
"""Done to the servers of a stage, by arm, before anybody logs in."""


class Progress(Protocol):
    """Told what is happening while it happens."""

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Something begins; `seconds` is how long it is known to take, 0 when that is not known."""
        ...


def _leave(_arms: Mapping[str, RunningArm]) -> None:
    """As they were started."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What is done to the servers `at_s` after the load began; `arm` "" where it concerns all of them."""

    at_s: float
    what: str
    do: Callable[[], object]
    arm: str = ""


@dataclass(frozen=True, slots=True)
class Stage:
    """Arms that run, and the visitors who are logged in on them."""

    arms: Mapping[str, RunningArm]
    benches: Mapping[str, ArmBench]
    _plan: BlockPlan
    _loading: Loading | None
    _keep: Callable[[Record, str], str]
    _progress: Progress
    _timed: bool = False

    def load(self, number: int, deeds: Sequence[Deed] = ()) -> Mapping[str, Observation]:
        """Load slice `number` on all arms at once and do `deeds` meanwhile; what came of it, by arm."""
        if self._loading is None:
            message = "this stage has no slices to load"
            raise ValueError(message)
        piece = self._plan.slices[number]
        self._progress.stage(_told(piece, deeds), seconds=piece.seconds)
        before = {name: arm.haproxy.answers() for name, arm in self.arms.items()}
        records = self._loading.measure(number, *([_injection(deeds)] if deeds else []))
        return {
            record.header.cell.arm: self._observed(record, number, before[record.header.cell.arm]) for record in records
        }

    def _observed(self, record: Record, number: int, before: Mapping[str, int]) -> Observation:
        plan = next(arm for arm in self._plan.arms if arm.id == record.header.cell.arm)
        arm, start_ns = self.arms[plan.id], record.events[0].at_ns
        faults = disagreements(record, before, arm.haproxy.answers())
        return Observation(
            arm=plan,
            samples=record.samples,
            start_ns=start_ns,
            seconds=record.header.cell.seconds,
            marks=tuple(Mark((event.at_ns - start_ns) / NS_PER_S, event.kind) for event in record.events[1:-1]),
            verdict=_verdict(record, faults, timed=self._timed),
            record=self._keep(record, f"{self._plan.index}-{number}"),
        )


@dataclass(frozen=True, slots=True)
class Lab:
    """`scale` says how large experiments are, `seed` draws what is random in them.

    `keep` writes a record below a folder of that name and tells where. `facts`: the environment as records state it.
    """

    scale: Scale
    seed: int
    foundation: Foundation
    catalogue: Mapping[str, SchemeSpec]
    facts: Mapping[str, object]
    keep: Callable[[Record, str], str]
    progress: Progress
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def settings(self) -> Settings:
        """What every service is started with, but for what is each arm's own."""
        return self.foundation.settings

    @property
    def supervisor(self) -> Supervisor:
        """Who starts processes."""
        return self.foundation.supervisor

    @property
    def password(self) -> str:
        """What opens every seeded account."""
        return self.foundation.users_password_file.read_text(encoding="utf-8")

    def spec(self, scheme: str) -> SchemeSpec:
        """What is known about `scheme`."""
        return self.catalogue[scheme]

    def arm(  # noqa: PLR0913 - what a cell is, each with its usual value
        self,
        scheme: str,
        *,
        visitors: int,
        replicas: int = 1,
        balancing: Balancing = "roundrobin",
        journey: Journey = "steady",
        carrier: Carrier | None = None,
        reconnects: bool = False,
        label: str = "",
    ) -> ArmPlan:
        """An arm of `scheme` under its default carrier; `label` tells arms that are otherwise alike apart."""
        carried = carrier or self.spec(scheme).traits.default_carrier
        parts = (scheme, carried, str(replicas), balancing if balancing != "roundrobin" else "", label)
        name = "-".join(part for part in parts if part)
        return ArmPlan(name, scheme, carried, replicas, balancing, journey, visitors, reconnects)

    @contextmanager
    def stage(  # noqa: PLR0913 - how a stack may differ from the usual one
        self,
        arms: Sequence[ArmPlan],
        slices: Sequence[SlicePlan] = (),
        *,
        settings: Settings | None = None,
        own: Mapping[str, Settings] = NO_SETTINGS,
        front: Front = CHECKED,
        distant: bool = False,
        persistent: frozenset[str] = frozenset(),
        hops: Mapping[str, int] = NO_HOPS,
        mounted: tuple[str, ...] = (),
        prepare: Prepare = _leave,
        timed: bool = False,
    ) -> Iterator[Stage]:
        """Start `arms` side by side; with `slices` also the load generator, and every visitor logs in. NotReadyError.

        `settings` of all arms, `own` of single ones by id, are made from `self.settings`. `timed`: it is about times,
        so a machine that others disturb makes it INVALID. See Stack for the others.
        """
        number = next(self._numbers)
        seed = Random(f"{self.seed}/stage/{number}").getrandbits(48)  # noqa: S311 - reproducible load, not a secret
        plan = BlockPlan(number, seed, tuple(arms), tuple(slices))
        ground = replace(self.foundation, settings=settings or self.settings)
        self.progress.stage(f"starting {len(arms)} arms")
        with Stack(
            plan.arms,
            ground,
            seed=seed,
            front=front,
            mounted=mounted,
            own=own,
            distant=distant,
            persistent=persistent,
            hops=hops,
        ) as stack:
            prepare(stack.arms)
            benches = {arm.id: ArmBench(stack.arms[arm.id], self.password) for arm in plan.arms}
            with self._loading(plan, benches) as loading:
                yield Stage(stack.arms, benches, plan, loading, self.keep, self.progress, timed)

    @contextmanager
    def _loading(self, plan: BlockPlan, benches: Mapping[str, ArmBench]) -> Iterator[Loading | None]:
        """A generator whose visitors are logged in; None where there is nothing to load."""
        if not plan.slices:
            yield None
            return
        targets = tuple(bench.address for bench in benches.values())
        assignment = Assignment(plan, targets, self.password)
        with GeneratorProcess(self.supervisor, f"generator-{plan.index}", assignment) as generator:
            self.progress.stage(f"logging in {sum(arm.visitors for arm in plan.arms)} visitors")
            if failures := generator.log_in().failures:
                message = f"not every visitor could log in: found {', '.join(failures)}, expected 200; look at the logs"
                raise NotReadyError(message)
            loading = Loading(plan, list(benches.values()), generator, self.facts, self._bound_to_a_replica())
            loading.assume_idle({})
            yield loading

    def _bound_to_a_replica(self) -> frozenset[str]:
        return frozenset(name for name, spec in self.catalogue.items() if spec.traits.needs_affinity)


def _told(piece: SlicePlan, deeds: Sequence[Deed]) -> str:
    done = ", ".join(dict.fromkeys(deed.what for deed in deeds)) or "nothing is disturbed"
    return f"{piece.rate_rps:g} requests/s and arm, {done}"


def _injection(deeds: Sequence[Deed]) -> Injection:
    """Does each deed at its time and says when it began."""

    def inject() -> tuple[Event, ...]:
        began_s = time.monotonic()
        events = []
        for deed in sorted(deeds, key=lambda deed: deed.at_s):
            time.sleep(max(0.0, began_s + deed.at_s - time.monotonic()))
            events.append(Event(time.monotonic_ns(), deed.what, deed.arm))
            deed.do()
        return tuple(events)

    return inject


def _verdict(record: Record, faults: tuple[str, ...], *, timed: bool) -> Verdict:
    """Of counts, what disturbed the machine is told and not held against them: it changes none."""
    footer = record.footer
    if footer is None:
        message = f"{record.header.cell.id}: a record without a footer"
        raise ValueError(message)
    reasons = (*footer.reasons, *faults)
    if faults or timed or not footer.disturbed:
        return Verdict("INVALID" if faults else footer.verdict, reasons, disturbed=footer.disturbed and not faults)
    return Verdict("VALID" if footer.counts.load_balancer is not None else "UNPROVEN", reasons, disturbed=True)
