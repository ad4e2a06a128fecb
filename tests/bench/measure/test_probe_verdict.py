"""Whose miss it is: the service's, the generator's or the machine's, each from the smallest evidence for it."""

from dataclasses import replace

import pytest

from bench.analysis.ladder import GENERATOR_LIMITED
from bench.analysis.model import Verdict
from bench.measure.probe_verdict import judge_probe
from bench.measure.verdict import UNPROVEN, Evidence
from loadtests.plan import CellPlan
from loadtests.record import Counts, Sample

MS = 1_000_000
SLO_MS = 20.0


def _evidence(*, late_ms: float = 0.1, service_ms: float = 2.0, status: int = 200) -> Evidence:
    samples = tuple(_sample(number, late_ms, service_ms, status) for number in range(600))
    processes = {"replicas/r1": "100@5", "redis/valkey": "101@6"}
    return Evidence(
        cell=CellPlan("r", "redis-session", "cookie", 1, "roundrobin", "steady", 100, "latency", 40, 6, pinned=True),
        needs_affinity=False,
        counts=Counts(600, 600, 600, 600),
        samples=samples,
        processes_before=processes,
        processes_after=processes,
        generator_cpu_ratio=0.4,
        loop_lag_ns=MS,
        other_load_ratio=0.05,
    )


def _sample(number: int, late_ms: float, service_ms: float, status: int) -> Sample:
    intended_ns = number * 10 * MS
    sent_ns = intended_ns + int(late_ms * MS)
    done_ns = sent_ns + int(service_ms * MS)
    return Sample(number, "read", intended_ns, sent_ns, done_ns, status, "", "r1", True, 300, 500)  # noqa: FBT003


MET, SLOW = _evidence(), _evidence(service_ms=50.0)
VALID = Verdict("VALID")


@pytest.mark.parametrize(
    "evidence",
    [MET, SLOW, _evidence(status=503), _evidence(status=401), replace(SLOW, control_drift_ratio=0.9)],
    ids=["met", "slow", "errors", "refusals", "drift"],
)
def test_a_miss_of_the_service_is_a_finding(evidence: Evidence) -> None:
    """Slow answers, refusals, errors and a speed that falls under the load are what is looked for: VALID."""
    assert judge_probe(evidence, SLO_MS) == VALID


def test_a_pass_is_not_taken_away() -> None:
    """What disturbs only makes it harder: a rate that was met beside other programs was met."""
    disturbed = replace(MET, other_load_ratio=0.6, generator_cpu_ratio=0.95, loop_lag_ns=300 * MS)
    assert judge_probe(disturbed, SLO_MS) == VALID
    assert judge_probe(replace(disturbed, samples=SLOW.samples), SLO_MS).status == "INVALID"


def test_a_starved_generator_is_the_limit() -> None:
    """It has no CPU left: said with rate, figure, bar and what to do, and not tried again."""
    found = judge_probe(replace(SLOW, generator_cpu_ratio=0.93), SLO_MS)
    assert (found.status, found.disturbed) == ("INVALID", False)
    (reason,) = found.reasons
    assert reason == (
        f"{GENERATOR_LIMITED} at 40 requests/s: the load generator used 93 % of a core, expected at most 80 %; "
        "use a machine with more cores, of which every load worker needs one"
    )


@pytest.mark.parametrize(
    ("evidence", "found"),
    [
        (_evidence(late_ms=30.0), "600 of 600 requests were sent more than 5 ms after their time"),
        (replace(SLOW, loop_lag_ns=300 * MS), "the load generator stood still for 300 ms"),
    ],
)
def test_a_late_generator_is_tried_again(evidence: Evidence, found: str) -> None:
    """Late or still without being short of CPU: it was the limit this time, another try may tell otherwise."""
    verdict = judge_probe(evidence, SLO_MS)
    assert (verdict.status, verdict.disturbed) == ("INVALID", True)
    assert f"{GENERATOR_LIMITED} at 40 requests/s: {found}" in verdict.reasons[0]


def test_waiting_for_a_visitor_is_not_the_generators_lateness() -> None:
    """Requests that leave late while more than half of the visitors are busy are the service's, else not."""
    samples = tuple(_sample(number, 0.1 if number < 100 else 30.0, 700.0, 200) for number in range(600))
    behind = replace(SLOW, samples=samples)
    assert judge_probe(behind, SLO_MS) == VALID
    assert judge_probe(replace(behind, cell=replace(behind.cell, visitors=200)), SLO_MS).status == "INVALID"


@pytest.mark.parametrize(
    "change",
    [{"other_load_ratio": 0.6}, {"clock_uncertainty_ns": 2 * MS}, {"counts": Counts(600, 600, 600, 599)}],
    ids=str,
)
def test_the_machine_is_given_another_chance(change: dict[str, object]) -> None:
    """Other programs, clocks and counts that disagree: INVALID, disturbed."""
    found = judge_probe(replace(SLOW, **change), SLO_MS)  # type: ignore[arg-type]
    assert (found.status, found.disturbed) == ("INVALID", True)


@pytest.mark.parametrize(
    "change", [{"processes_after": {"replicas/r1": "100@5"}}, {"missing_load": ("worker 1 of 2 ended",)}], ids=str
)
def test_what_is_broken_stays_broken(change: dict[str, object]) -> None:
    """A process that died, a worker that is lost: INVALID for good, whether the rate was met or not."""
    for evidence in (MET, SLOW):
        found = judge_probe(replace(evidence, **change), SLO_MS)  # type: ignore[arg-type]
        assert (found.status, found.disturbed) == ("INVALID", False)


def test_without_a_count_of_the_load_balancer_nothing_is_proven() -> None:
    """UNPROVEN, and an INVALID miss stays one."""
    uncounted = replace(MET, counts=Counts(600, 600, 600, None))
    assert judge_probe(uncounted, SLO_MS) == Verdict("UNPROVEN", (UNPROVEN,))
    assert judge_probe(replace(uncounted, doubt=""), SLO_MS) == VALID
