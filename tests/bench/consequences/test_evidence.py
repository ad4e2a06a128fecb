"""What experiments found is read as they meant it, and only where it can be believed."""

import math

import pytest

from bench.analysis.advice_rules import Fact, Finding
from bench.analysis.model import Verdict
from bench.consequences.evidence import Sighted, evidence
from bench.consequences.model import Figure, Outcome
from services.catalogue import SCHEMES
from tests.bench.consequences.advised import lived, lost, outcome

ENDINGS = ("logout", "password change", "ban", "admin revoke")
OTHERS = ("password change on another replica", "ban on another replica", "admin revoke on another replica")


def read(scheme: str, *outcomes: Outcome) -> dict[Fact, Finding]:
    """What they say of the scheme."""
    sighted = {one.experiment: Sighted("c7", tuple(outcomes)) for one in outcomes}
    return dict(evidence(SCHEMES[scheme], sighted))


def test_the_worst_way_to_end_a_login_counts() -> None:
    """Under the lifetimes of the service, with the seconds that were seen, and where."""
    found = read(
        "jwt-hs256", *(lived("jwt-hs256", one, 4.0, 1.0) for one in ENDINGS[1:]), lived("jwt-hs256", "logout", 4.1, 2.0)
    )
    assert found == {
        "stolen_s": Finding(
            7200.0, "4.1 s under lifetimes cut short, 2 h under the service's own", "c7, revocation-window: logout"
        )
    }


def test_a_copy_that_nobody_took_lived_for_nothing() -> None:
    """Refused at once; on another server it is another matter."""
    here = [lived("memory-session", one, 0.0) for one in ENDINGS]
    there = [lived("memory-session", one, 5.9, 12.0) for one in OTHERS]
    found = read("memory-session", *here, *there)
    assert (found["stolen_s"].value, found["stolen_s"].words) == (0.0, "refused at once")
    assert found["stolen_on_other_servers_s"].value == 12 * 3600


def test_without_theory_a_copy_lives_until_it_expires() -> None:
    """A plugin's lifetime is not known."""
    found = read("jwt-hs256", *(lived("jwt-hs256", one, 4.0) for one in ENDINGS))
    assert found["stolen_s"].value == math.inf
    assert "until it expires" in found["stolen_s"].words


def test_half_of_the_ways_say_nothing() -> None:
    """Where one way was not measured, or not believed, the claim stands."""
    measured = [lived("redis-session", one, 0.0) for one in ENDINGS]
    assert read("redis-session", *measured[:-1]) == {}
    doubted = outcome("revocation-window", "redis-session", "admin revoke", verdict=Verdict("INVALID", ("x",)))
    assert read("redis-session", *measured[:-1], doubted) == {}


def limited(scheme: str, policy: str, above: int) -> Outcome:
    """So many of 50 logins lived above the limit."""
    figures = (Figure("logins alive", 3 + above, "", of=50), Figure("logins alive above the limit", above, ""))
    return outcome("session-limit", scheme, f"{policy}, 50 logins", *figures)


def test_a_limit_is_held_by_the_better_policy() -> None:
    """An evicted refresh token leaves its access token behind; a refused one does not."""
    found = read("refresh-token", limited("refresh-token", "evict-oldest", 47), limited("refresh-token", "refuse", 0))
    assert found["logins_above_limit"].value == 0
    assert found["logins_above_limit"].source == "c7, session-limit: refuse, 50 logins"


def test_a_limit_on_each_of_two_servers_says_nothing_of_one() -> None:
    """Sessions in memory were counted apart; where there is no limit at all, that counts on one server too."""
    assert set(read("memory-session", limited("memory-session", "refuse", 3))) == {"logins_above_limit_over_servers"}
    found = read("jwt-hs256", limited("jwt-hs256", "refuse", 47))
    assert found["logins_above_limit"].words == "50 of 50 logins live where 3 may"


