"""Services in a row: each checks for itself, whoever is not checked gets through, and what it costs adds up."""

import math
from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.analysis.model import Verdict
from bench.consequences.apparatus.chains import Chain, Passage, Stretch
from bench.consequences.apparatus.intruders import Attempts
from bench.consequences.experiment import conduct
from bench.consequences.fan_out import (
    COMMANDS,
    CPU_ADDED,
    EXPERIMENT,
    LET_THROUGH,
    PAYS,
    Case,
    comparisons,
    concerns,
)
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT, Observation
from bench.measure.laboratory import Reading
from loadtests.plan import ArmPlan
from loadtests.record import Resource, Sample
from services.catalogue import SCHEMES
from services.settings import HopCheck

DEPTH = 2


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[tuple[str, str], Outcome]:
    """One row of each kind, run once for the module."""
    found = conduct(EXPERIMENT, lab, ["redis-session", "jwt-hs256"])
    return {(outcome.scheme, outcome.setting): outcome for outcome in found}


@pytest.mark.stack
def test_every_kind_is_told(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The row that checks nothing comes along unasked; tokens are held against each way to look a user up."""
    assert list(outcomes) == [
        ("none", "2 services, nobody checks"),
        ("redis-session", "2 services, each asks the store"),
        ("redis-session", "2 services, each asks the API"),
        ("jwt-hs256", "2 services, each checks the token"),
        ("jwt-hs256", "against redis-session, each asks the store"),
        ("jwt-hs256", "against redis-session, each asks the API"),
    ]
    assert [outcome.is_control for outcome in outcomes.values()] == [True, False, False, False, False, False]


@pytest.mark.stack
def test_every_service_checks_every_request(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The stores counted it: exactly as often as there are services, whoever asks; nobody is asked about a token."""
    asked = {key: outcome.figure(COMMANDS) for key, outcome in outcomes.items() if outcome.at}
    assert [figure.value for figure in asked.values()] == [0, DEPTH, DEPTH, 0]
    assert not any(figure.misses_theory for figure in asked.values())


@pytest.mark.stack
def test_nobody_gets_through_without_a_credential_and_nobody_is_refused_with_one(
    outcomes: Mapping[tuple[str, str], Outcome],
) -> None:
    """Several intruders at each of the services; no harm to anybody else, the control among them."""
    for outcome in (one for one in outcomes.values() if one.at):
        assert outcome.figure(LOGGED_OUT).value == 0
        if not outcome.is_control:
            through = outcome.figure(LET_THROUGH)
            assert (through.value, through.is_harm) == (0, True)
            assert (through.of or 0) >= 3 * DEPTH


ARM = ArmPlan("arm", "redis-session", "bearer", 1, "roundrobin", "steady", visitors=1)


def _stretch(cpu_us: float, asked: int = 2, requests: int = 10) -> Stretch:
    """As many requests, each of that cost, for which the store was asked that often each."""
    samples = tuple(Sample(0, "read", 0, 0, 1_000_000, 200, "", "hop-1", True, 1, 1) for _ in range(requests))  # noqa: FBT003 - a record's field
    seen = Observation(ARM, samples, 0, 1, (), Verdict("VALID"), "record")
    spent_ns = round(cpu_us * 1000 * requests)
    before = Reading({}, (Resource(0, "hops/hop-1", 0, 0),), {"redis": {"getex": 0}}, None)
    after = Reading(
        {}, (Resource(10**9, "hops/hop-1", spent_ns + 5_000_000, 0),), {"redis": {"getex": asked * requests}}, None
    )
    return Stretch(seen, before, after, {"hops/hop-1": 5_000_000.0})


def _passage(
    *costs_us: float,
    scheme: str = "redis-session",
    check: HopCheck = "verify",
    depth: int = 2,
    asked: int = 2,
    answered: int = 0,
) -> Passage:
    chain = Chain(replace(ARM, scheme=scheme), check, depth)
    return Passage(chain, tuple(_stretch(cost, asked) for cost in costs_us), Attempts(answered, 8))


TRAITS = SCHEMES["redis-session"].traits


def test_costs_are_differences_stretch_by_stretch_without_idling() -> None:
    """What disturbed both rows at once is in neither's cost."""
    base, row = _passage(500, 700, 600), _passage(800, 1000, 900)
    assert base.cpu_us().value == pytest.approx(600)
    added = row.cpu_us_over(base)
    assert [added.value, added.low, added.high] == pytest.approx([300, 300, 300])
    outcome = Case(row, base, TRAITS).outcome()
    assert outcome.figure(CPU_ADDED).value == pytest.approx(300)
    assert outcome.headline == "+300 µs CPU, +0.00 ms"


def test_an_intruder_that_gets_through_is_harm() -> None:
    """The oracle sees its fault."""
    outcome = Case(_passage(800, 900, answered=3), _passage(500, 600), TRAITS).outcome()
    through = outcome.figure(LET_THROUGH)
    assert (through.value, through.of, through.is_harm, through.misses_theory) == (3, 8, True, True)


@pytest.mark.parametrize("asked", [1, 3])
def test_a_row_that_did_not_check_as_often_as_it_is_long_is_invalid(asked: int) -> None:
    """Cheap, but not what was to be measured."""
    outcome = Case(_passage(800, 900, asked=asked), _passage(500, 600), TRAITS).outcome()
    assert outcome.verdict.status == "INVALID"
    assert "expected 2" in outcome.verdict.reasons[0]


def test_stores_that_did_not_tell_prove_nothing() -> None:
    """So does a row that served nobody: no figure, and INVALID."""
    row = _passage(800, 900)
    silent = replace(row.stretches[0], after=replace(row.stretches[0].after, commands=None))
    outcome = Case(replace(row, stretches=(silent, row.stretches[1])), _passage(500, 600), TRAITS).outcome()
    assert outcome.verdict.status == "INVALID"
    assert math.isnan(outcome.figure(COMMANDS).value)
    unserved = replace(row.stretches[0], seen=replace(row.stretches[0].seen, samples=()))
    assert unserved.cpu_us == math.inf
    assert replace(row, stretches=(unserved,)).asked_per_request(TRAITS) is None


def _lab() -> Lab:
    """One that only knows the schemes."""
    return Lab("tiny", 1, None, SCHEMES, {}, lambda _record, _name: "", None)  # type: ignore[arg-type] # no server is asked


def test_a_token_pays_where_the_whole_interval_of_what_it_saves_is_above_zero() -> None:
    """From the least number of services on where that is so; where it is nowhere so, that is said."""
    measured = [
        _passage(600, 700, 660, scheme="jwt-hs256", depth=1),
        _passage(650, 640, 700, depth=1),
        _passage(600, 700, 660, scheme="jwt-hs256", depth=4),
        _passage(800, 910, 850, depth=4),
    ]
    (pays,) = comparisons(measured, _lab())
    assert (pays.figure(PAYS).value, pays.headline) == (4, "pays from 4 services on")
    (never,) = comparisons(measured[:2], _lab())
    assert (never.figure(PAYS).value, never.headline) == (math.inf, "no saving shown")


def test_it_concerns_one_scheme_of_each_kind() -> None:
    """A row of services that cannot share what one of them remembers makes no sense."""
    assert [name for name, spec in SCHEMES.items() if concerns(spec)] == [
        *("none", "redis-session", "postgres-session", "jwt-hs256", "jwt-rs256")
    ]
