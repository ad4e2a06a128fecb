"""Plans by hand, and what must hold of every plan whatever was measured."""

import math
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.queueing import Server, usable_ratio
from bench.analysis.capacity.scaling import Usl
from bench.analysis.capacity.sizing import Derived, Limit, Limits, SchemePlan, curve, plan
from tests.bench.analysis.capacity.made_up import ALL, BFF, DEMAND, MEMORY, NONE, REFRESH, SESSION, TOKEN

CPU_S = (45e3 * 400e-6 + 5e3 * 500e-6 + 11.5741 * 900e-6) / 50011.5741
"""Of a mean step of SESSION: 410.1 us."""
SPREAD = (45e3 * 400**2 + 5e3 * 500**2 + 11.5741 * 900**2) / 50011.5741 / (CPU_S * 1e6) ** 2
ASKED = usable_ratio(Server(CPU_S, 0.0005, spread=SPREAD), 0.050)
"""1 - ln 100 x 410.1 us x 1.0056 / (50 ms - 0.5 ms) = 0.9616."""
USABLE = 0.9 * ASKED / usable_ratio(Server(0.0005), 0.020)
"""1,800/s x 500 us on one core is 0.9 at 20 ms, where queueing has 0.8849: 0.978."""


def every(told: SchemePlan) -> Iterator[Derived]:
    """Each number of a plan."""
    for field in fields(told):
        value = getattr(told, field.name)
        yield from [value] if isinstance(value, Derived) else value.values() if isinstance(value, dict) else ()


def known(number: Derived) -> float:
    """Its value."""
    assert number.value is not None, number.reason
    return number.value


def test_how_busy_a_core_may_be() -> None:
    """What the bottleneck bore when measured, times what queueing says of the other SLO."""
    found = plan(SESSION, DEMAND).usable_ratio
    assert found.value == pytest.approx(USABLE, rel=1e-4)
    assert found.value == pytest.approx(0.978, abs=1e-3)
    assert found.sources == ("max cell", "read cell")


def test_replicas_and_cores_by_hand() -> None:
    """20.83 cores of work / 0.978 / 2 a replica = 10.7: 11 replicas of 22 cores; 2.0014 of Redis need 2.05."""
    told = plan(SESSION, DEMAND)
    assert (told.replicas.value, told.cores["replicas"].value) == (11, 22)
    assert told.cores["redis"].value == pytest.approx(2.0014 / USABLE, rel=1e-3)
    assert told.total_cores.value == pytest.approx(22 + (2.0014 + 3.0509 + 0.0006) / USABLE, rel=1e-3)
    assert told.notes == (
        "1 point measured, USL needs 4; linear scaling assumed up to the cores",
        "a replica runs 2 worker processes, one on each core",
    )


def test_rates_and_bandwidth_by_hand() -> None:
    """50,011.6 steps/s of 300 and 500 bytes."""
    told = plan(SESSION, DEMAND)
    assert (told.requests_per_s.value, told.writes_per_s.value) == pytest.approx((50e3, 5e3))
    assert told.up_bytes_per_s.value == pytest.approx(50011.574 * 300)
    assert told.down_bytes_per_s.value == pytest.approx(50011.574 * 500)
    assert told.latency_floor_ms.value == 0.5


def test_the_first_bottleneck_by_hand() -> None:
    """A user takes 2.0014 / 10 million cores of Redis, whose one may be 0.978 busy: 4.887 million users."""
    told = plan(SESSION, DEMAND)
    assert told.first_bottleneck is not None
    assert told.first_bottleneck.resource == "one Redis instance's core"
    assert told.first_bottleneck.users.value == pytest.approx(USABLE / 2.0014e-7, rel=1e-3)
    users = [known(crossing.users) for crossing in told.crossings]
    assert users == sorted(users)
    assert "Redis runs commands in one thread: an instance has one core" in told.first_bottleneck.users.sources


