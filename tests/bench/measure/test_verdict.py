"""Every reason to disbelieve a cell, each from the smallest evidence for it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.verdict import UNPROVEN, Bars, Evidence, control_drift_ratio, judge
from loadtests.plan import CellPlan
from loadtests.record import Counts, Sample

MS = 1_000_000


def _sample(number: int, *, status: int = 200, reason: str = "", late_ms: float = 0.1, service_ms: float = 2) -> Sample:
    intended_ns = number * 10 * MS
    sent_ns = intended_ns + int(late_ms * MS)
    done_ns = sent_ns + int(service_ms * MS)
    return Sample(number, "read", intended_ns, sent_ns, done_ns, status, reason, "r1", True, 300, 500)  # noqa: FBT003


def _evidence(samples: list[Sample]) -> Evidence:
    count = len(samples)
    processes = {"replicas/r1": "100@5", "redis/valkey": "101@6"}
    return Evidence(
        cell=CellPlan(
            "memory-session-2", "memory-session", "cookie", 2, "roundrobin", "steady", 100, "cpu", 40, 1, pinned=True
        ),
        needs_affinity=False,
        counts=Counts(count, count, count, count),
        samples=samples,
        processes_before=processes,
        processes_after=processes,
        generator_cpu_ratio=0.4,
        loop_lag_ns=MS,
        control_drift_ratio=0.02,
        other_load_ratio=0.05,
    )


GOOD = _evidence([_sample(number) for number in range(100)])


def _only_reason(evidence: Evidence) -> str:
    verdict = judge(evidence)
    assert verdict.status == "INVALID"
    (reason,) = verdict.reasons
    return reason


def test_a_clean_cell_is_valid() -> None:
    """Nothing against it: VALID, without a word."""
    assert judge(GOOD) == judge(replace(GOOD, generator_cpu_ratio=None, loop_lag_ns=None, control_drift_ratio=None))
    assert (judge(GOOD).status, judge(GOOD).reasons) == ("VALID", ())


def test_without_counters_nothing_is_proven() -> None:
    """No server counts: UNPROVEN, never VALID; but a reason against the cell still makes it INVALID."""
    uncounted = replace(GOOD, counts=Counts(100, 100, 100, None))
    assert (judge(uncounted).status, judge(uncounted).reasons) == ("UNPROVEN", (UNPROVEN,))
    assert judge(replace(uncounted, other_load_ratio=0.5)).status == "INVALID"


def test_counters_of_the_stores_stand_in_for_a_load_balancer() -> None:
    """Without its count a cell is as doubtful as its stores leave it; with its count they are not needed."""
    uncounted = replace(GOOD, counts=Counts(100, 100, 100, None))
    assert judge(replace(uncounted, doubt="")).status == "VALID"
    assert judge(replace(uncounted, doubt="stores away")).reasons == ("stores away",)
    assert judge(replace(GOOD, doubt="stores away")).status == "VALID"


@pytest.mark.parametrize(("scheduled", "status"), [(101, "VALID"), (102, "INVALID"), (0, "INVALID")])
def test_too_few_sent(scheduled: int, status: str) -> None:
    """100 of 101 is 99.01 %, 100 of 102 is 98.04 %: the bar of 99 % lies between; nothing scheduled is no cell."""
    assert judge(replace(GOOD, counts=Counts(scheduled, 100, 100, 100))).status == status


def test_too_few_sent_says_what_to_do() -> None:
    """The reason holds both counts, the bar and the next step."""
    reason = _only_reason(replace(GOOD, counts=Counts(200, 100, 100, 100)))
    assert reason == "100 of 200 scheduled requests were sent, expected at least 99 %; choose a lower --rate"


def test_unexpected_statuses_are_counted_by_kind() -> None:
    """Each status with its reason and count, the most frequent first; a missing answer is one of them."""
    bad = [_sample(0, status=503, reason="store-down"), _sample(1, status=503, reason="store-down")]
    silent = [_sample(2, status=0, reason="timeout"), _sample(3, status=500)]
    reason = _only_reason(_evidence([*bad, *silent, *GOOD.samples[4:]]))
    assert "4 of 100 requests ended unexpectedly: 2 x 503 (store-down), 1 x no response (timeout), 1 x 500" in reason
    assert "expected 2xx;" in reason


def test_refusals_are_expected_only_where_they_are_predicted() -> None:
    """Lost affinity refuses half of the requests of two replicas; any other 401 is a fault."""
    refused = _evidence([_sample(number, status=401 if number % 2 else 200) for number in range(100)])
    sticky = replace(refused, cell=replace(refused.cell, balancing="sticky"), needs_affinity=True)
    untold = replace(refused, cell=replace(refused.cell, balancing="leastconn"), needs_affinity=True)
    assert judge(replace(refused, needs_affinity=True)).status == "VALID"
    assert judge(untold).status == "VALID"
    assert "50 x 401" in _only_reason(refused)
    assert "50 x 401" in _only_reason(sticky)


def test_an_error_beside_predicted_refusals_is_still_one() -> None:
    """Where 401 is expected 503 is not, and the reason names both expectations."""
    mixed = _evidence([_sample(0, status=401), _sample(1, status=503), *GOOD.samples[2:]])
    assert "1 of 100 requests ended unexpectedly: 1 x 503; expected 2xx or the predicted 401" in _only_reason(
        replace(mixed, needs_affinity=True)
    )


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        (Counts(100, 100, 99, 100), "99 received, 100 recorded, 100 counted by the load balancer"),
        (Counts(100, 100, 100, 103), "100 received, 100 recorded, 103 counted by the load balancer"),
        (Counts(101, 101, 100, None), "100 received, 100 recorded; expected"),
    ],
)
def test_counts_must_agree_at_every_station(counts: Counts, told: str) -> None:
    """A lost sample or a stranger's request shows as the one station that differs."""
    assert told in _only_reason(replace(GOOD, counts=counts))