@pytest.mark.parametrize(
    ("experiment", "fact"),
    [
        ("add-a-server", "users_lost_to_growth"),
        ("kill-a-replica", "users_lost_to_a_kill"),
        ("redeploy", "users_lost_to_a_redeploy"),
    ],
)
def test_users_are_counted_under_the_balancing_that_suits(experiment: str, fact: Fact) -> None:
    """Sticky for sessions in memory; what others do to them is not held against them."""
    found = read(
        "memory-session",
        lost(experiment, "memory-session", 31),
        lost(experiment, "memory-session", 20, balancing="sticky"),
        lost(experiment, "memory-session", 10, balancing="sticky"),
    )
    assert found == {fact: Finding(0.5, "20 of 40 users", f"c7, {experiment}: 2 replicas")}
    assert read("memory-session", lost(experiment, "memory-session", 31)) == {}
    assert read("redis-session", lost(experiment, "redis-session", 0))[fact].value == 0


def down(scheme: str, failed: int, setting: str = "Redis hung") -> Outcome:
    """So many of 90 requests failed."""
    return outcome("store-down", scheme, setting, Figure("requests that failed", failed, "requests", of=90))


def test_an_outage_stops_whoever_asks() -> None:
    """The worst of all faults is told."""
    found = read("redis-session", down("redis-session", 16), down("redis-session", 30, "Redis killed"))["goes_on_s"]
    assert (found.value, found.words, found.source) == (
        0.0,
        "30 of 90 requests failed",
        "c7, store-down: Redis killed",
    )


def test_an_outage_stops_renewals_only_when_they_are_due() -> None:
    """Reads of an access token go on as long as it lives; a scheme that nothing hit goes on for ever."""
    found = read("refresh-token", down("refresh-token", 6))["goes_on_s"]
    assert found.value == 1800
    assert found.words == "6 of 90 requests failed, of a mix half renewals; reads go on for 30 min"
    assert read("jwt-hs256", down("jwt-hs256", 0))["goes_on_s"].value == math.inf


def test_a_row_of_services_counts_by_its_cheapest_way() -> None:
    """1,500 us of which 500 are added: 1.5 times; introspection is dearer, and comparisons are none."""

    def row(setting: str, at: float, cost_us: float, added_us: float) -> Outcome:
        figures = (Figure("CPU per request", cost_us, "µs"), Figure("CPU added to the request", added_us, "µs"))
        return outcome("fan-out", "redis-session", setting, *figures, at=at)

    found = read(
        "redis-session", row("store", 2, 1500, 500), row("API", 2, 4000, 3000), row("store", 4, 3000, 1000),
        outcome("fan-out", "redis-session", "against another"),
    )  # fmt: skip
    assert {fact: one.value for fact, one in found.items()} == {
        "cpu_over_2_services_ratio": 1.5,
        "cpu_over_4_services_ratio": 1.5,
    }
    assert found["cpu_over_2_services_ratio"].words == "1.50x what 2 services cost that check nothing"


def test_memory_is_that_of_the_fullest_store() -> None:
    """Where sizes were counted; a full memory has none."""
    full = outcome("session-memory", "redis-session", "maxmemory")
    sizes = [
        outcome("session-memory", "redis-session", f"{at}", Figure("store memory a session", each, "B"), at=at)
        for at, each in ((10_000, 351.0), (100_000, 344.0))
    ]
    assert read("redis-session", full, *sizes)["session_bytes"].words == "344 B"
    assert read("redis-session", full) == {}


def test_controls_doubts_and_others_say_nothing() -> None:
    """Only believed outcomes with the fault, of the scheme itself."""
    figure = Figure("requests that failed", 9, "requests")
    assert read("redis-session", outcome("store-down", "redis-session", "x", figure, is_control=True)) == {}
    assert read("redis-session", down("jwt-denylist", 9)) == {}
    assert read("redis-session", outcome("store-down", "redis-session", "x", figure))["goes_on_s"].value == 0
