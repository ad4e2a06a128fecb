"""Sharing: the chance to be refused where one of N servers knows the login, and how many users that logs out."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.consequences.apparatus.sharing import Chance, chance, shares, spread
from bench.consequences.reading import LOGGED_OUT, REFUSED
from loadtests.plan import ArmPlan
from loadtests.record import Sample

ARM = ArmPlan("a", "memory-session", "cookie", 4, "roundrobin", "steady", visitors=4)
LAYER_4 = replace(ARM, balancing="roundrobin-l4")


def sample(visitor: int, status: int = 200) -> Sample:
    """One read."""
    return Sample(
        visitor, "read", 0, 0, 1, status, "", "replica-1", had_valid_credential=True, bytes_up=9, bytes_down=9
    )


@pytest.mark.parametrize(
    ("arm", "refused"),
    [
        (ARM, 0.75),
        (replace(LAYER_4, reconnects=True), 0.75),
        (LAYER_4, 0),
        (replace(ARM, balancing="sticky"), 0),
    ],
    ids=["in turn", "a connection each", "a connection for all", "sticky"],
)
def test_who_picks_the_server_decides(arm: ArmPlan, refused: float) -> None:
    """1 - 1/N wherever each request goes to the next server, 0 wherever visitors come back to theirs."""
    assert chance(arm, 4, binds=True).refused == refused
    assert chance(arm, 1, binds=True).refused == 0
    assert chance(arm, 4, binds=False).refused == 0


def test_other_balancing_has_no_theory() -> None:
    """Who has the fewest connections next cannot be said."""
    with pytest.raises(ValueError, match="balancing 'leastconn': found no theory"):
        chance(replace(ARM, balancing="leastconn"), 2, binds=True)


def test_users_are_logged_out_by_how_often_they_ask() -> None:
    """1 - N^-k of each, summed: one request each of two servers is half a user, three of one user are 7/8."""
    half = Chance(0.5, "1 - 1/N")
    refused, out, _ = shares([sample(0), sample(1, 401), sample(2), sample(2), sample(2, 401)], 3, half)
    assert (refused.name, refused.value, refused.predicted) == (REFUSED, 40, 50)
    assert (out.name, out.value, out.predicted) == (LOGGED_OUT, 2, 0.5 + 0.5 + 0.875)
    assert not out.misses_theory


def test_a_count_beyond_chance_is_a_miss() -> None:
    """Of 20 users with even chances 10 are expected: 15 are too many, 14 are not; where theory says 0, one is."""

    def misses(users: int, expected: Chance) -> bool:
        samples = [sample(visitor, 401 if visitor < users else 200) for visitor in range(20)]
        return next(one for one in shares(samples, 20, expected) if one.name == LOGGED_OUT).misses_theory

    assert [misses(users, Chance(0.5, "")) for users in (5, 6, 14, 15)] == [True, False, False, True]
    assert [misses(users, Chance(0.0, "")) for users in (0, 1)] == [False, True]


@given(st.lists(st.floats(0, 1), max_size=30))
def test_the_spread_holds_the_mean(chances: list[float]) -> None:
    """Counts between nothing and everything, around the expected one."""
    low, high = spread(chances)
    assert 0 <= low <= high <= len(chances)
    assert low - 1 <= sum(chances) <= high + 1


def test_certainty_has_no_spread() -> None:
    """Trials that cannot fail and trials that cannot succeed."""
    assert spread([1.0, 1.0, 0.0]) == (2, 2)
    assert spread([]) == (0, 0)
