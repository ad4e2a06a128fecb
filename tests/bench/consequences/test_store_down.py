"""Stores that fail: sessions die with a Redis that keeps no log, ended logins come back, and nothing else does."""

from collections.abc import Sequence

import pytest

from bench.consequences.experiment import harms
from bench.consequences.lab import Lab
from bench.consequences.model import CONSEQUENCE_FREE, Outcome
from bench.consequences.reading import FAILED, LOGGED_OUT
from bench.consequences.store_down import BOUND, EXPERIMENT, LET_IN, LONGEST
from services.catalogue import SCHEMES
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of sessions and a denylist in Redis, of rotation in PostgreSQL, and of signed tokens."""
    return in_time(EXPERIMENT, lab, ["redis-session", "jwt-denylist", "refresh-token", "jwt-hs256"])


def _found(outcomes: Sequence[Outcome], scheme: str, setting: str) -> Outcome:
    return next(one for one in outcomes if (one.scheme, one.setting) == (scheme, setting))


def test_without_a_fault_nothing_happens(outcomes: Sequence[Outcome]) -> None:
    """The control of every arm shows no harm."""
    controls = [one for one in outcomes if one.is_control]
    assert len(controls) == 6
    assert [list(harms(one)) for one in controls] == [[]] * 6


def test_sessions_die_with_a_redis_that_forgets(outcomes: Sequence[Outcome]) -> None:
    """Everyone who asked afterwards is logged out; where a log was kept there were errors, and that is all."""
    killed = _found(outcomes, "redis-session", "Redis killed")
    assert killed.figure(LOGGED_OUT).value > 0
    assert not killed.figure(LOGGED_OUT).misses_theory
    assert "users logged out" in killed.headline
    kept = _found(outcomes, "redis-session", "Redis killed, with a log")
    assert (kept.figure(LOGGED_OUT).value, kept.figure(FAILED).value > 0) == (0, True)
    assert "requests failed" in kept.headline


def test_a_denylist_that_is_forgotten_lets_the_revoked_in(outcomes: Sequence[Outcome]) -> None:
    """Nobody is logged out, but whoever had logged out is in again, unless a log was kept."""
    killed = _found(outcomes, "jwt-denylist", "Redis killed")
    assert killed.figure(LOGGED_OUT).value == 0
    assert killed.figure(LET_IN).value == killed.figure(LET_IN).of == killed.figure(LET_IN).predicted
    assert killed.headline == "2 of 2 ended logins let in again"
    assert _found(outcomes, "jwt-denylist", "Redis killed, with a log").figure(LET_IN).value == 0


@pytest.mark.parametrize(
    ("scheme", "setting"),
    [("redis-session", "Redis hung"), ("jwt-denylist", "Redis hung"), ("refresh-token", "PostgreSQL hung")],
)
def test_a_store_that_hangs_costs_waiting_and_errors(outcomes: Sequence[Outcome], scheme: str, setting: str) -> None:
    """A request waits for the bound and fails; when the store goes on, everybody is still logged in, or still out."""
    hung = _found(outcomes, scheme, setting)
    assert list(harms(hung)) == [f"{hung.figure(FAILED).value:.4g} requests ({FAILED})"]
    assert hung.figure(LONGEST).value >= hung.figure(BOUND).value
    assert hung.timeline
    assert {"200", "503"} <= hung.timeline.counts.keys()


def test_a_committed_rotation_survives(outcomes: Sequence[Outcome]) -> None:
    """Refreshes fail while PostgreSQL is dead, and all succeed when it is back."""
    killed = _found(outcomes, "refresh-token", "PostgreSQL killed")
    assert (killed.figure(LOGGED_OUT).value, killed.figure(FAILED).value > 0) == (0, True)
    assert killed.figure("first success after the return").value < float("inf")


def test_tokens_that_ask_nobody_are_not_hit(outcomes: Sequence[Outcome]) -> None:
    """Their every outcome is free of consequences."""
    assert {one.headline for one in outcomes if one.scheme == "jwt-hs256"} == {CONSEQUENCE_FREE}


def test_it_concerns_those_who_ask_a_store_and_two_who_do_not() -> None:
    """What the memory of a replica holds beside a store is another experiment's."""
    concerned = {name for name, spec in SCHEMES.items() if EXPERIMENT.concerns(spec)}
    assert concerned >= {"redis-session", "postgres-session", "bff", "memory-session", "jwt-hs256"}
    assert concerned.isdisjoint({"none", "jwt-rs256", "bff-memory"})
