"""A session slides by being used, a token ends on the minute, and each way to slide has its price."""

from collections.abc import Mapping

import pytest

from bench.consequences.apparatus.habits import Pace, spaced
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.sliding import (
    EXPERIMENT,
    KICKED,
    KICKED_BY_PAUSE,
    OVERSTAY,
    REISSUED,
    RULES,
    STILL_IN,
    WRITES,
)
from tests.bench.consequences.in_time import in_time

SCHEMES = ("redis-session", "postgres-session", "jwt-hs256", "jwt-sliding", "refresh-token")

Found = Mapping[str, Outcome]


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """What the experiment finds at the tests' size, control included."""
    assert {name for name, spec in lab.catalogue.items() if EXPERIMENT.concerns(spec)} == set(RULES)
    return in_time(EXPERIMENT, lab, SCHEMES)


@pytest.fixture(scope="module")
def found(outcomes: tuple[Outcome, ...]) -> Found:
    """What came of the passing of time, by scheme."""
    return {one.scheme: one for one in outcomes if not one.is_control}


@pytest.mark.stack
def test_every_outcome_is_valid_and_as_theory_says(outcomes: tuple[Outcome, ...]) -> None:
    """Counts are exact: one user, one write or one token more is a miss."""
    assert {one.verdict.status for one in outcomes} == {"VALID"}
    assert max(len(one.headline) for one in outcomes) <= 40
    assert not [(one.scheme, figure) for one in outcomes for figure in one.figures if figure.misses_theory]


@pytest.mark.stack
def test_where_no_time_passes_nobody_goes(outcomes: tuple[Outcome, ...]) -> None:
    """The control of every scheme: the same visits, and nothing happens."""
    controls = [one for one in outcomes if one.is_control]
    assert {one.scheme for one in controls} == set(SCHEMES)
    assert {one.headline for one in controls} == {"nothing"}


@pytest.mark.stack
def test_only_a_token_that_does_not_slide_throws_out_who_is_active(found: Found) -> None:
    """All active users of jwt-hs256, nobody else's."""
    assert {scheme: one.figure(KICKED).value for scheme, one in found.items()} == dict.fromkeys(SCHEMES, 0) | {
        "jwt-hs256": 2
    }
    assert found["jwt-hs256"].headline == "active users kicked: 2 of 2"


@pytest.mark.stack
def test_a_token_that_slides_late_is_lost_in_a_pause(found: Found) -> None:
    """Sessions and refresh tokens outlast a pause that is shorter than the idle limit."""
    assert {scheme for scheme, one in found.items() if one.figure(KICKED_BY_PAUSE).value} == {
        "jwt-hs256",
        "jwt-sliding",
    }


@pytest.mark.stack
def test_who_is_idle_goes(found: Found) -> None:
    """Under every scheme; an access token alone outlives the absolute limit, and is told in seconds."""
    assert not any(one.figure(STILL_IN).value for one in found.values())
    assert {scheme for scheme, one in found.items() if one.figure(OVERSTAY).value} == {"refresh-token"}
    assert found["refresh-token"].headline == "in past the absolute limit: 20 s"


@pytest.mark.stack
def test_sliding_is_paid_for(found: Found) -> None:
    """A write a request in Redis, one in three in PostgreSQL, a token now and then without a store."""
    assert found["redis-session"].figure(WRITES).value == pytest.approx(1000)
    assert 0 < found["postgres-session"].figure(WRITES).value < 400
    assert found["jwt-sliding"].figure(WRITES).value == 0 < found["jwt-sliding"].figure(REISSUED).value


def test_a_limit_that_passes_really_is_told_by_both_clocks() -> None:
    """A machine that stands still makes a short pause of a user's a long one of Redis's, and nobody is accused."""
    moved, standing = Pace(2, is_moved=True), Pace(2, is_moved=False)
    assert moved.is_within_idle(18, 1.2)
    assert not moved.is_within_idle(18, 2.5)
    assert not moved.is_within_idle(45, 1.0)
    assert (moved.is_beyond_idle(45, 3.0), moved.is_beyond_idle(45, 1.0)) == (True, False)
    assert standing.is_within_idle(45, 0.1)
    assert not standing.is_beyond_idle(45, 3.0)
    assert (moved.moment_s(30), standing.moment_s(30)) == (2.0, 0.0)


def test_moments_are_counted_that_lie_apart() -> None:
    """From the one counted before, not from the last."""
    assert (spaced([1, 2, 3, 4, 5, 6], 3), spaced([2, 40], 7), spaced([], 1)) == (2, 1, 0)
