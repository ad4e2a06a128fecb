"""What all probes of an arm come to: the highest rate under the SLO with its interval, or why there is none."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.intervals import mean
from bench.analysis.ladder import (
    GENERATOR_LIMITED,
    LADDER,
    STEP_RATIO,
    TOP,
    Probe,
    highest_met,
    lowest_missed,
    settled,
)
from bench.analysis.model import Estimate, Verdict
from bench.analysis.summary import GRAVITY, LEAST_BLOCKS
from loadtests.plan import ArmPlan

SETS = 5
"""Process sets that verify what was searched."""
FAILED_RATIO = 0.01
"""The share of requests that may fail under an SLO on the p99."""

Limit = Literal["p99", "refusals", "errors", "generator"]


@dataclass(frozen=True, slots=True)
class MaxRate:
    """The outcome of one arm.

    `rate_rps`: None where it is not known, or where no rate meets the SLO (`is_never_met`). `met_rps`: the highest rate
    that any process set met, None where none did. `p99_ms`, `goodput_rps`: at the rates of the verifying sets, mean
    over them. `limit`: what stood in the way of more. `refused_ratio`: at the lowest rate that was missed.
    `settled_rps`: what each verifying set came to, None for one that was set aside.
    """

    arm: ArmPlan
    verdict: Verdict
    rate_rps: Estimate | None
    met_rps: float | None
    p99_ms: Estimate | None
    goodput_rps: Estimate | None
    limit: Limit | None
    refused_ratio: float
    settled_rps: tuple[float | None, ...]
    probes: tuple[Probe, ...]

    @property
    def is_never_met(self) -> bool:
        """Whether it is known that no rate of the ladder meets the SLO."""
        return self.verdict.status != "INVALID" and self.rate_rps is None


def conclude(arm: ArmPlan, probes: Sequence[Probe], sets: int = SETS) -> MaxRate:
    """The outcome of `arm` after `probes`, in the order they were made; `sets` were to verify the search."""
    verifying = [[probe for probe in probes if probe.process_set == number] for number in range(1, sets + 1)]
    rungs = [settled(members) for members in verifying]
    verdict = _verdict(searched(probes), verifying, rungs)
    found = [(rung, members) for rung, members in zip(rungs, verifying, strict=True) if rung is not None]
    at_rate = [_at(rung, members) for rung, members in found]
    is_told = verdict.status != "INVALID" and bool(found)
    highest = highest_met(probes)
    return MaxRate(
        arm=arm,
        verdict=verdict,
        rate_rps=estimate([LADDER[rung] for rung, _ in found]) if is_told else None,
        met_rps=None if highest is None else LADDER[highest],
        p99_ms=mean([probe.p99_ms for probe in at_rate]) if is_told else None,
        goodput_rps=mean([probe.goodput_rps for probe in at_rate]) if is_told else None,
        limit=_limit(verdict, probes),
        refused_ratio=_refused_ratio(probes),
        settled_rps=tuple(None if rung is None else LADDER[rung] for rung in rungs),
        probes=tuple(probes),
    )


def estimate(rates_rps: Sequence[float]) -> Estimate:
    """The rate that independent process sets came to: their geometric mean, Student's t interval on the logarithms.

    Each set met its rate and missed the next one, a step above, so the limit lies anywhere between: the upper end
    of the interval is a step further up.
    """
    logs = mean([math.log(rate) for rate in rates_rps])
    return Estimate(math.exp(logs.value), math.exp(logs.low), math.exp(logs.high) * STEP_RATIO)


def searched(probes: Iterable[Probe]) -> tuple[Probe, ...]:
    """Those of the set that searches."""
    return tuple(probe for probe in probes if probe.process_set == 0)


def start_of(probes: Iterable[Probe]) -> int | None:
    """The rung at which sets begin to verify; None where the search found nothing to verify."""
    return settled(searched(probes))


def _verdict(search: Sequence[Probe], verifying: Sequence[Sequence[Probe]], rungs: Sequence[int | None]) -> Verdict:
    if start_of(search) is None:
        return _unsettled_verdict(search)
    for members in verifying:
        if members and not members[-1].is_believed and not members[-1].verdict.disturbed:
            return Verdict("INVALID", members[-1].verdict.reasons)
    reasons = tuple(
        f"process set {number} set aside: {_why(members)}"
        for number, (members, rung) in enumerate(zip(verifying, rungs, strict=True), 1)
        if rung is None
    )
    verified = len(rungs) - len(reasons)
    if verified < min(LEAST_BLOCKS, len(rungs)) or 2 * verified < len(rungs):
        return Verdict("INVALID", reasons, disturbed=True)
    told = [probe.verdict.status for members in verifying for probe in members if probe.is_believed]
    return Verdict(max(told, key=GRAVITY.index), reasons)


def _unsettled_verdict(search: Sequence[Probe]) -> Verdict:
    """Why a search has no pair of neighbours: it was not done, it was disturbed, or the ladder has no more rungs."""
    if not search or not search[-1].is_believed:
        return Verdict("INVALID", _reasons(search))
    if lowest_missed(search) == 0:
        return Verdict(search[-1].verdict.status)
    if highest_met(search) == TOP:
        return Verdict("INVALID", (f"met at {LADDER[TOP]:,.0f} requests/s, the highest that is offered",))
    return Verdict("INVALID", ("the search was not finished; run it again",))


def _why(members: Sequence[Probe]) -> str:
    if not members:
        return "not measured"
    if not members[-1].is_believed:
        return "; ".join(_reasons(members))
    rates = [probe.rate_rps for probe in members]
    return f"found no limit from {min(rates):,g} to {max(rates):,g} requests/s"


def _reasons(probes: Sequence[Probe]) -> tuple[str, ...]:
    return probes[-1].verdict.reasons if probes else ("not measured; run it again",)


def _at(rung: int, members: Iterable[Probe]) -> Probe:
    return next(probe for probe in members if probe.rung == rung and probe.is_believed)


def _missed(probes: Iterable[Probe]) -> list[Probe]:
    return [probe for probe in probes if probe.is_believed and not probe.meets]


def _limit(verdict: Verdict, probes: Iterable[Probe]) -> Limit | None:
    """What most misses were due to; of an outcome that is not believed, only the generator is told."""
    if verdict.status == "INVALID":
        return "generator" if any(GENERATOR_LIMITED in reason for reason in verdict.reasons) else None
    found = Counter(_fault(probe) for probe in _missed(probes))
    return found.most_common(1)[0][0] if found else None


def _fault(miss: Probe) -> Limit:
    if miss.refused > FAILED_RATIO * miss.scheduled:
        return "refusals"
    failed = miss.scheduled - miss.succeeded - miss.refused
    return "errors" if failed > FAILED_RATIO * miss.scheduled else "p99"


def _refused_ratio(probes: Iterable[Probe]) -> float:
    lowest = min(_missed(probes), key=lambda probe: probe.rung, default=None)
    return lowest.refused / lowest.scheduled if lowest and lowest.scheduled else 0.0
