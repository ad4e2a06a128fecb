"""The client: every way an answer can be framed is read, every way it can fail is named, and nothing is raised."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import gevent
import pytest
from gevent.hub import Waiter, get_hub

from loadtests.locust_.wire import Connection

REQUEST = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
PATIENT_S = 30.0
Answer = Callable[[socket.socket], None]


class Server:
    """Accepts connections one after the other; the n-th request, over all of them, is answered by the n-th answer.

    An answer that leaves its connection open is followed by the next on the same one; `accepted` counts connections.
    """

    def __init__(self, answers: Iterator[Answer]) -> None:
        self._answers = answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.accepted = 0
        self.received = 0
        self.address: tuple[str, int] = self._listener.getsockname()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):  # the listener was shut down: the test is over
            while True:
                connection, _ = self._listener.accept()
                self.accepted += 1
                with connection, suppress(ConnectionError):
                    self._converse(connection)

    def _converse(self, connection: socket.socket) -> None:
        while connection.fileno() >= 0 and connection.recv(65_536):
            self.received += 1
            next(self._answers)(connection)

    def stop(self) -> None:
        """Refuse connections from now on."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


Serve = Callable[..., tuple[Server, Connection]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server with the given answers and a client for it."""
    started: list[tuple[Server, Connection]] = []

    def start(*answers: Answer, timeout_s: float = PATIENT_S) -> tuple[Server, Connection]:
        server = Server(iter(answers))
        started.append((server, Connection(server.address, timeout_s)))
        return started[-1]

    yield start
    for server, connection in started:
        connection.close()
        server.stop()


def says(*pieces: bytes) -> Answer:
    """Send the pieces one by one and keep the connection open."""

    def answer(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)

    return answer


def says_and_closes(*pieces: bytes) -> Answer:
    """Send the pieces and end the connection in good order."""

    def answer(connection: socket.socket) -> None:
        says(*pieces)(connection)
        connection.close()

    return answer


def resets(*pieces: bytes) -> Answer:
    """Send the pieces and break the connection off with RST."""

    def answer(connection: socket.socket) -> None:
        says(*pieces)(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return answer


def plain(body: bytes, *headers: bytes) -> bytes:
    """A 200 whose length is declared."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"Content-Length: %d" % len(body), b"", body])


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;note\r\ndefg\r\n0\r\n\r\n"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


def test_a_connection_is_kept(serve: Serve) -> None:
    """Answers of declared length are read one after the other over a single connection, each with its own content."""
    server, connection = serve(says(plain(b"one", b"X-Only: here")), says(plain(b"")), says(plain(b"three")))
    responses = [connection.exchange(REQUEST) for _ in range(3)]
    assert [response.body for response in responses] == [b"one", b"", b"three"]
    assert [response.status for response in responses] == [200, 200, 200]
    assert [response.header("x-only") for response in responses] == ["here", "", ""]
    assert (server.accepted, server.received) == (1, 3)


def test_every_byte_down_is_counted(serve: Serve) -> None:
    """Bytes received are those of head, framing and body, interim answers included."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    answers = [plain(b"one"), CHUNKED, interim + NO_CONTENT]
    _, connection = serve(*map(says, answers))
    assert [connection.exchange(REQUEST).bytes_down for _ in answers] == [len(answer) for answer in answers]


@pytest.mark.parametrize("answer", [plain(b"abcdefg", b"X-Replica: api-1"), CHUNKED, NO_CONTENT])
def test_an_answer_may_come_byte_by_byte(serve: Serve, answer: bytes) -> None:
    """However the network cuts an answer, it is the same answer, and the connection can be used again."""
    server, connection = serve(says(*(bytes([byte]) for byte in answer)), says(answer))
    slowly, at_once = connection.exchange(REQUEST), connection.exchange(REQUEST)
    assert slowly == at_once
    assert slowly.status in {200, 204}
    assert server.accepted == 1


def test_a_chunked_body_is_joined(serve: Serve) -> None:
    """Chunks are one body, their framing no part of it."""
    _, connection = serve(says(CHUNKED))
    assert connection.exchange(REQUEST).body == b"abcdefg"


def test_a_body_may_end_with_the_connection(serve: Serve) -> None:
    """Without a declared length the server's close ends the body; the next request opens a connection of its own."""
    server, connection = serve(says_and_closes(b"HTTP/1.1 200 OK\r\n\r\nall", b" of it"), says(plain(b"next")))
    first = connection.exchange(REQUEST)
    assert (first.status, first.body, first.failure) == (200, b"all of it", "")
    assert connection.exchange(REQUEST).body == b"next"
    assert server.accepted == 2


def test_interim_answers_leave_no_trace(serve: Serve) -> None:
    """A 100 and a 103 before the answer are skipped, their headers with them."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX-Replica: nobody\r\n\r\n"
    _, connection = serve(says(interim, plain(b"final")), says(plain(b"next")))
    response = connection.exchange(REQUEST)
    assert (response.status, response.body, response.header("x-replica")) == (200, b"final", "")
    assert connection.exchange(REQUEST).body == b"next"


def test_a_connection_the_server_gives_up_is_opened_again(serve: Serve) -> None:
    """After `Connection: close` the answer stands and the next request opens another connection."""
    server, connection = serve(says(plain(b"last", b"Connection: close")), says(plain(b"first")))
    assert connection.exchange(REQUEST).body == b"last"
    assert connection.exchange(REQUEST).body == b"first"
    assert server.accepted == 2


def test_a_client_without_a_pool_opens_a_connection_for_every_request(serve: Serve) -> None:
    """It closes after each answer, though the server would have gone on; what it reads is the same."""
    server, keeping = serve(says(plain(b"one")), says(plain(b"two")), says(plain(b"three")))
    connection = Connection(server.address, PATIENT_S, reconnects=True)
    assert [connection.exchange(REQUEST).body for _ in range(2)] == [b"one", b"two"]
    assert keeping.exchange(REQUEST).body == b"three"
    assert (server.accepted, server.received) == (3, 3)


def test_repeated_headers_are_kept(serve: Serve) -> None:
    """Every value of a repeated header is there, in order, under its name in lower case."""
    _, connection = serve(says(plain(b"", b"Set-Cookie: a=1; Path=/", b"SET-COOKIE: b=2", b"X-Other: c")))
    headers = connection.exchange(REQUEST).headers
    assert headers["set-cookie"] == ("a=1; Path=/", "b=2")
    assert headers["x-other"] == ("c",)


def test_a_refused_connection_has_a_name() -> None:
    """Where nobody listens the answer is status 0, refused, each time anew."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
    connection = Connection(address, PATIENT_S)
    for _ in range(2):
        response = connection.exchange(REQUEST)
        assert (response.status, response.failure, response.bytes_down) == (0, "refused", 0)
    connection.close()


def test_a_connection_nobody_accepts_is_a_timeout() -> None:
    """Where the server's queue of connections is full the wait is bounded."""
    with socket.socket() as listener, socket.socket() as filler:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        filler.connect(listener.getsockname())
        connection = Connection(listener.getsockname(), 0.05)
        assert connection.exchange(REQUEST).failure == "timeout"


def test_silence_is_a_timeout(serve: Serve) -> None:
    """A server that never answers, or stops in the middle, is given up after the bound."""
    _, connection = serve(says(), says(b"HTTP/1.1 200 OK\r\nContent-Le"), timeout_s=0.05)
    assert [connection.exchange(REQUEST).failure for _ in range(2)] == ["timeout", "timeout"]


@pytest.mark.parametrize(
    "pieces", [(), (b"HTTP/1.1 200 OK\r\n",), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf",)]
)
@pytest.mark.parametrize("end", [resets, says_and_closes])
def test_an_answer_that_breaks_off_is_a_reset(
    serve: Serve, end: Callable[..., Answer], pieces: tuple[bytes, ...]
) -> None:
    """Whether by RST or by a close too early, before the answer or within it; the next request starts afresh."""
    server, connection = serve(end(*pieces), says(plain(b"afresh")))
    response = connection.exchange(REQUEST)
    assert (response.status, response.failure) == (0, "reset")
    assert connection.exchange(REQUEST).body == b"afresh"
    assert server.accepted == 2


def test_a_close_is_not_the_last_answer_again(serve: Serve) -> None:
    """A server that closes instead of answering is a reset, though the answer before needed no declared length."""
    _, connection = serve(says(NO_CONTENT), says_and_closes())
    assert connection.exchange(REQUEST).status == 204
    response = connection.exchange(REQUEST)
    assert (response.status, response.failure) == (0, "reset")


def test_an_interim_answer_alone_is_no_answer(serve: Serve) -> None:
    """A connection that ends after a 100 has not answered."""
    _, connection = serve(says_and_closes(b"HTTP/1.1 100 Continue\r\n\r\n"))
    response = connection.exchange(REQUEST)
    assert (response.status, response.failure) == (0, "reset")


@pytest.mark.parametrize("surplus", [plain(b"two"), b"\r\nGET", b"\0"])
def test_what_nobody_asked_for_ends_the_connection(serve: Serve, surplus: bytes) -> None:
    """The answer counts, what follows it does not, and the next request opens a connection of its own.

    RFC 9112 section 9.2: what comes without a request outstanding is no answer.
    """
    server, connection = serve(says(plain(b"one") + surplus), says(plain(b"three")))
    assert [connection.exchange(REQUEST).body for _ in range(2)] == [b"one", b"three"]
    assert server.accepted == 2


def test_what_comes_later_unasked_ends_the_connection(serve: Serve) -> None:
    """A connection that speaks before it is asked again is given up, whatever it says."""
    server, connection = serve(says(plain(b"one"), plain(b"late")), says(plain(b"three")))
    assert connection.exchange(REQUEST).body == b"one"
    gevent.sleep(0.05)
    assert connection.exchange(REQUEST).body == b"three"
    assert server.accepted == 2


def test_a_connection_closed_meanwhile_is_opened_anew(serve: Serve) -> None:
    """The server closes after its answer without a word: known before the next request, which is not lost."""
    server, connection = serve(says_and_closes(plain(b"one")), says(plain(b"two")))
    assert connection.exchange(REQUEST).body == b"one"
    gevent.sleep(0.05)
    assert connection.exchange(REQUEST).body == b"two"
    assert server.accepted == 2


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-server\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ],
)
def test_what_is_not_http_is_a_protocol_failure(serve: Serve, garbage: bytes) -> None:
    """Garbage or a switched protocol; the next request starts afresh."""
    server, connection = serve(says(garbage), says(plain(b"afresh")))
    response = connection.exchange(REQUEST)
    assert (response.status, response.failure, response.reason) == (0, "protocol", "protocol")
    assert connection.exchange(REQUEST).body == b"afresh"
    assert server.accepted == 2


