"""Whether a probe of a rate tells of the service: a miss that the generator or the machine made is none of its."""

from dataclasses import replace

from bench.analysis.ladder import GENERATOR_LIMITED, p99_of_requests_ms, requests_due
from bench.analysis.model import Verdict
from bench.measure.verdict import LATE, OTHERS, SERVERS, STARVED, UNCERTAIN, Evidence, reasons


def judge_probe(evidence: Evidence, slo_ms: float) -> Verdict:
    """As `judge`, for a rate that may be too much for the servers: whatever they do to their clients is a finding.

    What disturbs can only make a pass harder, so it is held against a miss alone. `disturbed`: worth another try.
    """
    if broken := reasons(SERVERS, evidence):
        return Verdict("INVALID", broken)
    if uncertain := reasons(UNCERTAIN, evidence):
        return Verdict("INVALID", uncertain, disturbed=True)
    miss = None if _meets(evidence, slo_ms) else _judge_miss(evidence)
    if miss:
        return miss
    if evidence.counts.load_balancer is None and evidence.doubt:
        return Verdict("UNPROVEN", (evidence.doubt,))
    return Verdict("VALID")


def _meets(evidence: Evidence, slo_ms: float) -> bool:
    due = requests_due(evidence.samples, evidence.counts.scheduled, evidence.cell.journey)
    return p99_of_requests_ms(evidence.samples, due) <= slo_ms


def _judge_miss(evidence: Evidence) -> Verdict | None:
    """Whose miss it is, unless it is the service's.

    A generator that is late but has CPU to spare may have been held up once; one without will be again.
    """
    if others := reasons(OTHERS, evidence):
        return Verdict("INVALID", others, disturbed=True)
    starved, late = reasons(STARVED, evidence), reasons(LATE, _with_many_idle(evidence))
    if not starved and not late:
        return None
    found = "; ".join(reason.partition(";")[0] for reason in (*starved, *late))
    rate = f"{evidence.cell.rate_rps:,.4g} requests/s"
    told = (
        f"{GENERATOR_LIMITED} at {rate}: {found}; use a machine with more cores, of which every load worker needs one"
    )
    return Verdict("INVALID", (told,), disturbed=not starved)


def _with_many_idle(evidence: Evidence) -> Evidence:
    """The same, its lateness told by the requests that found half of the visitors idle.

    Where a service is too slow requests wait for visitors: one that was just answered looks idle, and is spoken for.
    """
    return replace(evidence, cell=replace(evidence.cell, visitors=evidence.cell.visitors // 2))
