"""When theory says that a theft is noticed, under the lifetimes of a deployment."""

from typing import get_args

import pytest

from bench.consequences.apparatus.thefts import DAY_S, Theft, thefts
from services.settings import RefreshPolicy, Settings

POLICIES: tuple[RefreshPolicy, ...] = get_args(RefreshPolicy)
GRACES = [policy for policy in POLICIES if policy != "strict"]
HALF_HOUR_S, TWO_WEEKS_S = 1800, 14 * DAY_S


def known(policy: RefreshPolicy) -> dict[str, tuple[bool, float]]:
    """By theft: whether it is noticed, and how long it lasts."""
    settings = Settings(refresh_policy=policy)
    return {theft.name: (theft.is_noticed(settings), theft.lasts_s(settings)) for theft in thefts(settings)}


def test_strict_notices_whoever_comes_second() -> None:
    """The thief's first use betrays him, or the user's next one does."""
    assert known("strict") == {
        "thief first, user within grace": (True, 5),
        "thief first, user after grace": (True, HALF_HOUR_S),
        "user first, thief within grace": (True, 0),
        "user first, thief after grace": (True, 0),
    }


@pytest.mark.parametrize("policy", GRACES)
def test_a_grace_hides_whoever_comes_within_it(policy: RefreshPolicy) -> None:
    """Until the login ends; who comes later is noticed as ever."""
    assert known(policy) == {
        "thief first, user within grace": (False, TWO_WEEKS_S),
        "thief first, user after grace": (True, HALF_HOUR_S),
        "user first, thief within grace": (False, TWO_WEEKS_S - 5),
        "user first, thief after grace": (True, 0),
    }


def test_the_end_of_the_grace_is_not_within_it() -> None:
    """As the service has it: at its very end a second use is a theft."""
    settings = Settings(refresh_policy="grace-replay")
    edge = Theft("at the edge", thief_is_first=False, gap_s=settings.refresh_grace_s)
    assert edge.is_noticed(settings)
