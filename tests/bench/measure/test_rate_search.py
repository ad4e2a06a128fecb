"""A search as values: what it measures and for how long, what it offers next, and that its records tell it all."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.ladder import LADDER, START
from bench.measure import environment, rundir
from bench.measure.profiles import PlanError
from bench.measure.proof import Check, Proof
from bench.measure.rate_search import EFFORTS, RECORDS, Choices, Search, plan_search, recalled
from bench.measure.rundir import MAX_RATE
from loadtests.plan import ArmPlan
from loadtests.record import Counts, Footer, Header, Record, Sample
from services.catalogue import SCHEMES

CHOICES = Choices(20.0, schemes=("jwt-hs256",), seed=5)


@pytest.fixture
def run(tmp_path: Path) -> Search:
    """A search of the control and one scheme that has not begun."""
    arms = plan_search(CHOICES, SCHEMES)
    return Search(rundir.create_at(tmp_path / "run"), CHOICES, SCHEMES, arms, "again", environment.describe({}), sets=2)


def record(run: Search, arm: ArmPlan, process_set: int, rung: int, service_ms: float) -> Record:
    """A probe in which every request took so long."""
    plan = run.block(arm, process_set)
    (cell,) = plan.cells(plan.slices[rung])
    samples = tuple(
        Sample(0, "read", n * 10**6, n * 10**6, int((n + service_ms) * 10**6), 200, "", "r", True, 1, 1)  # noqa: FBT003
        for n in range(600)
    )
    footer = Footer(
        Counts(600, 600, 600, 600), "VALID", (), disturbed=False, idle_cpu_ns_per_s={}, store_commands=None,
        generator_cpu_ratio=0.3, loop_lag_ns=1,
    )  # fmt: skip
    return Record(Header(cell, process_set, (arm.id,), {}), samples, footer=footer)


def measured(run: Search, limit: int) -> None:
    """Offer to every arm what the search asks for, of a service that is quick up to a rung."""
    for process_set in range(run.sets + 1):
        for arm in run.order(process_set):
            while (rung := run.next_rung(arm, process_set)) is not None:
                run.keep(record(run, arm, process_set, rung, 5.0 if rung <= limit else 50.0))


def test_the_control_and_the_chosen_are_searched_once() -> None:
    """No second entry, no refresh: an arm for each scheme and replica count, with visitors for the SLO."""
    arms = plan_search(Choices(20.0, schemes=("refresh-token",), replicas=(1, 2)), SCHEMES)
    assert [arm.id for arm in arms] == [
        "none-bearer-1", "refresh-token-bearer-1", "none-bearer-2", "refresh-token-bearer-2"
    ]  # fmt: skip
    assert {arm.visitors for arm in arms} == {200}
    with pytest.raises(PlanError, match="has no carrier 'bearer'"):
        plan_search(Choices(20.0, schemes=("bff",), carrier="bearer"), SCHEMES)


def test_journeys_are_arms_of_their_own() -> None:
    """Named by what they do, but for the usual one; who has nothing to refresh has no arm that does."""
    wished = Choices(20.0, schemes=("refresh-token",), replicas=(1,), journeys=("steady", "browse", "refresh"))
    arms = plan_search(wished, SCHEMES)
    assert [(arm.id, arm.journey) for arm in arms] == [
        ("none-bearer-1", "steady"),
        ("refresh-token-bearer-1", "steady"),
        ("none-bearer-1-browse", "browse"),
        ("refresh-token-bearer-1-browse", "browse"),
        ("refresh-token-bearer-1-refresh", "refresh"),
    ]
    with pytest.raises(PlanError, match=r"journey 'refresh': found no scheme with anything to refresh.*refresh-token"):
        plan_search(Choices(20.0, schemes=("jwt-hs256",), journeys=("refresh",)), SCHEMES)


@pytest.mark.parametrize("profile", EFFORTS)
def test_every_profile_makes_a_search(profile: str) -> None:
    """Each of its replica counts, at least a second of load; what was chosen stands in for it."""
    usual = Choices(20.0, profile=profile)  # type: ignore[arg-type]
    assert {arm.replicas for arm in plan_search(usual, SCHEMES)} == set(EFFORTS[usual.profile].replicas)
    chosen = Choices(20.0, profile=usual.profile, replicas=(3,), seconds=2)
    assert (chosen.effort.replicas, chosen.effort.search_s, chosen.effort.verify_s) == ((3,), 2, 2)


@given(st.floats(min_value=0.001, max_value=5000))
def test_visitors_are_enough_and_bounded(slo_ms: float) -> None:
    """Between 100 and 500, whatever the SLO."""
    assert 100 <= Choices(slo_ms).visitors <= 500


def test_every_slice_is_long_enough_for_a_p99(run: Search) -> None:
    """600 requests are scheduled at least, on servers and generator kept apart; sets have seeds of their own."""
    plan = run.block(run.arms[0], 1)
    for piece, rate in zip(plan.slices, LADDER, strict=True):
        assert (piece.rate_rps, piece.purpose, piece.pinned) == (rate, "latency", True)
        assert piece.seconds >= max(6, 600 / rate)
    assert plan == run.block(run.arms[0], 1)
    assert len({run.block(arm, number).seed for arm in run.arms for number in range(3)}) == 6


def test_a_search_is_told_by_its_records_alone(run: Search) -> None:
    """Rates, intervals and verdicts come out of the records as they went in; the document says the same."""
    measured(run, START + 5)
    run.describe()
    found = recalled(run.directory.records(RECORDS), run.arms, 20.0, run.sets)
    assert found == run.outcomes
    assert {outcome.verdict.status for outcome in found} == {"VALID"}
    assert {outcome.settled_rps for outcome in found} == {(LADDER[START + 5],) * 2}
    document = run.directory.document(MAX_RATE)
    assert set(MAX_RATE.told) <= document.keys()
    assert [outcome["settled_rps"] for outcome in document["outcomes"]] == [[LADDER[START + 5]] * 2] * 2
    json.dumps(document, allow_nan=False)


def test_what_no_rate_meets_is_not_verified(run: Search) -> None:
    """The searching set alone is asked; nothing is left to offer to the others."""
    measured(run, -1)
    assert [list(run.order(number)) for number in (1, 2)] == [[], []]
    assert all(outcome.is_never_met for outcome in run.outcomes)
    assert {probe.process_set for probes in run.probes.values() for probe in probes} == {0}


def test_the_order_of_a_round_is_drawn(run: Search) -> None:
    """All arms are in it, and the seed decides."""
    assert sorted(arm.id for arm in run.order(0)) == sorted(arm.id for arm in run.arms)
    assert list(run.order(0)) == list(run.order(0))


def test_a_failed_proof_is_not_forgotten(run: Search) -> None:
    """Of several sets' proofs the first that does not hold stands, else the last."""
    first, broken, later = (
        Proof("arm", (Check(name, "", holds=holds),)) for name, holds in (("a", True), ("b", False), ("c", True))
    )
    for proof in (first, broken, later):
        run.proven(proof)
    assert run.proofs == {"arm": broken}


def test_the_forecast_grows_with_what_is_asked(run: Search) -> None:
    """Twice the arms take twice as long, longer slices longer."""
    one = run.forecast_s
    run.arms = run.arms * 2
    assert run.forecast_s == pytest.approx(2 * one)
    run.choices = Choices(20.0, seconds=60)
    assert run.forecast_s > 4 * one
