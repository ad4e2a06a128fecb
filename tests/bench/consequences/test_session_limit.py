"""Simultaneous logins of one user against a limit: exactly as many live as the scheme can know of."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.session_limit import (
    ABOVE,
    ALIVE,
    AT_ONCE,
    EXPERIMENT,
    GRANTED,
    LIMIT,
    LOST,
    POLICIES,
    REFUSED,
    RENEWABLE,
    Crowd,
    Policy,
    predicted,
)
from services.catalogue import SCHEMES

TRIED = AT_ONCE["tiny"]
SCHEMES_TRIED = ("memory-session", "redis-session", "jwt-hs256", "refresh-token")


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[tuple[str, str], Outcome]:
    """By scheme and setting."""
    return {(one.scheme, one.setting): one for one in conduct(EXPERIMENT, lab, SCHEMES_TRIED)}


def found(outcome: Outcome) -> Crowd:
    """What was counted, as theory would have it."""
    names = (GRANTED, REFUSED, ALIVE)
    granted, refused, alive = (int(outcome.figure(name).value) for name in names)
    renewable = sum(int(figure.value) for figure in outcome.figures if figure.name == RENEWABLE)
    return Crowd(outcome.figure(GRANTED).of or 0, granted, refused, alive, renewable)


@pytest.mark.stack
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("scheme", SCHEMES_TRIED)
def test_as_many_live_as_theory_says(outcomes: Mapping[tuple[str, str], Outcome], scheme: str, policy: Policy) -> None:
    """Granted, refused, alive and renewable, each exactly; every login was counted by the load balancer too."""
    outcome = outcomes[scheme, f"{policy}, {TRIED} logins"]
    assert found(outcome) == predicted(SCHEMES[scheme], policy, TRIED)
    assert outcome.verdict.status == "VALID"
    assert outcome.records


@pytest.mark.stack
def test_a_limit_holds_where_the_scheme_can_and_nowhere_else(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """In Redis none is above it; two memories have room for twice as many; tokens know no limit."""
    above = {scheme: outcomes[scheme, f"refuse, {TRIED} logins"].figure(ABOVE).value for scheme in SCHEMES_TRIED}
    everybody = TRIED - LIMIT
    assert above == {"memory-session": LIMIT, "redis-session": 0, "jwt-hs256": everybody, "refresh-token": 0}
    evicted = outcomes["refresh-token", f"evict-oldest, {TRIED} logins"]
    assert (evicted.figure(ABOVE).value, evicted.figure(RENEWABLE).value) == (everybody, LIMIT)


@pytest.mark.stack
def test_within_the_limit_nobody_makes_way(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The control: as many logins as are allowed, and all of them live."""
    controls = [outcome for outcome in outcomes.values() if outcome.is_control]
    assert len(controls) == len(SCHEMES_TRIED) * len(POLICIES)
    assert all((control.figure(ALIVE).value, list(harms(control))) == (LIMIT, []) for control in controls)


@pytest.mark.parametrize(
    ("scheme", "policy", "alive"),
    [("bff", "evict-oldest", 3), ("bff", "refuse", 3), ("bff-memory", "evict-oldest", 6), ("bff-memory", "refuse", 3)],
)
def test_an_api_behind_refuses_for_all_bffs(scheme: str, policy: Policy, alive: int) -> None:
    """A BFF in memory evicts its own sessions alone, but the API's refusal counts on every replica."""
    assert predicted(SCHEMES[scheme], policy, 50).alive == alive


def test_a_login_that_makes_way_below_the_limit_is_told() -> None:
    """What is missing within the limit is a harm, and so is what is above it."""
    crowd = predicted(SCHEMES["redis-session"], "refuse", 50)
    assert (crowd.lost, crowd.above) == (0, 0)
    assert (replace(crowd, alive=1).lost, replace(crowd, alive=5).above) == (2, 2)
    assert LOST != ABOVE


def test_it_concerns_all_that_know_who_asks() -> None:
    """The control of costs logs nobody in."""
    assert [name for name, spec in SCHEMES.items() if not EXPERIMENT.concerns(spec)] == ["none"]
