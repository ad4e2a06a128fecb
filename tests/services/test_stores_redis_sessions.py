"""Sessions in Redis: hashed, collected by TTL, and never more than one round trip."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.stack.valkey import Valkey
from services.clock import Clock
from services.contract import LimitReachedError, StoreDownError
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.redis_sessions import RedisSessions


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A Redis client."""
    client = RedisClient(settings)
    client.command("FLUSHALL")
    yield client
    client.close()


@pytest.fixture
def store(settings: Settings, clock: Clock, client: RedisClient) -> RedisSessions:
    """A prepared store."""
    store = RedisSessions(settings, clock, client)
    store.prepare()
    return store


def test_a_dump_holds_no_usable_credential(store: RedisSessions, client: RedisClient) -> None:
    """Neither a key, a value nor the index holds it."""
    credential = store.create("id-1", "user").credential
    (key,) = client.command("KEYS", "session:*")
    dump = (key, client.command("GET", key), client.command("ZRANGE", "sessions-of:id-1", 0, -1))
    assert credential not in repr(dump)


def test_everything_has_a_ttl(store: RedisSessions, client: RedisClient, settings: Settings) -> None:
    """Redis collects what nobody ends, index included."""
    store.create("id-1", "user")
    (key,) = client.command("KEYS", "session:*")
    assert 0 < client.command("TTL", key) <= settings.session_idle_s
    assert 0 < client.command("TTL", "sessions-of:id-1") <= settings.session_absolute_s


def test_the_index_is_pruned_of_sessions_that_are_gone(store: RedisSessions, client: RedisClient) -> None:
    """An id whose session Redis collected leaves the index at the next login."""
    store.create("id-1", "user")
    (key,) = client.command("KEYS", "session:*")
    client.command("DEL", key)
    store.create("id-1", "user")
    assert client.command("ZCARD", "sessions-of:id-1") == 1


def test_preparing_leaves_nothing_to_load(store: RedisSessions, valkey: Valkey) -> None:
    """The first login of a replica costs what every other costs."""
    valkey.reset_counts()
    store.create("id-1", "user")
    assert valkey.command_counts()["evalsha"] == 1
    assert "script|load" not in valkey.command_counts()


def test_a_read_says_when_the_store_is_down(settings: Settings, clock: Clock) -> None:
    """ASVS 16.5: 503, never an answer about the credential."""
    away = replace(settings, redis_url="redis://127.0.0.1:1/0")
    store = RedisSessions(away, clock, RedisClient(away))
    with pytest.raises(StoreDownError):
        store.read("credential")


def test_a_full_redis_refuses_a_login_whole_and_keeps_the_others(store: RedisSessions, client: RedisClient) -> None:
    """Under noeviction `maxmemory` holds: 503 for who comes, nothing of him is left, and who is there stays."""
    credential = store.create("id-1", "user").credential
    client.command("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreDownError):
            store.create("id-2", "user")
        assert store.read(credential).user_id == "id-1"
        assert len(client.command("KEYS", "*")) == 2
    finally:
        client.command("CONFIG", "SET", "maxmemory", 0)


def test_a_refused_login_leaves_nothing(settings: Settings, clock: Clock, client: RedisClient) -> None:
    """The limit of sessions is decided after the record was written, which then has to go."""
    store = RedisSessions(replace(settings, max_sessions=1, session_limit="refuse"), clock, client)
    store.create("id-1", "user")
    with pytest.raises(LimitReachedError):
        store.create("id-1", "user")
    assert len(client.command("KEYS", "*")) == 2


def test_two_replicas_share_sessions(store: RedisSessions, settings: Settings, clock: Clock) -> None:
    """What one begins the other reads and ends."""
    grant = store.create("id-1", "user")
    client = RedisClient(replace(settings, replica="other"))
    other = RedisSessions(settings, clock, client)
    assert other.read(grant.credential).sid == grant.sid
    assert other.end_all("id-1", None) == 1
    client.close()
