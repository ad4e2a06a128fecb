"""Our client and h11, told the same bytes, return the same status, headers, body or failure; differences are named."""

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import gevent
import pytest
from gevent import socket
from gevent.event import Event
from gevent.server import StreamServer
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.exchange import Response
from loadtests.locust_.wire import Connection
from tests.loadtests.locust_ import traffic
from tests.loadtests.locust_.judge import Judge, without_coding
from tests.loadtests.locust_.traffic import GET, HEAD, PLAIN, Turn, head

PATIENT_S = 10.0


class Server:
    """Plays one turn for every request it hears, on as many connections as the client makes of it."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()
        self._over = Event()
        self.accepted = 0
        self._listener = StreamServer(("127.0.0.1", 0), self._serve)
        self._listener.start()
        self.address: tuple[str, int] = self._listener.address

    def prepare(self, turns: Sequence[Turn]) -> None:
        """Forget what was and play these next."""
        self._turns = deque(turns)
        self.accepted = 0

    def wait_until_over(self) -> None:
        """Block until the turn has been played and the client has had the time to hear all of it."""
        assert self._over.wait(PATIENT_S), "the server heard no request"
        self._over.clear()
        gevent.idle()

    def stop(self) -> None:
        """Listen no more."""
        self._listener.stop(timeout=0)

    def _serve(self, connection: socket.socket, _peer: object) -> None:
        self.accepted += 1
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(ConnectionError):
            while connection.recv(65_536) and self._play(connection, self._turns.popleft()):
                pass

    def _play(self, connection: socket.socket, turn: Turn) -> bool:
        """Whether the connection stays."""
        try:
            for piece in turn.pieces:
                connection.sendall(piece)
                gevent.idle()  # the client hears each piece on its own
            if turn.ending == "resets":
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if turn.ending != "stays":
                connection.close()
        finally:
            self._over.set()
        return turn.ending == "stays"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """One for all."""
    server = Server()
    yield server
    server.stop()


def _ask(server: Server, turns: Sequence[Turn]) -> Iterator[tuple[Turn, Response, int]]:
    """Play the turns to our client: each with its response and how many connections it took so far."""
    server.prepare(turns)
    connection = Connection(server.address, PATIENT_S)
    try:
        for turn in turns:
            response = connection.exchange(turn.request)
            server.wait_until_over()
            yield turn, replace(response, headers=without_coding(response.headers)), server.accepted
    finally:
        connection.close()


@settings(max_examples=300, deadline=None)
@given(st.lists(traffic.turns, min_size=1, max_size=3))
def test_the_client_agrees_with_h11(server: Server, turns: list[Turn]) -> None:
    """Same status, headers, body or failure to every request, on as many connections; after all that, one more works.

    Bytes that nobody asked for are counted where they come with the answer, and where they come late they are not.
    """
    assert len(_agreed(server, [*turns, PLAIN])) == len(turns) + 1


@pytest.mark.parametrize("said", traffic.MALFORMED)
def test_both_refuse_what_is_malformed(server: Server, said: bytes) -> None:
    """Every fault there is a name for, at once and without waiting for the connection to end; one more works."""
    assert [response.failure for response in _agreed(server, [Turn(GET, (said,)), PLAIN])] == ["protocol", ""]


def _agreed(server: Server, turns: Sequence[Turn]) -> list[Response]:
    """What our client made of the turns, after comparing each with what h11 did."""
    judge, responses = Judge(), []
    for turn, ours, opened in _ask(server, turns):
        theirs = judge.judge(turn)
        assert replace(ours, bytes_down=theirs.bytes_down) == theirs
        assert theirs.bytes_down <= ours.bytes_down <= (len(turn.said) if ours.status else 0)
        assert opened == judge.connections
        if turn.request == HEAD:
            judge.leave()  # h11 would stay: see DIFFERENCES
        responses.append(ours)
    return responses


@dataclass(frozen=True, slots=True)
class Difference:
    """An answer that the two read differently, each in its own right or by its own choice, and where that is said."""

    about: str
    said: bytes
    ours: str
    h11: str
    request: bytes = GET


_OK = b"HTTP/1.1 200 OK"
_ONE = b"Content-Length: 1"
_CHUNKED = head(_OK, b"Transfer-Encoding: chunked")
DIFFERENCES = [
    Difference(
        "bare LF ends a line: may be recognised (RFC 9112 2.2)",
        b"\n".join([_OK, _ONE, b"", b"x"]),
        "protocol",
        "200 kept",
    ),
    Difference(
        "empty line before an answer (RFC 9112 2.2, 9.2)", b"\r\n" + head(_OK, _ONE) + b"x", "200 kept", "protocol"
    ),
    Difference(
        "empty line after an answer: can be discarded (RFC 9112 9.2)",
        head(_OK, _ONE) + b"x\r\n",
        "200 kept",
        "200 closed",
    ),
    Difference(
        "a minor version nobody defined (RFC 9110 2.5)", head(b"HTTP/1.2 200 OK", _ONE) + b"x", "protocol", "200 kept"
    ),
    Difference(
        "control characters in a reason: ignored with it (RFC 9112 4)",
        head(b"HTTP/1.1 200 \x00\x0b", _ONE) + b"x",
        "200 kept",
        "protocol",
    ),
    Difference(
        "control characters in a value are invalid (RFC 9110 5.5)",
        head(_OK, b"X: \x01\x7f", _ONE) + b"x",
        "protocol",
        "200 kept",
    ),
    Difference(
        "a folded line, obsolete (RFC 9112 5.2)", head(_OK, b"X: a", b" b", _ONE) + b"x", "protocol", "200 kept"
    ),
    Difference(
        "a length beside chunks ought to be an error (RFC 9112 6.3)",
        head(_OK, _ONE, b"Transfer-Encoding: chunked") + b"0\r\n\r\n",
        "protocol",
        "200 kept",
    ),
    Difference(
        "a length told twice may be rejected (RFC 9110 8.6)", head(_OK, _ONE, _ONE) + b"x", "protocol", "200 kept"
    ),
    Difference(
        "a length told as a list may be rejected (RFC 9110 8.6)",
        head(_OK, b"Content-Length: 1, 1") + b"x",
        "protocol",
        "200 kept",
    ),
    Difference(
        "a length in an interim answer that has no name yet: forbidden (RFC 9110 8.6)",
        head(b"HTTP/1.1 150 Soon", _ONE) + head(_OK, _ONE) + b"x",
        "protocol",
        "200 kept",
    ),
    Difference(
        "interim answers without end: bounded together (RFC 9110 15.2)",
        head(b"HTTP/1.1 102 Processing") * 9_000 + PLAIN.said,
        "protocol",
        "200 kept",
    ),
    Difference(
        "blanks after a chunk's size (RFC 9112 7.1)", _CHUNKED + b"1 \r\nx\r\n0\r\n\r\n", "protocol", "200 kept"
    ),
    Difference(
        "a size of more digits than h11 counts (RFC 9112 7.1)",
        _CHUNKED + b"%021x\r\nx\r\n0\r\n\r\n" % 1,
        "200 kept",
        "protocol",
    ),
    Difference(
        "blanks before an extension's name (RFC 9112 7.1.1)",
        _CHUNKED + b"1; a\r\nx\r\n0\r\n\r\n",
        "protocol",
        "200 kept",
    ),
    Difference(
        "an extension without a name (RFC 9112 7.1.1)", _CHUNKED + b"1;\r\nx\r\n0\r\n\r\n", "protocol", "200 kept"
    ),
    Difference(
        "a length in a trailer: forbidden (RFC 9110 6.5.1)",
        _CHUNKED + b"0\r\nContent-Length: 1\r\n\r\n",
        "protocol",
        "200 kept",
    ),
    Difference(
        "a connection that HTTP/1.0 keeps alive (RFC 9112 9.3)",
        head(b"HTTP/1.0 200 OK", b"Connection: keep-alive", _ONE) + b"x",
        "200 kept",
        "200 closed",
    ),
    Difference("a connection after a HEAD may be kept (RFC 9112 9.3)", head(_OK, _ONE), "200 closed", "200 kept", HEAD),
]


@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda difference: difference.about)
def test_a_difference_is_what_it_is_said_to_be(server: Server, difference: Difference) -> None:
    """Both read it as the table says, and whatever our client makes of it, its next request is answered."""
    judge, turn = Judge(), Turn(difference.request, (difference.said,))
    (_, ours, _), (_, after, opened) = _ask(server, [turn, PLAIN])
    theirs, _ = judge.judge(turn), judge.judge(PLAIN)
    assert _in_words(ours, opened) == difference.ours
    assert _in_words(theirs, judge.connections) == difference.h11
    assert after.body == b"plain"


def _in_words(response: Response, connections: int) -> str:
    """What came of the first of two requests that took so many connections."""
    return response.failure or f"{response.status} {'kept' if connections == 1 else 'closed'}"
