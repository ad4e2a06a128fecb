"""Demands that make sense and the rates they come to; the others are refused in one line."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.demand import Demand, DemandError, Lifetime, families, lifetime_of, rates
from tests.bench.analysis.capacity.made_up import BFF, DEMAND, MEMORY, NONE, REFRESH, SESSION, TOKEN

LIFETIMES: tuple[Lifetime, ...] = ("nothing", "token", "sliding", "session", "refresh", "bff")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("users", -1, ">= 0"),
        ("users", float("inf"), ">= 0"),
        ("users", float("nan"), ">= 0"),
        ("active_ratio", 0, "> 0 and <= 1"),
        ("active_ratio", 1.01, "> 0 and <= 1"),
        ("requests_per_minute", 0, "> 0"),
        ("write_ratio", -0.1, ">= 0 and <= 1"),
        ("write_ratio", 1.5, ">= 0 and <= 1"),
        ("access_ttl_s", 0, "> 0"),
        ("refresh_ttl_s", 0, "> 0"),
        ("session_ttl_s", 0, "> 0"),
        ("slo_p99_ms", 0, "> 0"),
        ("store_rtt_ms", -1, ">= 0"),
        ("replica_cores", 0, ">= 1"),
    ],
)
def test_nonsense_is_refused(name: str, value: float, expected: str) -> None:
    """One line with what was found and what was expected."""
    with pytest.raises(DemandError, match=f"^{name} is {value:g}, expected a finite number {expected}; correct it$"):
        replace(DEMAND, **{name: value})


def test_cores_are_whole() -> None:
    """Half a core runs no worker."""
    with pytest.raises(DemandError, match=r"^replica_cores is 1\.5, expected a whole number >= 1; give whole cores$"):
        replace(DEMAND, replica_cores=1.5)  # type: ignore[arg-type] # what a caller might do


def test_a_refresh_token_outlives_its_access_token() -> None:
    """Else there is nothing to renew with."""
    with pytest.raises(DemandError, match=r"^refresh_ttl_s is 60, expected at least access_ttl_s, 1800; give a longer"):
        replace(DEMAND, refresh_ttl_s=60)


@pytest.mark.parametrize(
    ("lifetime", "logins", "refreshes", "live"),
    [
        ("nothing", 0, 0, 0),
        ("token", 277.778, 0, 500e3),  # 500,000 active / 1,800 s
        ("sliding", 11.574, 0, 500e3),  # 500,000 / 43,200 s
        ("session", 11.574, 0, 500e3),
        ("refresh", 8.267, 277.778, 10e6),  # 10,000,000 / 1,209,600 s; 500,000 / 1,800 s
        ("bff", 11.574, 277.778, 500e3),
    ],
)
def test_rates_by_hand(lifetime: Lifetime, logins: float, refreshes: float, live: float) -> None:
    """10 million users, 5 % active, 6 requests a minute: 50,000 requests/s, a tenth of them writes."""
    found = rates(DEMAND, lifetime)
    assert (found.requests, found.reads, found.writes) == pytest.approx((50e3, 45e3, 5e3))
    assert (found.logins, found.refreshes, found.live_logins) == pytest.approx((logins, refreshes, live), abs=1e-3)


def test_a_bffs_login_ends_with_the_shorter_of_session_and_family() -> None:
    """With a family of an hour, 500,000 / 3,600 s = 138.9 logins/s."""
    assert rates(replace(DEMAND, refresh_ttl_s=3600), "bff").logins == pytest.approx(138.889, abs=1e-3)


def test_nobody_refreshes_more_often_than_he_asks() -> None:
    """An access TTL of 1 s would be 500,000 refreshes/s, but there are only 50,000 requests/s to need one."""
    assert rates(replace(DEMAND, access_ttl_s=1), "refresh").refreshes == pytest.approx(50e3)


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        ("refresh", 10e6),  # 8.267 logins/s x 1,209,600 s: one for each user
        ("bff", 14e6),  # 11.574 logins/s x 1,209,600 s: they outlive their sessions
        ("session", 0),
    ],
)
def test_families_by_littles_law(lifetime: Lifetime, expected: float) -> None:
    """Logins/s x life of a family."""
    assert families(DEMAND, rates(DEMAND, lifetime), lifetime) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("constants", "expected"),
    [
        (NONE, "nothing"),
        (TOKEN, "token"),
        (replace(TOKEN, scheme="jwt-sliding"), "sliding"),
        (replace(SESSION, scheme="jwt-denylist"), "token"),
        (SESSION, "session"),
        (MEMORY, "session"),
        (REFRESH, "refresh"),
        (BFF, "bff"),
    ],
    ids=lambda one: getattr(one, "scheme", one),
)
def test_what_a_login_is_good_for(constants: object, expected: Lifetime) -> None:
    """Known by name where traits are silent, else by them."""
    assert lifetime_of(constants) == expected  # type: ignore[arg-type] # a table of two types


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(LIFETIMES), st.floats(0, 1e9), st.floats(1, 1000))
def test_every_rate_is_proportional_to_users(lifetime: Lifetime, users: float, factor: float) -> None:
    """K times the users, k times every rate; no users, none."""
    demand = replace(DEMAND, users=users)
    few, many = rates(demand, lifetime), rates(replace(demand, users=users * factor), lifetime)
    for name in ("requests", "reads", "writes", "logins", "refreshes", "live_logins"):
        assert getattr(many, name) == pytest.approx(factor * getattr(few, name), rel=1e-9, abs=1e-12)
        assert getattr(rates(replace(demand, users=0), lifetime), name) == 0


def test_a_demand_is_a_value() -> None:
    """Equal numbers are an equal demand, and the active ones are a share of all."""
    assert replace(DEMAND, users=10e6) == DEMAND
    assert isinstance(DEMAND, Demand)
    assert DEMAND.active_users == pytest.approx(500e3)
