"""Session memory: stores are really full of sessions that work, and a full Redis shows whom it costs what."""

import pytest

from bench.consequences.apparatus.maxmemory import EVICTED, REFUSED, SCHEME, UNFINDABLE, explained, told
from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT
from bench.consequences.session_memory import EXPERIMENT, HARNESS, PER_SESSION, READ, READS_LOST, SIZES, STORE_OF
from services.catalogue import SCHEMES

pytestmark = pytest.mark.stack
LEAST_BYTES, MOST_BYTES = 150, 3000
"""Two hashes and five fields at least; an order of magnitude more would be no session's."""
FLAT_BYTES = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """All that the experiment finds."""
    return conduct(EXPERIMENT, lab, tuple(STORE_OF))


def limited(outcomes: tuple[Outcome, ...], policy: str) -> Outcome:
    """The one of a Redis with a limit and that policy."""
    (found,) = [outcome for outcome in outcomes if outcome.setting == f"maxmemory, {policy}"]
    return found


def test_it_concerns_the_schemes_that_keep_sessions_in_a_store() -> None:
    """Tokens take no memory of a server."""
    assert {name for name, spec in SCHEMES.items() if EXPERIMENT.concerns(spec)} == set(STORE_OF)


def test_every_control_is_harmless_and_there_is_one_for_every_scheme(outcomes: tuple[Outcome, ...]) -> None:
    """Nobody is logged out of a store that is as good as empty, or has no limit."""
    controls = [outcome for outcome in outcomes if outcome.is_control]
    assert {outcome.scheme for outcome in controls} == set(STORE_OF)
    assert [list(harms(outcome)) for outcome in controls] == [[]] * len(controls)


def test_everything_found_is_valid(outcomes: tuple[Outcome, ...]) -> None:
    """Whatever is told was answered as it can be counted; a busy machine is no fault of the experiment."""
    doubted = [outcome.verdict for outcome in outcomes if outcome.verdict.status != "VALID"]
    assert [verdict.reasons for verdict in doubted if not verdict.disturbed] == []


@pytest.mark.parametrize("scheme", STORE_OF)
def test_a_session_takes_memory_and_works(outcomes: tuple[Outcome, ...], scheme: str) -> None:
    """At every size the store grew by what sessions take, and each that was sampled is somebody's, also over HTTP."""
    sizes = SIZES["tiny"]
    filled = [outcome for outcome in outcomes if outcome.scheme == scheme and outcome.at is not None]
    assert [outcome.at for outcome in filled] == [sizes.control, *sizes.sessions]
    for outcome in filled:
        assert (outcome.figure(READS_LOST).value, outcome.figure(READS_LOST).of) == (0, sizes.reads)
        assert outcome.figure(READ).value > 0
        assert outcome.figure(HARNESS).value < FLAT_BYTES
        if scheme != "memory-session":
            assert (outcome.figure(LOGGED_OUT).value, outcome.figure(LOGGED_OUT).of) == (0, sizes.requests)
    assert LEAST_BYTES < filled[-1].figure(PER_SESSION).value < MOST_BYTES


def test_a_redis_that_never_evicts_refuses_logins_and_logs_nobody_out(outcomes: tuple[Outcome, ...]) -> None:
    """The fault is seen, as the harm that theory says, and no other."""
    found = limited(outcomes, "noeviction")
    assert found.scheme == SCHEME
    assert found.figure(REFUSED).value > 0
    assert found.figure(LOGGED_OUT).value == found.figure(EVICTED).value == found.figure(UNFINDABLE).value == 0
    assert not found.figure(LOGGED_OUT).misses_theory
    assert "logins refused" in found.headline


def test_a_redis_that_evicts_logs_users_out_and_refuses_nobody(outcomes: tuple[Outcome, ...]) -> None:
    """The fault is seen, as the harm that theory says, and no other."""
    found = limited(outcomes, "allkeys-lru")
    assert 0 < found.figure(LOGGED_OUT).value <= found.figure(EVICTED).value
    assert found.figure(REFUSED).value == 0
    assert not found.figure(REFUSED).misses_theory
    assert "users logged out" in found.headline


def test_a_fault_is_drawn_over_time(outcomes: tuple[Outcome, ...]) -> None:
    """When the limit came and when the logins did."""
    timeline = limited(outcomes, "allkeys-lru").timeline
    assert timeline is not None
    assert [mark.what.partition(",")[0] for mark in timeline.marks] == ["maxmemory is set", "60 more users log in"]


def test_an_answer_that_cannot_be_counted_is_told() -> None:
    """Neither live nor logged out: then the count of those who are would be wrong."""
    assert told({200: 3, 401: 1}).status == "VALID"
    verdict = told({200: 3, 503: 2})
    assert verdict.status == "INVALID"
    assert "2 x 503" in verdict.reasons[0]


def test_a_logout_that_nobody_evicted_is_told() -> None:
    """The count of the server holds the one of the users: it was not the memory that logged them out."""
    assert explained(3, 7).status == "VALID"
    verdict = explained(3, 2)
    assert verdict.status == "INVALID"
    assert "evicted 2 keys" in verdict.reasons[0]
