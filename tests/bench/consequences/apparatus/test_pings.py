"""Pings of a distant store: each takes the whole way there and back, and whoever cannot be reached is told of."""

from collections.abc import Iterator, Mapping

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from bench.consequences.apparatus.pings import Pinger
from bench.consequences.lab import Lab
from bench.stack.arm import RunningArm

FAR_S = 0.05
pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def arms(lab: Lab) -> Iterator[Mapping[str, RunningArm]]:
    """One with sessions in Redis and one with sessions in PostgreSQL."""
    plans = [lab.arm(scheme, visitors=1) for scheme in ("redis-session", "postgres-session")]
    with lab.stage(plans, distant=True) as stage:
        yield stage.arms


def test_a_ping_goes_there_and_back(arms: Mapping[str, RunningArm]) -> None:
    """Every store is pinged, however short the time; none answers before the round trip is over."""
    for arm in arms.values():
        arm.set_distance(FAR_S)
    with Pinger(arms) as pinger, pinger.pinging() as taken_ms:
        pass
    assert taken_ms.keys() == arms.keys()
    assert all(taken_ms.values())
    assert min(min(each) for each in taken_ms.values()) >= FAR_S * 1000


def test_pings_are_not_counted_as_statements_of_a_service(arms: Mapping[str, RunningArm]) -> None:
    """An empty query is none, so what theory says of statements stays true."""
    postgres = {name: arm for name, arm in arms.items() if arm.valkey is None}
    assert postgres
    for arm in postgres.values():
        arm.set_distance(0)
        arm.reset_counts()
    with Pinger(postgres) as pinger, pinger.pinging():
        pass
    assert [arm.store_commands()["postgres"] for arm in postgres.values()] == [{}] * len(postgres)


def test_nobody_to_ping_is_no_work() -> None:
    """Where no arm asks a store, nothing is pinged and nothing waited for."""
    with Pinger({}) as pinger, pinger.pinging() as taken_ms:
        pass
    assert taken_ms == {}


def test_a_store_that_dies_is_told_of(arms: Mapping[str, RunningArm]) -> None:
    """A distance that could not be measured must not look like one that was."""
    redis = {name: arm for name, arm in arms.items() if arm.valkey}
    with Pinger(redis) as pinger:
        for arm in redis.values():
            assert arm.valkey
            arm.valkey.kill()
        with pytest.raises(RedisConnectionError), pinger.pinging():
            pass
    with pytest.raises(RedisConnectionError), Pinger(arms):
        pass
    for arm in redis.values():
        assert arm.valkey
        arm.valkey.restart()
