"""The proof's client: real bytes over a real socket, and no exception whatever a server does."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from socket import create_server

import pytest

from bench.measure.client import exchange, follow, read_once
from bench.measure.laboratory import ArmBench
from bench.stack.listening import LOOPBACK, free_port
from loadtests.assignment import Target
from loadtests.plan import ArmPlan
from loadtests.visitor import Flow, Visitor, log_in

ARM = ArmPlan("none", "none", "bearer", 1, "roundrobin", "steady", 1)
VISITOR = Visitor(0, ARM, "here", "user", "secret")


@contextmanager
def _server(answer: bytes) -> Iterator[Target]:
    """Says `answer` to one connection and hangs up."""
    with create_server((LOOPBACK, 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield Target(LOOPBACK, listener.getsockname()[1])
        thread.join()


def test_an_answer_is_taken_whole() -> None:
    """Status, body and every value of a repeated header, under names in lower case."""
    answer = b"HTTP/1.1 201 Created\r\nX-Two: a\r\nx-two: b\r\nContent-Length: 2\r\n\r\nhi"
    with _server(answer) as address:
        response = exchange(address, b"GET / HTTP/1.1\r\n\r\n")
    assert (response.status, response.body, response.headers["x-two"]) == (201, b"hi", ("a", "b"))
    assert response.bytes_down == len(answer)


@pytest.mark.parametrize("answer", [b"", b"no http at all\r\n\r\n"])
def test_no_answer_is_status_0_with_the_failure(answer: bytes) -> None:
    """A server that hangs up or talks nonsense is a finding, not an exception."""
    with _server(answer) as address:
        response = read_once(address, VISITOR)
    assert response.status == 0
    assert response.failure


def test_nobody_there_is_status_0_with_the_failure() -> None:
    """A refused connection too."""
    response = follow(Target(LOOPBACK, free_port()), log_in(VISITOR))
    assert (response.status, "refused" in response.failure) == (0, True)


def test_a_flow_without_calls_says_so() -> None:
    """There is no last answer to give."""

    def nothing() -> Flow:
        yield from ()

    assert follow(Target(LOOPBACK, 1), nothing()).failure == "empty flow"


@pytest.mark.stack
def test_a_flow_is_carried_to_its_end(benches: Mapping[str, ArmBench]) -> None:
    """A login adopts what it is granted; before it a read is refused with the problem's reason, after it answered."""
    bench = benches["redis"]
    visitor = bench.visitor(0)
    refused = read_once(bench.address, visitor)
    assert (refused.status, refused.reason) == (401, "missing")
    assert follow(bench.address, log_in(visitor)).status == 200
    assert read_once(bench.address, visitor).status == 200