def test_a_token_ends_at_the_balancer() -> None:
    """Nothing but HAProxy and, for logins, PostgreSQL is shared."""
    told = plan(TOKEN, DEMAND)
    assert {crossing.resource for crossing in told.crossings} == {
        "HAProxy's cores",
        "HAProxy's link, up",
        "HAProxy's link, down",
        "the PostgreSQL primary's cores",
    }
    assert told.first_bottleneck is not None
    assert told.first_bottleneck.resource.startswith("HAProxy")


def test_sessions_in_memory_use_one_core_of_a_replica() -> None:
    """A second worker would split them; beyond one core they need sticky balancing, which is said."""
    one, many = plan(MEMORY, replace(DEMAND, replica_cores=1)), plan(MEMORY, replace(DEMAND, replica_cores=16))
    assert one.replicas == many.replicas
    assert many.cores["replicas"].value == many.replicas.value
    assert "however many it has" in many.notes[-1]
    assert many.first_bottleneck is not None
    assert many.first_bottleneck.resource == "one worker's core: from here on balancing must be sticky"


def test_a_bff_with_sessions_in_memory_is_the_worker_that_ends_first() -> None:
    """Its API is as stateless as any: 700 us of a read are the BFF's, and one core of it."""
    own = replace(BFF, scheme="bff-memory", stores=("memory", "postgres"), needs_affinity=True)
    told = plan(own, replace(DEMAND, write_ratio=0))
    assert told.cores["replicas"].value == 2 * known(told.replicas)
    assert told.first_bottleneck is not None
    # 50,000 reads/s x 700 us = 35 cores, each as busy as it may be: so many BFF workers
    workers = math.ceil(35 / known(told.usable_ratio))
    assert told.users_per_replica_failure.value == pytest.approx(500e3 / workers)
    # 35 cores / 10 million users
    assert told.first_bottleneck.users.value == pytest.approx(known(told.usable_ratio) / 3.5e-6)


@pytest.mark.parametrize(
    ("constants", "replica", "stores"),
    [
        (SESSION, 0, {"redis": 500e3}),
        (MEMORY, 500e3 / 24, {}),  # 15.83 cores, each 0.69 busy: 1,800/s x 360 us x 1.06
        (TOKEN, 0, {}),
        (REFRESH, 0, {"postgres": 0}),
        (BFF, 0, {"redis": 500e3, "postgres": 0}),
        (NONE, 0, {}),
    ],
    ids=lambda one: getattr(one, "scheme", ""),
)
def test_who_is_hit_when_something_fails(constants: SchemeConstants, replica: float, stores: dict[str, float]) -> None:
    """A replica takes the logins that lived in it; a store stops all whose reads ask it."""
    told = plan(constants, DEMAND)
    assert told.users_per_replica_failure.value == pytest.approx(replica)
    assert {store: users.value for store, users in told.users_per_store_failure.items()} == pytest.approx(stores)


def test_a_store_that_only_renews_stops_who_must_renew() -> None:
    """278 refreshes and 8.27 logins fail each second."""
    hit = plan(REFRESH, DEMAND).users_per_store_failure["postgres"]
    assert "8.27 logins/s and 278 refreshes/s fail while it is down" in hit.formula


@pytest.mark.parametrize(
    ("constants", "seconds"),
    [
        (SESSION, 0),
        (TOKEN, 1800),
        (REFRESH, 1800),
        (replace(TOKEN, scheme="jwt-sliding"), 43_200),  # a thief slides it as its owner would
        (NONE, None),
    ],
    ids=lambda one: getattr(one, "scheme", one),
)
def test_how_long_a_revoked_login_works(constants: SchemeConstants, seconds: float | None) -> None:
    """What the scheme claims, else the life of its credential as demanded."""
    assert {bound.value for bound in plan(constants, DEMAND).revoked_within_s.values()} == {seconds}


def test_refresh_writes() -> None:
    """500,000 active / 1,800 s rotate in PostgreSQL, also behind a BFF; a session never does."""
    assert plan(REFRESH, DEMAND).postgres_refreshes_per_s.value == pytest.approx(277.778, abs=1e-3)
    assert plan(BFF, DEMAND).postgres_refreshes_per_s.value == pytest.approx(277.778, abs=1e-3)
    assert plan(SESSION, DEMAND).postgres_refreshes_per_s.value == 0
    assert plan(REFRESH, DEMAND).postgres_rows.value == pytest.approx(10e6)