def test_a_lost_sample_is_found_in_the_record() -> None:
    """99 samples in hand where every counter says 100."""
    assert "100 requests were sent but 100 received, 99 recorded" in _only_reason(
        replace(GOOD, samples=GOOD.samples[1:])
    )


def test_a_starved_generator() -> None:
    """Above 80 % of a core the generator measures itself."""
    assert "used 95 % of a core, expected at most 80 %" in _only_reason(replace(GOOD, generator_cpu_ratio=0.95))


def test_a_stalled_generator() -> None:
    """Its event loop stood still for longer than the bar."""
    assert "stood still for 350 ms, expected at most 200 ms" in _only_reason(replace(GOOD, loop_lag_ns=350 * MS))


def test_late_dispatch() -> None:
    """2 of 100 sent 8 ms late may be chance (Wilson: 0.6 to 7 %); 5 of 100 (2.2 to 11 %) are more than 1 %."""
    late = [_sample(number, late_ms=8) for number in range(5)]
    assert judge(_evidence([*late[:2], *GOOD.samples[2:]])).status == "VALID"
    reason = _only_reason(_evidence([*late, *GOOD.samples[5:]]))
    assert "5 of 100 requests were sent more than 5 ms after their time, expected 1 % at most" in reason


def test_a_cell_that_sent_nothing_is_invalid_once() -> None:
    """No samples: the missing requests are the reason, not their lateness."""
    assert "0 of 100 scheduled" in _only_reason(replace(_evidence([]), counts=Counts(100, 0, 0, 0)))


def test_a_component_that_died_or_restarted() -> None:
    """A process gone, or one of the same name with another identity, is named; a new one is nobody's fault."""
    after = {"replicas/r1": "200@9", "postgres/7": "300@9"}
    verdict = judge(replace(GOOD, processes_after=after))
    died, restarted = verdict.reasons
    assert died.startswith("redis/valkey died during the cell")
    assert restarted.startswith("replicas/r1 restarted during the cell")
    assert judge(replace(GOOD, processes_after={**GOOD.processes_after, "postgres/7": "300@9"})).status == "VALID"


