"""What a run measures: a profile and the user's choices become the plans of its blocks."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Literal

from loadtests.plan import ArmPlan, Balancing, BlockPlan, SlicePlan
from services.contract import Carrier, SchemeSpec

CONTROL = "none"
AGAIN, TWIN = "-again", "-twin"
STALL_S = 1.0
VISITORS_MIN = 24

ProfileName = Literal["quick", "standard", "rigorous"]


class PlanError(Exception):
    """The choices do not make a plan; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How thoroughly to measure. `schemes` empty: the whole catalogue but its anti-patterns."""

    schemes: tuple[str, ...]
    replicas: tuple[int, ...]
    blocks: int
    slices: tuple[SlicePlan, ...]
    every_carrier: bool = False
    ledger: bool = False


# Rates are per arm: two cores bear about 420 requests/s over all arms, generator included (14 arms of `quick`, 41 of
# `standard`, 75 of `rigorous`).
PROFILES: Mapping[ProfileName, Profile] = {
    "quick": Profile(
        schemes=("none", "memory-session", "redis-session", "jwt-hs256", "jwt-rs256", "refresh-token"),
        replicas=(1, 2),
        blocks=4,
        slices=(SlicePlan("cpu", 30, 10, pinned=True), SlicePlan("latency", 30, 6, pinned=False)),
    ),
    "standard": Profile(
        schemes=(),
        replicas=(1, 2, 4),
        blocks=10,
        slices=(
            SlicePlan("cpu", 5, 30, pinned=True),
            SlicePlan("cpu", 10, 40, pinned=True),
            SlicePlan("latency", 10, 47, pinned=False),
        ),
        ledger=True,
    ),
    "rigorous": Profile(
        schemes=(),
        replicas=(1, 2, 4),
        blocks=20,
        slices=(
            SlicePlan("cpu", 1.5, 120, pinned=True),
            SlicePlan("cpu", 3, 120, pinned=True),
            SlicePlan("cpu", 5, 120, pinned=True),
            SlicePlan("latency", 2.5, 120, pinned=False),
            SlicePlan("latency", 5, 120, pinned=False),
        ),
        every_carrier=True,
        ledger=True,
    ),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose; None or empty leaves it to the profile."""

    profile: ProfileName = "quick"
    schemes: tuple[str, ...] = ()
    replicas: tuple[int, ...] = ()
    balancing: tuple[Balancing, ...] = ("roundrobin",)
    carrier: Carrier | None = None
    rate_rps: float | None = None
    seconds: int | None = None
    blocks: int | None = None
    seed: int = 0
    ledger: bool | None = None
    """Whether arms have twins that tell where their CPU time goes; None: as the profile has it."""


def plan_blocks(choices: Choices, catalogue: Mapping[str, SchemeSpec]) -> tuple[BlockPlan, ...]:
    """The blocks of a run: the same arms and slices each time, in an order of their own. PlanError."""
    profile = PROFILES[choices.profile]
    slices = tuple(dict.fromkeys(_chosen(piece, choices) for piece in profile.slices))  # one rate may make two alike
    arms = plan_arms(choices, catalogue, visitors=_visitors(slices))
    return tuple(_block(index, choices.seed, arms, slices) for index in range(choices.blocks or profile.blocks))


def plan_arms(choices: Choices, catalogue: Mapping[str, SchemeSpec], visitors: int) -> tuple[ArmPlan, ...]:
    """Every scheme at every replica count, the control among them, entered twice; a refresh apart from the reads.

    With a ledger, those at the first replica count have twins.
    """
    profile = PROFILES[choices.profile]
    names = _schemes(choices, profile, catalogue)
    arms = [
        _arm(catalogue[name], carrier, replicas, balancing, visitors)
        for replicas in choices.replicas or profile.replicas
        for balancing in choices.balancing
        for name in names
        for carrier in _carriers(catalogue[name], choices, profile)
    ]
    refreshes = [
        replace(arm, id=f"{arm.id}-refresh", journey="refresh")
        for arm in arms
        if catalogue[arm.scheme].traits.can_renew and arm.replicas == arms[0].replicas
    ]
    keeps_ledger = profile.ledger if choices.ledger is None else choices.ledger
    twins = [replace(arm, id=arm.id + TWIN, is_twin=True) for arm in arms if arm.replicas == arms[0].replicas]
    return (*arms, replace(arms[0], id=arms[0].id + AGAIN), *refreshes, *(twins if keeps_ledger else ()))


def _schemes(choices: Choices, profile: Profile, catalogue: Mapping[str, SchemeSpec]) -> Sequence[str]:
    """The control first: every cost is a difference to it."""
    standing = [name for name, spec in catalogue.items() if not spec.traits.antipattern]
    chosen = choices.schemes or profile.schemes or standing
    return [CONTROL, *(name for name in dict.fromkeys(chosen) if name != CONTROL)]


def _carriers(spec: SchemeSpec, choices: Choices, profile: Profile) -> tuple[Carrier, ...]:
    """A scheme that was not asked for by name keeps to its own carrier where it does not know the chosen one."""
    if choices.carrier is None:
        return spec.traits.carriers if profile.every_carrier else (spec.traits.default_carrier,)
    if choices.carrier not in spec.traits.carriers:
        if not choices.schemes:
            return (spec.traits.default_carrier,)
        offered = ", ".join(spec.traits.carriers)
        message = f"scheme {spec.name!r} has no carrier {choices.carrier!r}; it has: {offered}"
        raise PlanError(message)
    return (choices.carrier,)


def _arm(spec: SchemeSpec, carrier: Carrier, replicas: int, balancing: Balancing, visitors: int) -> ArmPlan:
    balanced = "" if balancing == "roundrobin" else f"-{balancing}"
    return ArmPlan(
        id=f"{spec.name}-{carrier}-{replicas}{balanced}",
        scheme=spec.name,
        carrier=carrier,
        replicas=replicas,
        balancing=balancing,
        journey="steady",
        visitors=visitors,
    )


def _chosen(piece: SlicePlan, choices: Choices) -> SlicePlan:
    return replace(piece, rate_rps=choices.rate_rps or piece.rate_rps, seconds=choices.seconds or piece.seconds)


def _visitors(slices: Sequence[SlicePlan]) -> int:
    """The pool must cover the longest stall to be survived: rate x stall (Little's law)."""
    return max(VISITORS_MIN, math.ceil(max(piece.rate_rps for piece in slices) * STALL_S))


def _block(index: int, seed: int, arms: Sequence[ArmPlan], slices: tuple[SlicePlan, ...]) -> BlockPlan:
    random = Random(f"{seed}/block/{index}")  # noqa: S311 - a reproducible order, not a secret
    return BlockPlan(index, random.getrandbits(48), tuple(random.sample(arms, len(arms))), slices)