def test_closing_is_idempotent(serve: Serve) -> None:
    """A connection may be closed before it was opened, twice, and used again after."""
    server, connection = serve(says(plain(b"one")), says(plain(b"two")))
    connection.close()
    assert connection.exchange(REQUEST).body == b"one"
    connection.close()
    connection.close()
    assert connection.exchange(REQUEST).body == b"two"
    assert server.accepted == 2


LARGE = REQUEST[:-2] + b"Content-Length: 8000000\r\n\r\n" + bytes(8_000_000)


def hears_all_and_says(answer: bytes) -> Answer:
    """Read a large request to its end, then send the answer."""

    def hear(connection: socket.socket) -> None:
        left = len(LARGE) - 65_536
        while left > 0:
            left -= len(connection.recv(65_536))
        connection.sendall(answer)

    return hear


def test_a_request_larger_than_the_system_takes_at_once_is_sent_whole(serve: Serve) -> None:
    """Piece by piece, and the connection serves the next request too."""
    server, connection = serve(hears_all_and_says(plain(b"heard")), says(plain(b"next")))
    assert connection.exchange(LARGE).body == b"heard"
    assert connection.exchange(REQUEST).body == b"next"
    assert server.accepted == 1


def idles(connection: socket.socket) -> None:
    """Read no more for longer than anybody waits here, then break off."""
    time.sleep(0.6)
    resets()(connection)


