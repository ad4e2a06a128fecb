"""BFFs restart, or the API behind them does: whether the users notice depends on where the BFF keeps its tokens."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.consequences.apparatus import fleet, rolling
from bench.consequences.apparatus.losses import UNHARMED, losses, spared
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale, Stage
from bench.consequences.model import Outcome
from bench.consequences.reading import Observation
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from services.contract import SchemeSpec

NAME = "bff-restart"
CONTROL, API, BFFS = range(3)
"""The slices."""


@dataclass(frozen=True, slots=True)
class Size:
    """The restarts begin `after_s` into their slices. There are as many API replicas as BFFs."""

    visitors: int
    bffs: int
    rate_rps: float
    control_s: int
    api_s: int
    bffs_s: int
    after_s: float


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(8, 1, 20, 1, 4, 6, 0.2),
    "quick": Size(40, 2, 25, 4, 7, 13, 1),
    "standard": Size(100, 2, 40, 8, 12, 20, 2),
}


def concerns(spec: SchemeSpec) -> bool:
    """Whether a BFF answers for the scheme."""
    return spec.front == "bff"


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Two arms a scheme: the API restarts behind the first, then its BFFs in turns and those of the second at once."""
    size = SIZES[lab.scale]
    pairs = [_pair(lab, scheme, size) for scheme in schemes]
    with lab.stage([arm for pair in pairs for arm in pair], _slices(size)) as stage:
        behind, before = _rounds(stage, pairs)
        calm = stage.load(CONTROL)
        api = stage.load(API, list(rolling.restarts(stage, behind, size.after_s)))
        bffs = stage.load(BFFS, list(rolling.restarts(stage, before, size.after_s)))
    for pair in pairs:
        one_by_one, at_once = (arm.id for arm in pair)
        binds = lab.spec(pair[0].scheme).traits.needs_affinity
        yield spared(NAME, "nothing restarted", calm[one_by_one], losses(calm[one_by_one], UNHARMED))
        yield _rolled(api[one_by_one], behind, (), binds=False).outcome(NAME, "API restarted")
        for setting, arm in (("BFFs, one by one", one_by_one), ("BFFs, all at once", at_once)):
            earlier = (*calm[arm].samples, *api[arm].samples)
            yield _rolled(bffs[arm], before, earlier, binds=binds).outcome(NAME, setting)


def _rolled(
    observation: Observation, rounds: Sequence[rolling.Round], earlier: Sequence[Sample], *, binds: bool
) -> rolling.Rolled:
    return rolling.Rolled(observation, rolling.groups_of(observation.arm.id, rounds), earlier, binds)


def _pair(lab: Lab, scheme: str, size: Size) -> tuple[ArmPlan, ArmPlan]:
    one_by_one, at_once = (
        fleet.suited_arm(lab, scheme, size.visitors, size.bffs, label) for label in ("one-by-one", "at-once")
    )
    return one_by_one, at_once


def _slices(size: Size) -> list[SlicePlan]:
    lengths_s = (size.control_s, size.api_s, size.bffs_s)
    return [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in lengths_s]


def _rounds(stage: Stage, pairs: Sequence[tuple[ArmPlan, ArmPlan]]) -> tuple[list[rolling.Round], list[rolling.Round]]:
    """Who goes together: the API of the first arms; then a BFF of each after the other, all of each second arm's."""
    firsts = [stage.arms[first.id] for first, _ in pairs]
    behind = {arm.plan.id: arm.replicas for arm in firsts}
    turns = [{arm.plan.id: [arm.bffs[place]] for arm in firsts} for place in range(pairs[0][0].replicas)]
    at_once = {second.id: stage.arms[second.id].bffs for _, second in pairs}
    return [behind], [{**at_once, **turns[0]}, *turns[1:]]


EXPERIMENT = Experiment(
    name=NAME,
    question="a BFF restarts: who is logged out?",
    fault="SIGTERM to every BFF, one by one and all at once; to every replica of the API behind them",
    concerns=concerns,
    run=run,
    takes_s=32,
    reading=(
        "A BFF that keeps its users' tokens in memory forgets them when it restarts: all its users are logged out. "
        "With the tokens in Redis any BFF goes on. While no BFF runs, or none finds the API, users get a 503 and stay "
        "logged in."
    ),
)
