"""The search for the highest rate under an SLO: which rate is offered next, by what the ones before have shown.

Rates are rungs of one ladder, each 5 % above the one below, so that a found rate has a neighbour which was missed.
Pure: whoever measures asks for the next rung until there is none.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bench.analysis.costs import cpu_us
from bench.analysis.intervals import Floats, plain_percentile
from bench.analysis.latency import PERCENTILES, response_ms
from bench.analysis.model import Verdict
from bench.analysis.outcomes import refused, succeeded
from bench.analysis.summary import DIED
from loadtests.journeys import first_requests
from loadtests.plan import Journey
from loadtests.record import Record, Sample

STEP_RATIO = 1.05
LOWEST_RPS, HIGHEST_RPS = 20.0, 50_000.0
TOP = math.floor(math.log(HIGHEST_RPS / LOWEST_RPS, STEP_RATIO))
LADDER = tuple(float(f"{LOWEST_RPS * STEP_RATIO**rung:.4g}") for rung in range(TOP + 1))
START, DOUBLING = 28, 14
"""Rungs: the search begins at 78 requests/s and about doubles, as 1.05^14 is 1.98."""
SEARCH_MAX = math.ceil((TOP - START) / DOUBLING) + math.ceil(math.log2(START)) + 2
"""Most rungs a search offers."""
WALK_MAX = 12
"""Most rungs one verifying process set offers, its first included."""
TRIES_MAX = 3
"""How often a rung is offered at most when the machine disturbs it."""

GENERATOR_LIMITED = "the generator, not the service, was the limit"
"""How the reason of a probe begins whose miss was not the service's."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one rate, offered for one slice, has shown.

    `process_set` 0 searches, the others verify. `scheduled` counts what followed a request that was, as a login its
    logout, too. `p99_ms` is of the response time from the intended start over all
    scheduled requests; one without success is slower than any, so it is
    infinite where more than 1 % have none. `cpu_us`: of a successful request, by component and in total.
    """

    process_set: int
    rung: int
    seconds: int
    scheduled: int
    succeeded: int
    refused: int
    p99_ms: float
    meets: bool
    generator_cpu_ratio: float | None
    verdict: Verdict
    cpu_us: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate_rps(self) -> float:
        """What was offered."""
        return LADDER[self.rung]

    @property
    def goodput_rps(self) -> float:
        """Successful answers per second; refusals and errors are none."""
        return self.succeeded / self.seconds

    @property
    def is_believed(self) -> bool:
        """Whether it tells of the service, and not of who measured it."""
        return self.verdict.status != "INVALID"


def probed(record: Record, slo_ms: float) -> Probe:
    """What the record of one slice has shown. It meets the SLO when its p99 does, for which 99 % must succeed."""
    cell, footer = record.header.cell, record.footer
    arrivals = footer.counts.scheduled if footer else len(record.samples)
    scheduled = requests_due(record.samples, arrivals, cell.journey)
    p99_ms = p99_of_requests_ms(record.samples, scheduled)
    return Probe(
        process_set=record.header.block,
        rung=rung_of(cell.rate_rps),
        seconds=cell.seconds,
        scheduled=scheduled,
        succeeded=sum(map(succeeded, record.samples)),
        refused=sum(map(refused, record.samples)),
        p99_ms=p99_ms,
        meets=p99_ms <= slo_ms,
        generator_cpu_ratio=footer.generator_cpu_ratio if footer else None,
        verdict=Verdict(footer.verdict, footer.reasons, footer.disturbed) if footer else Verdict("INVALID", (DIED,)),
        cpu_us=cpu_us(record),
    )


def requests_due(samples: Iterable[Sample], arrivals: int, journey: Journey) -> int:
    """One request for each of `arrivals`, and those that followed one, as a login follows its logout."""
    first = first_requests(journey)
    return arrivals + sum(sample.step not in first for sample in samples)


def p99_of_requests_ms(samples: Iterable[Sample], due: int) -> float:
    """p99 of the response time over `due` requests; those without success are slower than any."""
    return p99_of_all_ms(response_ms(sample for sample in samples if succeeded(sample)), due)


def p99_of_all_ms(good_ms: Floats, scheduled: int) -> float:
    """p99 over `scheduled` requests of which only those of `good_ms` succeeded, ascending; infinite for the others."""
    without = np.full(max(0, scheduled - len(good_ms)), math.inf)
    return plain_percentile(np.concatenate([good_ms, without]), PERCENTILES["p99"])


def rung_of(rate_rps: float) -> int:
    """The rung nearest to a rate."""
    return round(math.log(rate_rps / LOWEST_RPS, STEP_RATIO))


def highest_met(probes: Iterable[Probe]) -> int | None:
    """The highest rung that surely met the SLO."""
    return max((probe.rung for probe in probes if probe.is_believed and probe.meets), default=None)


def lowest_missed(probes: Iterable[Probe]) -> int | None:
    """The lowest rung at which the service missed the SLO."""
    return min((probe.rung for probe in probes if probe.is_believed and not probe.meets), default=None)


def next_to_search(probes: Sequence[Probe]) -> int | None:
    """The rung the searching set offers after `probes`, in their order; None: no more.

    It doubles until a miss, then bisects down to neighbours. A miss at once is followed by the lowest rung.
    """
    if not probes:
        return START
    if not probes[-1].is_believed:
        return _once_more(probes)
    met, missed = highest_met(probes), lowest_missed(probes)
    if missed is None:
        last = probes[-1].rung
        return min(last + DOUBLING, TOP) if last < TOP else None
    if met is None:
        return 0 if missed else None
    return (met + missed) // 2 if missed - met > 1 else None


def next_to_verify(probes: Sequence[Probe], start: int) -> int | None:
    """The rung a verifying set offers after `probes`, in their order; None: no more.

    From `start` it climbs after each pass and descends after each miss until it has both.
    """
    if not probes:
        return start
    if not probes[-1].is_believed:
        return _once_more(probes)
    rungs = {probe.rung for probe in probes}
    if settled(probes) is not None or len(rungs) >= WALK_MAX:
        return None
    beyond = max(rungs) + 1 if probes[-1].meets else min(rungs) - 1
    return beyond if 0 <= beyond <= TOP else None


def settled(probes: Sequence[Probe]) -> int | None:
    """The rung that met the SLO while its upper neighbour missed it; None where there is no such pair."""
    met, missed = highest_met(probes), lowest_missed(probes)
    return met if met is not None and missed == met + 1 else None


def _once_more(probes: Sequence[Probe]) -> int | None:
    """A rung is offered again where only the machine was at fault, and not for ever."""
    last = probes[-1]
    tries = sum(probe.rung == last.rung for probe in probes)
    return last.rung if last.verdict.disturbed and tries < TRIES_MAX else None
