"""A replica is killed without warning and comes back: who is logged out, what fails, how the load lies afterwards."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from bench.consequences.apparatus import fleet
from bench.consequences.apparatus.homes import SKEW, at_home, dealt, homes, skew_figures
from bench.consequences.apparatus.losses import (
    UNBOUND,
    UNHARMED,
    Departure,
    bereaved,
    errors_end,
    losses,
    marked,
    spared,
    told,
)
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Deed, Lab, Scale, Stage
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import Observation, first_success_s
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample

NAME = "kill-a-replica"
KILLED, BACK, SERVING = "a replica is killed", "it is started again", "it is in rotation again"
FEW, VICTIM_WAITS = "few", "a victim's first success after"


@dataclass(frozen=True, slots=True)
class Size:
    """`few` visitors on `spread` replicas make as many requests as the `visitors` of other arms on `replicas`."""

    visitors: int
    replicas: int
    few: int
    spread: int
    rate_rps: float
    control_s: int
    seconds: int
    killed_at_s: float
    back_at_s: float


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(12, 2, 3, 2, 30, 1, 5, 0.3, 1.5),
    "quick": Size(40, 2, 5, 4, 25, 4, 13, 1, 4),
    "standard": Size(100, 3, 5, 4, 40, 10, 22, 2, 7),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """One replica of every arm is killed in the second slice and started again; the first is the control."""
    size = SIZES[lab.scale]
    arms = [arm for scheme in schemes for arm in _arms(lab, scheme, size)]
    slices = [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in (size.control_s, size.seconds)]
    with lab.stage(arms, slices) as stage:
        calm = stage.load(0)
        hit = stage.load(1, list(_deeds(stage, size)))
        names = {name: tuple(one.name for one in arm.facing) for name, arm in stage.arms.items()}
    for arm in arms:
        binds = lab.spec(arm.scheme).traits.needs_affinity
        case = Case(binds, names[arm.id], calm[arm.id], hit[arm.id], lab.seed)
        yield case.control()
        yield case.outcome()


def _arms(lab: Lab, scheme: str, size: Size) -> Iterator[ArmPlan]:
    """Where stickiness decides, also an arm of few users who ask much each."""
    yield fleet.suited_arm(lab, scheme, size.visitors, size.replicas)
    if lab.spec(scheme).traits.needs_affinity and lab.spec(scheme).front == "api":
        yield fleet.suited_arm(lab, scheme, size.few, size.spread, FEW)


def _deeds(stage: Stage, size: Size) -> Iterator[Deed]:
    arms = stage.arms.values()
    killed = [arm.facing[0] for arm in arms]
    yield from (Deed(size.killed_at_s, KILLED, arm.facing[0].kill, name) for name, arm in stage.arms.items())
    yield Deed(size.back_at_s, BACK, partial(fleet.start, killed, arms))
    yield Deed(size.back_at_s, SERVING, fleet.nothing)


@dataclass(frozen=True, slots=True)
class Case:
    """One arm before and while the first of `replicas` is killed; `binds`: its memory holds the logins."""

    binds: bool
    replicas: tuple[str, ...]
    calm: Observation
    hit: Observation
    seed: int

    def control(self) -> Outcome:
        """The same visitors while nothing is killed."""
        figures = (*losses(self.calm, UNHARMED), *self._skew_before(self.calm.samples))
        return spared(NAME, f"{self._company()}, none killed", self.calm, figures)

    def outcome(self) -> Outcome:
        """One replica is killed."""
        mark = marked(self.hit, KILLED)
        departure = Departure(self.replicas[0], mark, mark)
        lost = bereaved(self.hit, self.calm.samples, [departure]) if self.binds else UNBOUND
        figures = (
            *losses(self.hit, lost),
            Figure(VICTIM_WAITS, self._first_success_s(), "s"),
            errors_end(self.hit, mark),
            *self._skew_before(self._before()),
            *self._skew_after(),
        )
        return told(NAME, f"{self._company()}, one killed", self.hit, figures, mark)

    def _company(self) -> str:
        return f"{self.hit.visitors} users on {len(self.replicas)} replicas"

    def _before(self) -> list[Sample]:
        """What was done by the time of the kill."""
        killed_ns = self.hit.instant_ns(marked(self.hit, KILLED))
        return [*self.calm.samples, *(sample for sample in self.hit.samples if sample.done_ns < killed_ns)]

    def _first_success_s(self) -> float:
        """From the kill until one of those whom that replica had answered last gets what it asks for; maybe never."""
        victims = {visitor for visitor, replica in homes(self._before()).items() if replica == self.replicas[0]}
        theirs = tuple(sample for sample in self.hit.samples if sample.visitor in victims)
        waited_s = first_success_s(replace(self.hit, samples=theirs), marked(self.hit, KILLED))
        return math.inf if waited_s is None else waited_s

    def _skew_before(self, samples: Sequence[Sample]) -> Iterator[Figure]:
        """Logins go to one replica after the other, and stickiness keeps them there."""
        housed = dealt(self.calm.visitors, len(self.replicas)) if self.binds else ()
        yield from skew_figures(f"{SKEW}, before", samples, self.replicas, housed, self.seed)

    def _skew_after(self) -> Iterator[Figure]:
        """Whoever was sent to another replica stays there when the old one is back."""
        mark = marked(self.hit, SERVING)
        later, back_ns = self.hit.since(mark), self.hit.instant_ns(mark)
        known = homes([*self._before(), *(sample for sample in self.hit.samples if sample.done_ns < back_ns)])
        housed = at_home(known, self.replicas) if self.binds else ()
        yield from skew_figures(f"{SKEW}, after", later, self.replicas, housed, self.seed)


EXPERIMENT = Experiment(
    name=NAME,
    question="a replica dies: who is logged out, and what fails?",
    fault="SIGKILL to one replica under load; it is started again seconds later",
    concerns=fleet.concerns,
    run=run,
    takes_s=32,
    reading=(
        "Sessions in a replica's memory die with it: exactly its users are logged out. A login that the store or the "
        "token itself holds survives on any other replica. Stickiness binds the moved users to their new replica, so "
        "the one that comes back stays empty until somebody logs in. infinity: no victim ever succeeded again."
    ),
)
