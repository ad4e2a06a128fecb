"""Tokens in Redis: hashed and sealed, under locks that nobody is left waiting for."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.stack.valkey import Valkey
from services.clock import Clock
from services.contract import StoreDownError
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.redis_vault import RedisVault
from services.stores.vaults import Tokens

OWNER = "vault-owner"
TOKENS = Tokens("access-1", "refresh-1", 1_800_000_100.5)


@pytest.fixture
def limits(settings: Settings) -> Settings:
    """A flight lasts a second at most."""
    return replace(settings, upstream_timeout_s=0.25, store_timeout_s=0.25)


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A Redis client."""
    client = RedisClient(settings)
    client.command("FLUSHALL")
    yield client
    client.close()


@pytest.fixture
def redis_vault(limits: Settings, clock: Clock, client: RedisClient) -> RedisVault:
    """A vault in Redis."""
    return RedisVault(limits, clock, client)


def test_whose_lock_is_over_does_not_release_his_successor_s(redis_vault: RedisVault, client: RedisClient) -> None:
    """The lock is released by whoever holds it."""
    with redis_vault.renewing("credential"):
        (key,) = client.command("KEYS", "renewing:*")
        client.command("SET", key, "successor", "PX", 60_000)
    assert client.command("GET", key) == b"successor"
    client.command("DEL", key)


def test_a_lock_ends_by_itself(redis_vault: RedisVault, client: RedisClient) -> None:
    """After the longest a renewal can take."""
    with redis_vault.renewing("credential"):
        (key,) = client.command("KEYS", "renewing:*")
        assert 0 < client.command("PTTL", key) <= 1000


def test_two_replicas_share_sessions_and_flights(
    redis_vault: RedisVault, settings: Settings, clock: Clock, valkey: Valkey
) -> None:
    """What one keeps the other reads, and waits for; a prepared replica has nothing to load."""
    client = RedisClient(settings)
    other = RedisVault(settings, clock, client)
    other.prepare()
    valkey.reset_counts()
    grant = other.create(OWNER, "sid", TOKENS)
    assert redis_vault.read(grant.credential).tokens == TOKENS
    with other.renewing(grant.credential), redis_vault.renewing(grant.credential) as is_mine:
        assert not is_mine
    assert "script|load" not in valkey.command_counts()
    client.close()


def test_a_dump_holds_no_usable_credential(redis_vault: RedisVault, client: RedisClient) -> None:
    """SECURITY row 15: neither the cookie's value nor a token, in any key or value."""
    credential = redis_vault.create(OWNER, "sid", TOKENS).credential
    (key,) = client.command("KEYS", "vault:*")
    dump = repr((key, client.command("GET", key), client.command("ZRANGE", f"vaults-of:{OWNER}", 0, -1)))
    assert not any(secret in dump for secret in (credential, TOKENS.access, TOKENS.refresh))


def test_a_store_that_is_away_says_so(settings: Settings, clock: Clock) -> None:
    """ASVS 16.5: never an answer about the credential."""
    away = replace(settings, redis_url="redis://127.0.0.1:1/0")
    vault = RedisVault(away, clock, RedisClient(away))
    for ask in (vault.prepare, lambda: vault.read("credential"), lambda: vault.create(OWNER, "sid", TOKENS)):
        with pytest.raises(StoreDownError):
            ask()


def test_a_lock_that_cannot_be_released_takes_nothing_back(limits: Settings, clock: Clock, valkey: Valkey) -> None:
    """What was renewed stays renewed; the lock ends by itself."""
    client = RedisClient(replace(limits, store_timeout_s=0.1))
    renewed = False
    with RedisVault(limits, clock, client).renewing("credential"):
        with valkey.client() as admin:
            admin.client_pause(400)
        renewed = True
    with pytest.raises(StoreDownError):
        client.command("PING")
    assert renewed
    client.close()
