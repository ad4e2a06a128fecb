"""What the highest rates under an SLO come to in words: the names of the arms, the verdict, each doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.ladder import LOWEST_RPS
from bench.analysis.max_rate import Limit, MaxRate
from bench.analysis.model import Estimate
from loadtests.plan import JOURNEYS, Journey
from reports import format as figures
from reports.rows import UNTOLD, refused_in_words

CONTROL = "none"
USUAL: Journey = "steady"
LIMITS: Mapping[Limit, str] = {
    "p99": "service p99",
    "refusals": "refusals",
    "errors": "errors",
    "generator": "generator",
}


@dataclass(frozen=True, slots=True)
class MaxRateFacts:
    """Everything told beside the outcomes; plain values.

    `started_at` is ISO 8601 with its zone; `command` repeats the run when pasted into a shell; `took_s` is wall time.
    `checks`: how many each arm's proof has. `notes` are sentences a reader must not miss.
    """

    run_id: str
    started_at: str
    took_s: float
    command: str
    profile: str
    seed: int
    slo_ms: float
    sets: int
    workers: int
    environment: Mapping[str, Any]
    password_profile: str
    balancing: Mapping[str, str]
    checks: Mapping[str, int]
    notes: tuple[str, ...] = ()


def labels(outcomes: Sequence[MaxRate]) -> dict[str, str]:
    """A short name per arm: the scheme, and whatever else tells it from its neighbours but the replicas."""
    is_mixed = len(journeys(outcomes)) > 1
    carriers: dict[str, set[str]] = {}
    for outcome in outcomes:
        carriers.setdefault(outcome.arm.scheme, set()).add(outcome.arm.carrier)
    return {
        outcome.arm.id: outcome.arm.scheme
        + (f" {outcome.arm.carrier}" if len(carriers[outcome.arm.scheme]) > 1 else "")
        + (f" {outcome.arm.balancing}" if outcome.arm.replicas > 1 and outcome.arm.balancing not in UNTOLD else "")
        + (f" {outcome.arm.journey}" if is_mixed and outcome.arm.journey != USUAL else "")
        for outcome in outcomes
    }


def journeys(outcomes: Sequence[MaxRate]) -> tuple[Journey, ...]:
    """Those that were made."""
    made = {outcome.arm.journey for outcome in outcomes}
    return tuple(journey for journey in JOURNEYS if journey in made)


def by_replicas(outcomes: Sequence[MaxRate]) -> dict[int, tuple[MaxRate, ...]]:
    """In reading order: journey by journey the control first, then from the highest rate, those without one last."""
    counts = sorted({outcome.arm.replicas for outcome in outcomes})
    ordered = sorted(outcomes, key=_reading_order)
    return {count: tuple(one for one in ordered if one.arm.replicas == count) for count in counts}


def _reading_order(outcome: MaxRate) -> tuple[int, bool, bool, float, str]:
    arm, is_invalid = outcome.arm, outcome.verdict.status == "INVALID"
    return JOURNEYS.index(arm.journey), arm.scheme != CONTROL, is_invalid, -_rate_rps(outcome), arm.id


def _rate_rps(outcome: MaxRate) -> float:
    return outcome.rate_rps.value if outcome.rate_rps else 0.0


def verdict(outcomes: Sequence[MaxRate], slo_ms: float) -> str:
    """Who bears the most and who the least on each journey, or that this was not shown."""
    by_journey = {name: [one for one in outcomes if one.arm.journey == name] for name in journeys(outcomes) or (USUAL,)}
    return " ".join(_verdict(members, slo_ms, journey) for journey, members in by_journey.items())


def _verdict(outcomes: Sequence[MaxRate], slo_ms: float, journey: Journey) -> str:
    under = f"with a p99 of at most {slo(slo_ms)}" + ("" if journey == USUAL else f" on the journey {journey}")
    asked = {one.arm.scheme for one in outcomes} - {CONTROL} or {CONTROL}
    schemes = [one for one in outcomes if one.rate_rps and one.arm.scheme in asked]
    if not schemes:
        return f"For no scheme was a highest rate {under} found that can be believed."
    names = _full_labels(outcomes)
    most, *others = sorted(schemes, key=_rate_rps, reverse=True)
    told = f"On this machine, {under}, {names[most.arm.id]} bears {rate(most)}"
    if not others:
        return f"{told}."
    least = others[-1]
    between = f"{told} and {names[least.arm.id]} {rate(least)}"
    return f"{between}." if _is_clear(most, least) else f"{between}: no difference shown."


def sentences(outcomes: Sequence[MaxRate], slo_ms: float) -> tuple[str, ...]:
    """What the control bears, and of whom there is no rate."""
    names = _full_labels(outcomes)
    controls = [one for one in outcomes if one.arm.scheme == CONTROL and one.rate_rps]
    return (
        *(f"The unprotected endpoint, {names[one.arm.id]}, bears {rate(one)}." for one in controls),
        *(
            f"{names[one.arm.id]}: no rate meets {slo(slo_ms)}; {why_never(one)} even at {LOWEST_RPS:g} requests/s."
            for one in outcomes
            if one.is_never_met
        ),
    )


def reasons(outcomes: Sequence[MaxRate]) -> Iterator[str]:
    """Why an outcome is not believed, and which process sets were set aside."""
    names = _full_labels(outcomes)
    for outcome in outcomes:
        status = "" if outcome.verdict.status == "VALID" else f" {outcome.verdict.status}"
        for reason in outcome.verdict.reasons:
            yield f"{names[outcome.arm.id]}{status}: {reason}"


def why_never(outcome: MaxRate) -> str:
    """What keeps the lowest rate from meeting the SLO."""
    if outcome.limit == "refusals":
        return refused_in_words(outcome.refused_ratio)
    return "requests fail" if outcome.limit == "errors" else "p99 above it"


def rate(outcome: MaxRate) -> str:
    """`1,230 requests/s (1,180-1,310)`."""
    return figures.interval(outcome.rate_rps, "requests/s") if outcome.rate_rps else "no rate"


def slo(slo_ms: float) -> str:
    """`20 ms`."""
    return f"{slo_ms:g}{figures.SPACE}ms"


def _is_clear(most: MaxRate, least: MaxRate) -> bool:
    high, low = most.rate_rps, least.rate_rps
    return isinstance(high, Estimate) and isinstance(low, Estimate) and high.low > low.high


def _full_labels(outcomes: Sequence[MaxRate]) -> dict[str, str]:
    """With the replicas, where they differ."""
    names = labels(outcomes)
    if len({outcome.arm.replicas for outcome in outcomes}) == 1:
        return names
    return {one.arm.id: f"{names[one.arm.id]} at {figures.plural(one.arm.replicas, 'replica')}" for one in outcomes}