def test_a_missing_constant_leaves_a_reason() -> None:
    """Wherever it is needed, and nowhere else."""
    told = plan(replace(SESSION, steps={"read": SESSION.steps["read"]}), DEMAND)
    for number in (told.replicas, told.total_cores, told.usable_ratio, told.crossings[-1].users):
        assert number.value is None
        assert number.reason.startswith(
            "write, login not measured: run `authbench run --max-rate --journey write,relogin"
        )
    assert told.requests_per_s.value == pytest.approx(50e3)
    assert told.users_per_store_failure["redis"].value == 500e3
    assert told.crossings[0].users.value is not None
    nothing = plan(replace(MEMORY, steps={}), DEMAND)
    assert nothing.users_per_replica_failure.value is None
    assert plan(replace(SESSION, steps={}), DEMAND).users_per_store_failure["redis"].value is None
    assert plan(replace(SESSION, steps={}, session_bytes={}), DEMAND).first_bottleneck is None


def test_without_a_maximum_rate_theory_says_how_busy() -> None:
    """And a note says that it does."""
    told = plan(replace(SESSION, max_rate=None), DEMAND)
    assert told.usable_ratio.value == pytest.approx(ASKED, rel=1e-4)
    assert told.notes[-1].startswith("how busy a core may be is theory alone: no maximum rate measured, run")


def test_a_maximum_that_cannot_be_told_apart_is_no_measure_of_busy() -> None:
    """Where no step of the journey it was measured with is known, nobody knows how busy that was."""
    assert SESSION.max_rate is not None
    refreshing = replace(SESSION, max_rate=replace(SESSION.max_rate, journey_steps={"refresh": 1.0}))
    assert plan(refreshing, DEMAND).usable_ratio.reason.startswith("refresh not measured: run")


@pytest.mark.parametrize("constants", [SESSION, replace(SESSION, max_rate=None)], ids=["measured", "theory"])
def test_an_slo_that_cannot_be_met_is_said_to_be_so(constants: SchemeConstants) -> None:
    """410 us of service, spread by 1.0056, have a p99 of 1.9 ms, and the round trip comes on top."""
    told = plan(constants, replace(DEMAND, slo_p99_ms=1))
    assert told.replicas.value is None
    assert told.replicas.reason.startswith("p99 of 1 ms cannot be met: an idle server's is 2.4 ms; allow more")


def test_replicas_that_took_no_cpu_are_no_measurement() -> None:
    """Nothing can be divided by what was not seen."""
    idle = replace(TOKEN.steps["read"], cpu_us={"haproxy": TOKEN.steps["read"].cpu_us["haproxy"]})
    told = plan(replace(NONE, steps={"read": idle}), replace(DEMAND, write_ratio=0))
    assert told.usable_ratio.reason == "servers took no CPU in what was measured; measure longer"


def test_limits_are_the_users() -> None:
    """Half of Redis' memory is reached by half as many."""
    small = Limits(redis_bytes=Limit(1e9, "mine"))
    found = {crossing.resource: crossing for crossing in plan(SESSION, DEMAND, small).crossings}
    memory = found["one Redis instance's memory"]
    # 200 B x 5 % of users: 10 B a user
    assert (memory.users.value, memory.limit.source) == (pytest.approx(1e8), "mine")


def test_replicas_that_hinder_each_other_are_more() -> None:
    """X(N) >= 10.65 singles at sigma 0.02: N = 10.65 x 0.98 / (1 - 0.213) = 13.26; with much of it no N is enough."""
    assert plan(SESSION, DEMAND, scaling=Usl(100, 0.02, 0, 4)).replicas.value == 14
    hindered = plan(SESSION, DEMAND, scaling=Usl(100, 0.5, 0, 4))
    assert hindered.replicas.reason.startswith("no number of replicas is enough; USL fitted to 4 points")


