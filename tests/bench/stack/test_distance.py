"""The way to a distant store: nothing is lost, changed or overtaken on it, and nothing arrives too early."""

import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from redis import Redis

from bench.stack.distance import Distance
from bench.stack.listening import LOOPBACK, free_port, listen, port_of
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey

ROUND_TRIP_S = 0.1
PATIENT_S = 30.0


@pytest.fixture(scope="module")
def store() -> Iterator[socket.socket]:
    """Listens as a store does; a test accepts what it is asked."""
    with listen() as listener:
        listener.settimeout(PATIENT_S)
        yield listener


@pytest.fixture(scope="module")
def nobody() -> int:
    """A port where nobody listens."""
    return free_port()


@pytest.fixture(scope="module")
def distance(supervisor: Supervisor, store: socket.socket, nobody: int, valkey: Valkey) -> Distance:
    """The way to three stores, one of which is not there."""
    return Distance(supervisor, "an-arm", [port_of(store), nobody, valkey.port])


@pytest.fixture
def pair(distance: Distance, store: socket.socket) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A client's end and the store's end of one connection, no distance between them."""
    distance.set_round_trip(0.0)
    with _connected(distance, port_of(store)) as client:
        server = store.accept()[0]
        with server:
            server.settimeout(PATIENT_S)
            yield client, server


def _connected(distance: Distance, port: int) -> socket.socket:
    near = urlsplit(distance.through(f"tcp://{LOOPBACK}:{port}"))
    return socket.create_connection((near.hostname, near.port), PATIENT_S)


def _received(end: socket.socket, size: int) -> bytes:
    with end.makefile("rb") as stream:
        return stream.read(size)


Pair = tuple[socket.socket, socket.socket]


@pytest.mark.parametrize("round_trip_s", [0.0, ROUND_TRIP_S])
def test_what_goes_in_comes_out(distance: Distance, pair: Pair, round_trip_s: float) -> None:
    """Megabytes arrive whole and in order, in both directions; they share the way, so they are late but once."""
    distance.set_round_trip(round_trip_s)
    client, server = pair
    question, answer = (bytes([step, 255 - step]) * 1_000_000 for step in (1, 2))
    client.sendall(question)
    assert _received(server, len(question)) == question
    server.sendall(answer)
    assert _received(client, len(answer)) == answer


def test_nothing_arrives_before_its_time(distance: Distance, pair: Pair) -> None:
    """Half of the round trip passes on the way there and half on the way back."""
    distance.set_round_trip(ROUND_TRIP_S)
    client, server = pair
    asked_s = time.monotonic()
    client.sendall(b"question")
    assert _received(server, 8) == b"question"
    there_s = time.monotonic()
    server.sendall(b"answer")
    assert _received(client, 6) == b"answer"
    assert there_s - asked_s >= ROUND_TRIP_S / 2
    assert time.monotonic() - asked_s >= ROUND_TRIP_S


def test_nothing_is_overtaken_when_the_store_moves_closer(distance: Distance, pair: Pair) -> None:
    """What set off when it was far arrives before what set off when it was near."""
    client, server = pair
    for turn in range(5):
        distance.set_round_trip(ROUND_TRIP_S)
        client.sendall(b"far%d" % turn)
        time.sleep(ROUND_TRIP_S / 10)
        distance.set_round_trip(0.0)
        client.sendall(b"near")
        assert _received(server, 8) == b"far%dnear" % turn


@pytest.mark.parametrize("round_trip_s", [0.0, ROUND_TRIP_S])
def test_an_end_is_passed_on_after_the_last_words(distance: Distance, pair: Pair, round_trip_s: float) -> None:
    """A store that says why it hangs up is heard, and then the line is dead."""
    distance.set_round_trip(round_trip_s)
    client, server = pair
    server.sendall(b"FATAL: shutting down")
    server.close()
    assert _received(client, 100) == b"FATAL: shutting down"


def test_a_client_that_leaves_frees_the_store(pair: Pair) -> None:
    """A store does not keep a connection that nobody holds."""
    client, server = pair
    client.close()
    assert server.recv(1) == b""


def test_a_store_that_is_down_ends_the_connection(distance: Distance, nobody: int) -> None:
    """A client that comes while the store is away is sent away, not kept waiting."""
    with _connected(distance, nobody) as client:
        assert client.recv(1) == b""


def test_a_url_is_changed_in_its_port_alone(distance: Distance, valkey: Valkey) -> None:
    """A real server is reached by it, asks for its password and sees it is the same server."""
    distance.set_round_trip(0.0)
    url = distance.through(valkey.url)
    assert urlsplit(url)._replace(netloc="") == urlsplit(valkey.url)._replace(netloc="")
    with Redis.from_url(url, password=valkey.password_file.read_text(), protocol=2, driver_info=None) as client:
        assert client.info("server")["process_id"] == valkey.process.pid
