"""A stolen copy outlives what a scheme does not ask about, and nothing else; an untouched login is never refused."""

from collections.abc import Mapping
from dataclasses import replace
from math import inf

import pytest

from bench.consequences.apparatus.endings import Prediction, endings
from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Figure, Outcome
from bench.consequences.revocation_window import (
    EXPERIMENT,
    PLACES,
    POLL,
    REAL,
    REFUSED,
    RENEWALS,
    USABLE,
    Life,
    faults_of,
    headline,
    usable,
)
from loadtests.record import Sample
from services.catalogue import SCHEMES

SCHEMES_TRIED = ("memory-session", "redis-session", "jwt-hs256", "refresh-token")
EVENTS = ("logout", "password change", "ban", "admin revoke")
KEPT = "password change in the stolen login"
SAMPLE = Sample(0, "read", 0, 0, 1, 200, "", "replica-1", had_valid_credential=True, bytes_up=100, bytes_down=100)
(LOGOUT, *_) = endings(SCHEMES["redis-session"])
LIFE = Life(LOGOUT, 1.0, 0.25, 2.0, 2.1, 2, 0, ())


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[tuple[str, str], Outcome]:
    """By scheme and setting."""
    return {(one.scheme, one.setting): one for one in conduct(EXPERIMENT, lab, SCHEMES_TRIED)}


def value(outcome: Outcome, name: str) -> float:
    """A figure's."""
    return outcome.figure(name).value


@pytest.mark.stack
def test_everything_was_seen(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """Every outcome is valid and stands in a record; the poll interval is told."""
    assert {outcome.verdict.status for outcome in outcomes.values()} == {"VALID"}
    assert all(outcome.records and value(outcome, POLL) == 100 for outcome in outcomes.values())


@pytest.mark.stack
@pytest.mark.parametrize("setting", EVENTS)
def test_what_asks_at_every_request_refuses_at_once(outcomes: Mapping[tuple[str, str], Outcome], setting: str) -> None:
    """No replica takes the copy any more, in Redis as on the session's own replica."""
    for scheme in ("redis-session", "memory-session"):
        outcome = outcomes[scheme, setting]
        assert (value(outcome, USABLE), value(outcome, PLACES), value(outcome, REAL)) == (0, 0, 0)
        assert not outcome.figure(USABLE).misses_theory


@pytest.mark.stack
@pytest.mark.parametrize("setting", EVENTS)
def test_a_stateless_copy_works_on_everywhere(outcomes: Mapping[tuple[str, str], Outcome], setting: str) -> None:
    """On both replicas, whatever happened; in a deployment for an hour, or for half of one where it can be renewed."""
    for scheme, hours in (("jwt-hs256", 1.0), ("refresh-token", 0.5)):
        outcome = outcomes[scheme, setting]
        assert value(outcome, USABLE) > 0
        assert (value(outcome, PLACES), value(outcome, REAL)) == (2, hours)
        assert value(outcome, RENEWALS) == 0


@pytest.mark.stack
@pytest.mark.parametrize("event", [event for event in EVENTS if event != "logout"])
def test_in_memory_no_event_reaches_another_replica(outcomes: Mapping[tuple[str, str], Outcome], event: str) -> None:
    """The thief goes on where the session is, and there alone."""
    outcome = outcomes["memory-session", f"{event} on another replica"]
    assert value(outcome, USABLE) > 0
    assert (value(outcome, PLACES), outcome.approach) == (1, "memory-session, sticky")


@pytest.mark.stack
def test_a_password_changed_in_the_stolen_login_ends_nothing(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """It spares the login it was asked in, so the thief keeps it, and renews where he holds what renews."""
    assert all(value(outcomes[scheme, KEPT], USABLE) > 0 for scheme in SCHEMES_TRIED)
    renewals = {scheme: value(outcomes[scheme, KEPT], RENEWALS) for scheme in SCHEMES_TRIED}
    assert renewals.pop("refresh-token") > 0
    assert set(renewals.values()) == {0}


@pytest.mark.stack
def test_without_an_event_nobody_is_refused(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The control: others' logins end beside it, and no request of an untouched one is refused."""
    controls = [outcome for outcome in outcomes.values() if outcome.is_control]
    assert [control.scheme for control in controls] == list(SCHEMES_TRIED)
    assert all(control.figure(REFUSED).of and not list(harms(control)) for control in controls)


@pytest.mark.parametrize(
    ("before", "answered", "status", "fault"),
    [
        (frozenset(), 200, 200, "refused before anything happened"),
        (frozenset({0}), 403, 200, "the event was answered 403"),
        (frozenset({0}), 200, 503, "found answers [503]"),
    ],
)
def test_what_shows_nothing_is_told(before: frozenset[int], answered: int, status: int, fault: str) -> None:
    """A copy that never worked, an event that did not happen, an answer that is neither yes nor no."""
    (told,) = faults_of(before, answered, [SAMPLE, replace(SAMPLE, status=status)])
    assert fault in told


def test_a_life_is_held_against_theory() -> None:
    """Within a poll, and as much later as tokens round; beyond that theory is missed, and without any nothing is."""
    expired = Prediction(3.0, "login", "it expires", late_s=1.0)
    assert not usable(LIFE, expired).misses_theory
    assert usable(replace(LIFE, last_s=3.5, until_s=3.6), expired).misses_theory
    assert usable(LIFE, Prediction(0.0, "event", "it asks")).misses_theory
    assert not usable(LIFE, Prediction(30.0, "event", "it asks every 30 s")).misses_theory
    assert usable(replace(LIFE, until_s=inf), None).predicted is None


@pytest.mark.parametrize(
    ("life", "real_h", "said"),
    [
        (LIFE, 29.5 / 60, "works up to 29.5 min (shortened: 2.0 s)"),
        (replace(LIFE, last_s=11.44), 336, "works up to 14 d (shortened: 11.4 s)"),
        (LIFE, None, "works 2.0 s"),
        (LIFE, 0, "works 2.0 s"),
        (replace(LIFE, last_s=0.0, replicas=0), 12, "refused at once"),
    ],
)
def test_the_headline_says_what_real_lifetimes_come_to(life: Life, real_h: float | None, said: str) -> None:
    """Beside what was measured, where it is known; in no more characters than a cell of the story has."""
    told = headline(life, () if real_h is None else (Figure(REAL, real_h, "h"),))
    assert told == said
    assert len(told) <= 40
