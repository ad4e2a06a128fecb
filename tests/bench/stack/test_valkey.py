"""A Valkey of our own: private, counted, restartable, and never in somebody else's way."""

import socket
import stat
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import AuthenticationError

from bench.stack import valkey as module
from bench.stack.errors import ProcessDiedError
from bench.stack.listening import LOOPBACK, free_port, listen, port_of
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.redis_client import RedisClient
from services.settings import Settings


@pytest.fixture
def own(supervisor: Supervisor) -> Valkey:
    """A server no other test uses."""
    return start_valkey(supervisor, "own-valkey")


def test_nobody_enters_without_the_password(valkey: Valkey) -> None:
    """The url carries no password and opens nothing by itself."""
    with Redis.from_url(valkey.url, driver_info=None) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    assert valkey.password_file.read_text() not in valkey.url


def test_it_listens_on_the_loopback_only(valkey: Valkey) -> None:
    """No other address of the machine is bound."""
    with valkey.client() as client:
        assert client.config_get("bind") == {"bind": LOOPBACK}


def test_commands_are_counted_and_ours_are_not(own: Valkey) -> None:
    """Exactly the commands of clients are counted, from zero after a reset."""
    own.reset_counts()
    with own.client() as client:
        client.set("a", "1")
        client.getex("a", ex=9)
        client.getex("a", ex=9)
    assert own.command_counts() == {"set": 1, "getex": 2}
    own.reset_counts()
    assert own.command_counts() == {}


def test_a_restart_forgets_and_keeps_its_port(own: Valkey) -> None:
    """Nothing is on disk: what was there is gone, the address is the same."""
    url, pid = own.url, own.process.pid
    with own.client() as client:
        client.set("a", "1")
    own.kill()
    assert not own.answers()
    own.restart()
    with own.client() as client:
        assert client.get("a") is None
    assert (own.url, own.process.pid != pid) == (url, True)


def test_a_persistent_one_remembers_what_was_acknowledged(supervisor: Supervisor) -> None:
    """Killed in the middle of its work, it comes back with every write it had answered."""
    kept = start_valkey(supervisor, "kept-valkey", persistent=True)
    with kept.client() as client:
        for number in range(1000):
            client.set(f"key-{number}", number)
    kept.kill()
    kept.restart()
    with kept.client() as client:
        assert [client.get(f"key-{number}") for number in range(1000)] == [str(number) for number in range(1000)]
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}


def test_a_frozen_one_is_silent_and_goes_on(own: Valkey) -> None:
    """It accepts, answers nobody, and knows everything when it is thawed; ending it needs no thaw."""
    with own.client() as client:
        client.set("a", "1")
    own.freeze()
    assert not own.answers()
    own.thaw()
    with own.client() as client:
        assert client.get("a") == "1"
    own.freeze()
    own.process.stop()
    assert not own.process.alive


def test_a_lost_race_for_a_port_is_run_again(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody binds the guessed port first, another one is taken."""
    with listen() as taken:
        guesses = iter([port_of(taken)])
        real = free_port
        monkeypatch.setattr(module, "free_port", lambda: next(guesses, None) or real())
        server = start_valkey(supervisor, "unlucky-valkey")
        assert server.port != port_of(taken)
        assert server.answers()


def test_other_failures_are_told_at_once(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that will not start for another reason is not tried again; the line quotes it."""
    monkeypatch.setattr(module, "_CONFIG", "port {port}\ndir {folder}\nnonsense {password}\n")
    with pytest.raises(ProcessDiedError, match="wrong-valkey ended with exit code 1"):
        start_valkey(supervisor, "wrong-valkey")


def test_it_gives_up_where_every_port_is_taken(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few lost races the error is told."""
    monkeypatch.setattr("bench.stack.listening.ATTEMPTS", 2)
    with listen() as taken:
        monkeypatch.setattr(module, "free_port", lambda: port_of(taken))
        with pytest.raises(ProcessDiedError):
            start_valkey(supervisor, "hopeless-valkey")


def test_a_dead_server_refuses(supervisor: Supervisor) -> None:
    """After a kill the port refuses connections at once."""
    server = start_valkey(supervisor, "dead-valkey")
    server.process.kill()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, server.port), timeout=5)


def test_it_listens_on_a_unix_socket_where_that_is_asked_for(supervisor: Supervisor) -> None:
    """The services' own client finds the same data over either, and needs the password for both."""
    server = start_valkey(supervisor, "local-valkey", on_socket=True)
    for url in (server.url, server.socket_url):
        client = RedisClient(Settings(redis_url=url, redis_password_file=server.password_file))
        client.command("INCR", "visits")
        client.close()
    with Redis.from_url(server.socket_url, driver_info=None) as stranger, pytest.raises(AuthenticationError):
        stranger.ping()
    with server.client() as observer:
        assert observer.get("visits") == "2"
    assert stat.S_IMODE(Path(server.socket_url.removeprefix("unix://")).stat().st_mode) == 0o700
