"""A token from the future is refused, leeway cures it, and every life ends as early or late as the clock says."""

import pytest

from bench.consequences.clock_skew import CONCERNED, EXPERIMENT, LIFE_S, PRICE, TOO_LONG, TOO_SHORT
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT, REFUSED
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """What the experiment finds at the tests' size, control included."""
    assert {name for name, spec in lab.catalogue.items() if EXPERIMENT.concerns(spec)} == set(CONCERNED)
    return in_time(EXPERIMENT, lab, ("jwt-hs256", "postgres-session", "bff"))


def _of(outcomes: tuple[Outcome, ...], scheme: str, *, lenient: bool = False) -> dict[float | None, Outcome]:
    return {one.at: one for one in outcomes if one.scheme == scheme and ("leeway" in one.setting) == lenient}


def test_every_outcome_is_valid_and_as_theory_says(outcomes: tuple[Outcome, ...]) -> None:
    """By the replicas that were really met, and to the second."""
    assert {one.verdict.status for one in outcomes} == {"VALID"}
    assert max(len(one.headline) for one in outcomes) <= 40
    assert not [(one.setting, figure) for one in outcomes for figure in one.figures if figure.misses_theory]


def test_where_clocks_agree_nothing_happens(outcomes: tuple[Outcome, ...]) -> None:
    """The control of every scheme."""
    controls = [one for one in outcomes if one.is_control]
    assert [(one.at, one.headline) for one in controls] == [(0, "nothing")] * 4


def test_a_token_from_the_future_is_refused(outcomes: tuple[Outcome, ...]) -> None:
    """Whichever clock is ahead, by however little; a session, which says nothing of its beginning, is taken."""
    tokens, sessions = _of(outcomes, "jwt-hs256"), _of(outcomes, "postgres-session")
    assert all(0 < tokens[skew].figure(LOGGED_OUT).value <= 4 for skew in (2, -2, 30, -30))
    assert all(0 < tokens[skew].figure(REFUSED).value <= 50 for skew in (2, -2, 30, -30))
    assert not any(one.figure(LOGGED_OUT).value for one in sessions.values())


def test_leeway_cures_that_at_its_price(outcomes: tuple[Outcome, ...]) -> None:
    """Up to its length nobody is refused, and everybody is let in for as much longer."""
    lenient = _of(outcomes, "jwt-hs256", lenient=True)
    assert not any(one.figure(LOGGED_OUT).value for one in lenient.values())
    assert {one.figure(PRICE).value for one in lenient.values()} == {30}


@pytest.mark.parametrize("scheme", ["jwt-hs256", "postgres-session", "bff"])
def test_a_life_ends_by_the_clock_that_is_asked(outcomes: tuple[Outcome, ...], scheme: str) -> None:
    """A clock that is behind lets in too long, one that is ahead throws out early, each by its skew."""
    found = _of(outcomes, scheme)
    assert {skew: one.figure(TOO_LONG).value for skew, one in found.items()} == {0: 0, 2: 0, -2: 2, 30: 0, -30: 30}
    assert {skew: one.figure(TOO_SHORT).value for skew, one in found.items()} == {0: 0, 2: 2, -2: 0, 30: 30, -30: 0}
    assert all(abs(skew or 0) < LIFE_S for skew in found)
