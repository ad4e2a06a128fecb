"""The Redis client: bounded, never retrying, and silent but for what it is told to send."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.contract import StoreDownError
from services.redis_client import RedisClient, Script
from services.settings import Settings, SettingsError


@pytest.fixture(scope="module")
def own(supervisor: Supervisor) -> Valkey:
    """A server that may be hurt."""
    return start_valkey(supervisor, "valkey-to-hurt")


@pytest.fixture
def client(settings: Settings, own: Valkey) -> Iterator[RedisClient]:
    """A client of it."""
    hurt = replace(settings, redis_url=own.url, redis_password_file=own.password_file, store_timeout_s=0.3)
    client = RedisClient(hurt)
    yield client
    client.close()


def test_the_server_counts_what_was_sent_and_nothing_else(client: RedisClient, own: Valkey) -> None:
    """No HELLO, no CLIENT SETINFO, not even on a new connection."""
    own.reset_counts()
    client.command("GET", "nothing")
    assert own.command_counts() == {"get": 1}


def test_a_script_is_loaded_again_when_the_server_lost_it(client: RedisClient, own: Valkey) -> None:
    """A restarted server costs one more round trip, once."""
    script = Script(client, "return ARGV[1] .. KEYS[1]")
    client.command("SCRIPT", "FLUSH")
    assert script.run(("b",), "a") == b"ab"
    own.reset_counts()
    assert script.run(("b",), "a") == b"ab"
    assert own.command_counts() == {"evalsha": 1}


def test_a_hung_server_is_a_down_one(client: RedisClient, own: Valkey) -> None:
    """SIGSTOP costs one bounded wait; afterwards the client serves on and answers are not mixed up."""
    client.command("SET", "key", "value")
    os.kill(own.process.popen.pid, signal.SIGSTOP)
    try:
        with pytest.raises(StoreDownError) as down:
            client.command("GET", "other")
    finally:
        os.kill(own.process.popen.pid, signal.SIGCONT)
    assert down.value.store == "redis"
    assert client.command("GET", "key") == b"value"


def test_it_recovers_with_the_server(client: RedisClient, own: Valkey) -> None:
    """Refused while it is away; the first command after a restart is answered."""
    client.command("PING")
    own.process.kill()
    with pytest.raises(StoreDownError):
        client.command("PING")
    own.restart()
    assert client.command("PING")


def test_a_server_that_cannot_take_a_write_is_down(client: RedisClient) -> None:
    """A reached maxmemory is no answer about a credential."""
    client.command("CONFIG", "SET", "maxmemory", 1)
    try:
        with pytest.raises(StoreDownError):
            client.command("SET", "key", "value")
    finally:
        client.command("CONFIG", "SET", "maxmemory", 0)


def test_a_bad_url_is_a_setting_to_correct(settings: Settings) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError, match="AUTHBENCH_REDIS_URL"):
        RedisClient(replace(settings, redis_url="http://127.0.0.1"))


def test_a_password_is_optional(settings: Settings) -> None:
    """Without a file none is sent, and a server that wants one refuses."""
    client = RedisClient(replace(settings, redis_password_file=None))
    with pytest.raises(StoreDownError):
        client.command("GET", "key")
