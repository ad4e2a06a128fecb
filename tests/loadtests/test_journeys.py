"""Journeys: endless, seeded, mixed as their weights say."""

from collections import Counter
from itertools import islice
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.journeys import FIRST_REQUEST, MIXES, RENEWING, Step, first_requests, steps
from loadtests.plan import JOURNEYS, Journey
from loadtests.visitor import change_login, log_in, read, refresh, write


def _drawn(journey: Journey, seed: int, number: int) -> list[Step]:
    return list(islice(steps(journey, Random(seed)), number))  # noqa: S311 - a reproducible journey


def test_every_journey_is_mixed() -> None:
    """Each journey a plan can name has its weights."""
    assert set(MIXES) == set(JOURNEYS)


@given(st.sampled_from(JOURNEYS), st.integers())
def test_a_seed_is_a_journey(journey: Journey, seed: int) -> None:
    """The same seed gives the same steps, as many as are asked for."""
    assert _drawn(journey, seed, 200) == _drawn(journey, seed, 200)


@pytest.mark.parametrize(
    ("journey", "step"),
    [("steady", read), ("login", log_in), ("refresh", refresh), ("write", write), ("relogin", change_login)],
)
def test_plain_journeys_repeat_one_step(journey: Journey, step: Step) -> None:
    """Steady reads, login logs in, refresh refreshes, write writes, relogin logs out and in."""
    assert set(_drawn(journey, 1, 50)) == {step}


def test_browse_is_mixed_by_weight() -> None:
    """Browsing is 90 % reads, 8 % writes and 2 % changes of login, within four standard deviations."""
    counts = Counter(_drawn("browse", 20_261_123, 10_000))
    assert abs(counts[read] - 9_000) < 4 * 30
    assert abs(counts[write] - 800) < 4 * 28
    assert abs(counts[change_login] - 200) < 4 * 14


@pytest.mark.parametrize(
    ("journey", "step"), [("login-heavy", log_in), ("refresh-heavy", refresh), ("logout-heavy", change_login)]
)
def test_a_heavy_journey_is_half_of_one_step(journey: Journey, step: Step) -> None:
    """The other half reads, and writes now and then, within four standard deviations."""
    counts = Counter(_drawn(journey, 20_261_123, 10_000))
    assert set(counts) == {read, write, step}
    assert abs(counts[step] - 5_000) < 4 * 50
    assert abs(counts[write] - 500) < 4 * 22


def test_who_refreshes_is_known() -> None:
    """A journey that refreshes is listed, so that it can be refused to a scheme without."""
    assert set(RENEWING) == {"refresh", "refresh-heavy"}


def test_what_an_arrival_begins_with_is_known() -> None:
    """Every step has a first request; a login after a logout is none."""
    assert set(FIRST_REQUEST) == {step for mix in MIXES.values() for step in mix}
    assert first_requests("browse") == {"read", "write", "logout"}
    assert first_requests("login-heavy") == {"read", "write", "login"}


def test_visitors_browse_apart() -> None:
    """Two seeds give two journeys."""
    assert _drawn("browse", 1, 200) != _drawn("browse", 2, 200)