def test_a_drifting_control() -> None:
    """The machine's speed changed by more than 15 % while it was measured."""
    assert "moved by 21 % within the slice, expected at most 15 %" in _only_reason(
        replace(GOOD, control_drift_ratio=0.21)
    )


def test_other_load() -> None:
    """Someone else used more than a quarter of the machine."""
    assert "other programs used 40 % of the machine, expected at most 25 %" in _only_reason(
        replace(GOOD, other_load_ratio=0.4)
    )


def test_every_reason_is_told_at_once() -> None:
    """Nobody has to run again to learn the second fault; each has a next thing to do and fits on a line."""
    verdict = judge(replace(GOOD, other_load_ratio=0.4, generator_cpu_ratio=0.95, loop_lag_ns=10**9))
    assert len(verdict.reasons) == 3
    assert all("expected" in reason and ";" in reason and "\n" not in reason for reason in verdict.reasons)


def test_bars_can_be_set_by_the_caller() -> None:
    """A selfcheck holds an idle machine to less lateness than a cell."""
    assert judge(GOOD, Bars(lateness_ms=0.05)).status == "INVALID"


def test_drift_is_the_gap_between_the_halves_medians() -> None:
    """50 requests of 2 ms, then 50 of 3: medians without spread, 3/2 - 1 = 50 %, in either direction."""
    slower = [_sample(number, service_ms=2 + (number >= 50)) for number in range(100)]
    faster = [_sample(number, service_ms=3 - (number >= 50)) for number in range(100)]
    assert control_drift_ratio(slower) == pytest.approx(0.5)
    assert control_drift_ratio(faster) == pytest.approx(0.5)


def test_chance_is_no_drift() -> None:
    """Halves whose medians' intervals overlap have not drifted; too few requests cannot tell."""
    noisy = [_sample(number, service_ms=1 + number * 37 % 10) for number in range(100)]
    assert control_drift_ratio(noisy) == 0
    assert control_drift_ratio(noisy[:13]) is None
    assert control_drift_ratio([_sample(0, status=0)]) is None


@given(st.lists(st.floats(0.1, 50), min_size=14, max_size=60))
def test_drift_is_never_negative(services_ms: list[float]) -> None:
    """A ratio - 1 of at least nothing, whatever the service times."""
    drift = control_drift_ratio([_sample(number, service_ms=ms) for number, ms in enumerate(services_ms)])
    assert drift is not None
    assert drift >= 0


def test_missing_load_is_a_fault_in_its_own_words() -> None:
    """What a lost worker or sample leaves missing is said first, and no other block stands in for it."""
    verdict = judge(replace(GOOD, missing_load=("worker 1 of 2 (a) ended",)))
    assert (verdict.status, verdict.reasons, verdict.disturbed) == ("INVALID", ("worker 1 of 2 (a) ended",), False)


@pytest.mark.parametrize(("uncertainty_ns", "status"), [(None, "VALID"), (1_000_000, "VALID"), (1_000_001, "INVALID")])
def test_clocks_too_far_apart(uncertainty_ns: int | None, status: str) -> None:
    """Beyond 1 ms the workers' instants are not those of one schedule; one process has no such question."""
    assert judge(replace(GOOD, clock_uncertainty_ns=uncertainty_ns)).status == status


def test_clocks_too_far_apart_are_a_disturbance() -> None:
    """The figure, the bar and the next step; other blocks may stand in."""
    verdict = judge(replace(GOOD, clock_uncertainty_ns=2_340_000))
    assert verdict.disturbed
    (reason,) = verdict.reasons
    assert reason.startswith("the load workers' clocks are known to 2.34 ms only, expected 1 ms at most; use machines")