@pytest.mark.parametrize(("answer", "failure"), [(resets(), "reset"), (idles, "timeout")])
def test_a_large_request_that_is_not_taken_has_a_name(serve: Serve, answer: Answer, failure: str) -> None:
    """The server breaks off in the middle, or reads no more."""
    _, connection = serve(answer, timeout_s=0.2)
    assert connection.exchange(LARGE).failure == failure


def test_who_waits_for_an_answer_hears_of_the_close(serve: Serve) -> None:
    """A connection closed by somebody else is a reset to whoever asked, not a wait without end."""
    _, connection = serve(says())
    asking = gevent.spawn(connection.exchange, REQUEST)
    gevent.sleep(0.05)
    connection.close()
    assert asking.get(timeout=PATIENT_S).failure == "reset"


def test_who_stops_waiting_leaves_nothing_open(serve: Serve) -> None:
    """An answer that comes for somebody who has gone is nobody else's."""
    server, connection = serve(says(), says(plain(b"mine")))
    asking = gevent.spawn(connection.exchange, REQUEST)
    gevent.sleep(0.05)
    asking.kill()
    assert connection.exchange(REQUEST).body == b"mine"
    assert server.accepted == 2


def test_a_slow_answer_is_waited_for(serve: Serve) -> None:
    """The bound is on silence: an answer that takes longer than it, in pieces that do not, is read."""

    def slowly(connection: socket.socket) -> None:
        for byte in plain(b"at last"):
            connection.sendall(bytes([byte]))
            time.sleep(0.01)

    _, connection = serve(slowly, timeout_s=0.3)
    assert connection.exchange(REQUEST).body == b"at last"


def test_who_gave_up_is_not_woken_from_its_next_wait(serve: Serve) -> None:
    """A bound of the caller's own ends the wait for an answer, and nothing of it reaches what the caller does next."""
    _, connection = serve(says())
    with gevent.Timeout(0.05, False):  # noqa: FBT003 - gevent's spelling of a silent end
        connection.exchange(REQUEST)
    next_wait = Waiter()
    get_hub().loop.timer(0.05).start(next_wait.switch, "its own")
    assert next_wait.get() == "its own"
