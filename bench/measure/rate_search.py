"""A search for the highest rates under an SLO as values: what it is to measure, and what is known of it so far."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

from bench.analysis import serial
from bench.analysis.ladder import LADDER, START, Probe, next_to_search, next_to_verify, probed
from bench.analysis.max_rate import SETS, MaxRate, conclude, searched, start_of
from bench.measure.crew import Spread
from bench.measure.environment import Environment
from bench.measure.profiles import AGAIN, PlanError, ProfileName, plan_arms
from bench.measure.profiles import Choices as RunChoices
from bench.measure.proof import Proof
from bench.measure.run import PASSWORD_PROFILE, Status, heading
from bench.measure.rundir import MAX_RATE, RunDirectory
from loadtests.journeys import RENEWING
from loadtests.plan import ArmPlan, Balancing, BlockPlan, Journey, SlicePlan
from loadtests.record import Record
from services.contract import Carrier, SchemeSpec

SAMPLES = 600
"""Requests a slice schedules at least: p99 needs 459."""
VISITORS_MIN, VISITORS_MAX = 100, 500
VISITORS_PER_SLO_MS = 10
"""Twice as many as wait at 5,000 requests/s when each takes as long as the SLO allows."""
SET_UP_S, SEARCH_PROBES, VERIFY_PROBES = 7.0, 9, 3
"""What a process set takes besides its slices, and how many of those it has as a rule; for the forecast alone."""
RECORDS = "max-rate/*/set-*/probe-*"


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly to search: on how many replicas, and how long a slice lasts at least."""

    replicas: tuple[int, ...]
    search_s: int
    verify_s: int


EFFORTS: Mapping[ProfileName, Effort] = {
    "quick": Effort((1,), 6, 6),
    "standard": Effort((1, 2), 6, 20),
    "rigorous": Effort((1, 2, 4), 10, 60),
}


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose; None or empty leaves it to the profile. `slo_ms` is for the p99 of the response time."""

    slo_ms: float
    profile: ProfileName = "quick"
    schemes: tuple[str, ...] = ()
    replicas: tuple[int, ...] = ()
    balancing: tuple[Balancing, ...] = ("roundrobin",)
    carrier: Carrier | None = None
    seconds: int | None = None
    seed: int = 0
    journeys: tuple[Journey, ...] = ("steady",)

    @property
    def effort(self) -> Effort:
        """The profile's, with what was chosen in its place."""
        usual = EFFORTS[self.profile]
        return Effort(self.replicas or usual.replicas, self.seconds or usual.search_s, self.seconds or usual.verify_s)

    @property
    def visitors(self) -> int:
        """Enough that none is missed by a rate that meets the SLO, and no more than a replica can hold at ease."""
        return min(max(math.ceil(self.slo_ms * VISITORS_PER_SLO_MS), VISITORS_MIN), VISITORS_MAX)


def plan_search(choices: Choices, catalogue: Mapping[str, SchemeSpec]) -> tuple[ArmPlan, ...]:
    """Every scheme at every replica count on every journey it can make, the control among them. PlanError."""
    wished = RunChoices(
        profile=choices.profile,
        schemes=choices.schemes,
        replicas=choices.effort.replicas,
        balancing=choices.balancing,
        carrier=choices.carrier,
        ledger=False,
    )
    arms = plan_arms(wished, catalogue, choices.visitors)
    once = [arm for arm in arms if arm.journey == "steady" and not arm.id.endswith(AGAIN)]
    return tuple(on_journey for journey in choices.journeys for on_journey in _on(journey, once, catalogue))


def _on(journey: Journey, arms: Iterable[ArmPlan], catalogue: Mapping[str, SchemeSpec]) -> list[ArmPlan]:
    """Those of `arms` that can make it. PlanError where none can."""
    able = [arm for arm in arms if journey not in RENEWING or catalogue[arm.scheme].traits.can_renew]
    if not able:
        renewing = ", ".join(name for name, spec in catalogue.items() if spec.traits.can_renew)
        message = f"journey {journey!r}: found no scheme with anything to refresh, expected one; add one of: {renewing}"
        raise PlanError(message)
    suffix = "" if journey == "steady" else f"-{journey}"
    return [replace(arm, id=arm.id + suffix, journey=journey) for arm in able]


