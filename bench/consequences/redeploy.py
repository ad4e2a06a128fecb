"""A rolling redeploy: one replica after the other ends on SIGTERM and starts anew, while visitors use them all."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.consequences.apparatus import fleet, rolling
from bench.consequences.apparatus.losses import UNHARMED, losses, spared
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Outcome
from loadtests.plan import SlicePlan

NAME = "redeploy"


@dataclass(frozen=True, slots=True)
class Size:
    """The redeploy begins `after_s` into its slice and takes as long as it takes."""

    visitors: int
    replicas: int
    rate_rps: float
    control_s: int
    seconds: int
    after_s: float


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(12, 2, 30, 1, 7, 0.3),
    "quick": Size(40, 2, 25, 5, 14, 1),
    "standard": Size(100, 3, 40, 10, 30, 2),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """The replicas of all arms are redeployed in step in the second slice; the first is the control."""
    size = SIZES[lab.scale]
    arms = [fleet.suited_arm(lab, scheme, size.visitors, size.replicas) for scheme in schemes]
    slices = [SlicePlan("latency", size.rate_rps, seconds, pinned=False) for seconds in (size.control_s, size.seconds)]
    with lab.stage(arms, slices) as stage:
        rounds = [{name: [arm.facing[place]] for name, arm in stage.arms.items()} for place in range(size.replicas)]
        calm = stage.load(0)
        rolled = stage.load(1, list(rolling.restarts(stage, rounds, size.after_s)))
    for arm in arms:
        binds = lab.spec(arm.scheme).traits.needs_affinity
        yield spared(NAME, f"{size.replicas} replicas, none redeployed", calm[arm.id], losses(calm[arm.id], UNHARMED))
        groups = rolling.groups_of(arm.id, rounds)
        case = rolling.Rolled(rolled[arm.id], groups, calm[arm.id].samples, binds)
        yield case.outcome(NAME, f"{size.replicas} replicas, one by one")


EXPERIMENT = Experiment(
    name=NAME,
    question="replicas are replaced one by one: who is logged out?",
    fault="rolling SIGTERM: each replica ends and starts anew before the next, under load",
    concerns=fleet.concerns,
    run=run,
    takes_s=32,
    reading=(
        "Every replica goes once, so sessions in memory are all lost, each user's at the moment their replica goes, "
        "stickiness or not. What Redis, PostgreSQL or the token itself holds survives each round. Requests can fail "
        "where a replica closes a connection in the instant the load balancer uses it."
    ),
)