def test_a_curve_is_a_plan_at_each_number_of_users() -> None:
    """Its crossings do not depend on the points."""
    found = curve(SESSION, DEMAND, [1e3, 10e6, 1e9])
    told = plan(SESSION, DEMAND)
    assert [point.users for point in found.points] == [1e3, 10e6, 1e9]
    middle = found.points[1]
    expected = (told.total_cores, told.replicas, told.redis_operations_per_s)
    assert (middle.cores, middle.replicas, middle.redis_operations_per_s) == expected
    assert (found.scheme, found.crossings) == ("redis-session", told.crossings)


@pytest.mark.parametrize("constants", ALL, ids=lambda constants: constants.scheme)
def test_nobody_costs_nothing(constants: SchemeConstants) -> None:
    """0 users need no core, no command, no byte; what was not measured is not needed either."""
    nobody = replace(DEMAND, users=0)
    for told in (plan(constants, nobody), plan(replace(constants, steps={}, session_bytes={}), nobody)):
        numbers = (
            *told.cores.values(), *told.busy_cores.values(), *told.login_bytes.values(), told.total_cores,
            told.replicas, told.requests_per_s, told.logins_per_s, told.refreshes_per_s, told.redis_operations_per_s,
            told.postgres_operations_per_s, told.up_bytes_per_s, told.down_bytes_per_s, told.users_per_replica_failure,
        )  # fmt: skip
        assert {number.value for number in numbers} == {0}


def test_one_user_needs_a_replica() -> None:
    """However little of it."""
    told = plan(MEMORY, replace(DEMAND, users=1e-5))
    assert (told.replicas.value, told.users_per_replica_failure.value) == (1, pytest.approx(5e-7))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ALL), st.floats(0, 1e9), st.floats(0, 1e9))
def test_more_users_never_need_less(constants: SchemeConstants, one: float, other: float) -> None:
    """Every core, replica, rate and byte is monotone in users."""
    few, many = (plan(constants, replace(DEMAND, users=users)) for users in sorted((one, other)))
    skipped = {*few.revoked_within_s.values(), few.users_per_replica_failure}
    for less, more in zip(every(few), every(many), strict=True):
        if less not in skipped and less.value is not None:
            assert less.value <= known(more) * (1 + 1e-9)


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ALL), st.floats(1, 1e7), st.floats(1, 100))
def test_the_same_k_times_has_k_times_the_rates(constants: SchemeConstants, users: float, factor: float) -> None:
    """Whole replicas apart, everything a second is proportional, and limits are met where they were."""
    one = plan(constants, replace(DEMAND, users=users))
    many = plan(constants, replace(DEMAND, users=users * factor))
    for name in ("requests_per_s", "logins_per_s", "refreshes_per_s", "redis_operations_per_s", "down_bytes_per_s"):
        assert known(getattr(many, name)) == pytest.approx(factor * known(getattr(one, name)))
    assert many.crossings == one.crossings


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ALL), st.integers(1, 64), st.floats(1, 1e9))
def test_doubling_cores_never_raises_the_bottlenecks_load(constants: SchemeConstants, cores: int, users: float) -> None:
    """Busy cores stay, a core of the replicas has no more to do, and no limit is met sooner."""
    demand = replace(DEMAND, users=users, replica_cores=cores)
    one, two = plan(constants, demand), plan(constants, replace(demand, replica_cores=2 * cores))
    assert two.busy_cores == one.busy_cores
    assert two.crossings == one.crossings
    assert known(two.replicas) <= known(one.replicas)
    for told in (one, two):
        assert known(told.busy_cores["replicas"]) <= known(told.cores["replicas"]) * known(told.usable_ratio) * (
            1 + 1e-9
        )


@pytest.mark.parametrize("constants", ALL, ids=lambda constants: constants.scheme)
def test_every_number_says_how_it_came_to_be(constants: SchemeConstants) -> None:
    """A formula always; a value, or why there is none."""
    for number in every(plan(constants, DEMAND)):
        assert number.formula
        assert (number.value is None) == bool(number.reason)
