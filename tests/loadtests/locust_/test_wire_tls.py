"""The client over TLS: it talks to whom it trusts, under the name it asked for, and to nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtests.locust_ import wire
from loadtests.locust_.wire import Connection
from tests import tls
from tests.loadtests.locust_.test_wire import REQUEST, Server, says

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tls.Authority]:
    """One that this process trusts, by the variable every OpenSSL client knows."""
    authority = tls.found(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.trusted))
    wire._trust.cache_clear()
    yield authority
    wire._trust.cache_clear()


@pytest.fixture
def port(authority: tls.Authority) -> Iterator[int]:
    """TLS before a server with two answers on one connection."""
    server = Server(iter([says(ANSWER), says(ANSWER)]))
    with tls.terminated(authority, server.address[1]) as port:
        yield port
    server.stop()


def test_requests_go_over_one_encrypted_connection(port: int) -> None:
    """Answers are those of a plain one, bytes counted as HTTP has them, without TLS."""
    connection = Connection((tls.ADDRESS, port), 10, tls=True)
    answers = [connection.exchange(REQUEST) for _ in range(2)]
    connection.close()
    assert [(answer.status, answer.body, answer.bytes_down) for answer in answers] == [(200, b"hi", len(ANSWER))] * 2


def test_another_name_is_not_talked_to(port: int) -> None:
    """The certificate names an address; the same server under a host name is somebody else."""
    connection = Connection(("localhost", port), 10, tls=True)
    assert connection.exchange(REQUEST).failure == "protocol"


def test_an_unknown_authority_is_not_trusted(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the server says; there is no option that would change it."""
    monkeypatch.delenv("SSL_CERT_FILE")
    wire._trust.cache_clear()
    assert Connection((tls.ADDRESS, port), 10, tls=True).exchange(REQUEST).failure == "protocol"


def test_an_answer_of_several_records_is_read_whole(authority: tls.Authority) -> None:
    """What TLS has decrypted already is not left lying; what nobody asked for ends the connection."""
    body = bytes(25_000)
    large = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    server = Server(iter([says(large), says(large + large), says(ANSWER)]))
    with tls.terminated(authority, server.address[1]) as port:
        connection = Connection((tls.ADDRESS, port), 10, tls=True)
        assert [connection.exchange(REQUEST).body for _ in range(3)] == [body, body, b"hi"]
        connection.close()
    server.stop()