@dataclass(slots=True)
class Search:
    """What is known of a search while it goes on, and what max_rate.json says of it."""

    directory: RunDirectory
    choices: Choices
    catalogue: Mapping[str, SchemeSpec]
    arms: tuple[ArmPlan, ...]
    command: str
    environment: Environment
    spread: Spread = field(default_factory=Spread)
    sets: int = SETS
    """Process sets that verify, after the one that searches."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    probes: dict[str, list[Probe]] = field(default_factory=dict)
    proofs: dict[str, Proof] = field(default_factory=dict)
    sets_done: int = 0
    status: Status = "running"

    @property
    def outcomes(self) -> tuple[MaxRate, ...]:
        """What the probes made so far come to."""
        return tuple(conclude(arm, self.probes.get(arm.id, ()), self.sets) for arm in self.arms)

    @property
    def forecast_s(self) -> float:
        """How long it takes as a rule."""
        effort = self.choices.effort
        slices_s = SEARCH_PROBES * _length_s(effort.search_s, LADDER[START])
        slices_s += self.sets * VERIFY_PROBES * effort.verify_s
        return len(self.arms) * ((self.sets + 1) * SET_UP_S + slices_s)

    def order(self, process_set: int) -> Iterator[ArmPlan]:
        """The arms of one round in an order of its own; those whose search found nothing are not verified."""
        random = self._random("order", process_set)
        for arm in random.sample(self.arms, len(self.arms)):
            if not process_set or start_of(self.probes.get(arm.id, ())) is not None:
                yield arm

    def block(self, arm: ArmPlan, process_set: int) -> BlockPlan:
        """One process set of `arm`, with a slice for every rung."""
        effort = self.choices.effort
        least_s = effort.verify_s if process_set else effort.search_s
        slices = tuple(SlicePlan("latency", rate, _length_s(least_s, rate), pinned=True) for rate in LADDER)
        return BlockPlan(process_set, self._random(arm.id, process_set).getrandbits(48), (arm,), slices)

    def next_rung(self, arm: ArmPlan, process_set: int) -> int | None:
        """What `process_set` of `arm` is to offer next; None: no more."""
        probes = self.probes.setdefault(arm.id, [])
        start = start_of(probes)
        if process_set and start is not None:
            return next_to_verify([probe for probe in probes if probe.process_set == process_set], start)
        return next_to_search(searched(probes))

    def was_disturbed(self, arm: ArmPlan) -> bool:
        """Whether the last probe of `arm` was spoilt by something that may pass."""
        return any(probe.verdict.disturbed for probe in self.probes[arm.id][-1:])

    def keep(self, record: Record) -> None:
        """Write the record of a probe and know what it shows. NotReadyError when the disk will not."""
        cell, process_set = record.header.cell, record.header.block
        probes = self.probes.setdefault(cell.arm, [])
        number = sum(probe.process_set == process_set for probe in probes)
        self.directory.keep_at(f"max-rate/{cell.arm}/set-{process_set}/probe-{number:02d}", record)
        probes.append(probed(record, self.choices.slo_ms))

    def proven(self, proof: Proof) -> None:
        """Keep the proof of an arm; of several sets' the first that does not hold, else the last."""
        if proof.arm not in self.proofs or self.proofs[proof.arm].holds:
            self.proofs[proof.arm] = proof

    def describe(self) -> None:
        """Bring max_rate.json up to date. NotReadyError when the disk will not."""
        self.directory.describe(self._document(), MAX_RATE)

    def _document(self) -> dict[str, Any]:
        return {
            **heading(self),
            "choices": asdict(self.choices),
            "password_profile": PASSWORD_PROFILE,
            "workers": self.spread.workers,
            "sets": self.sets,
            "sets_done": self.sets_done,
            "arms": [asdict(arm) for arm in self.arms],
            "proofs": [asdict(proof) for proof in self.proofs.values()],
            "outcomes": [serial.finite(outcome) for outcome in self.outcomes],
        }

    def _random(self, *parts: object) -> Random:
        return Random(f"{self.choices.seed}/max-rate/{parts}")  # noqa: S311 - reproducible load, not a secret


def _length_s(least_s: int, rate_rps: float) -> int:
    """Long enough for a p99."""
    return max(least_s, math.ceil(SAMPLES / rate_rps))


def recalled(records: Iterable[Record], arms: Sequence[ArmPlan], slo_ms: float, sets: int) -> tuple[MaxRate, ...]:
    """The outcomes of a search from its records alone."""
    probes: dict[str, list[Probe]] = {arm.id: [] for arm in arms}
    for record in records:
        probes[record.header.cell.arm].append(probed(record, slo_ms))
    return tuple(conclude(arm, probes[arm.id], sets) for arm in arms)
