"""A lean HTTP/1.1 client on a gevent socket, parsed by llhttp: one connection, one request at a time."""

from dataclasses import dataclass, field
from functools import cache

import httptools
from gevent import socket, ssl

from loadtests.visitor import Response

READ_BYTES = 65_536
FIRST_FINAL_STATUS = 200


@dataclass(slots=True)
class _Inbox:
    """Collects answers from the parser's callbacks, one after the other; interim 1xx answers leave no trace."""

    headers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    body: list[bytes] = field(default_factory=list)
    status: int = 0
    keeps_alive: bool = False
    headers_complete: bool = False
    complete: bool = False
    parser: httptools.HttpResponseParser = field(init=False)

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def expect(self) -> None:
        """Forget the last answer, so that a connection that ends cannot pass it off as the next."""
        self.headers_complete = self.complete = False

    def on_message_begin(self) -> None:
        if self.complete:
            message = "a second answer to one request"
            raise ValueError(message)
        self.headers = {}
        self.body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        key = name.decode("latin-1").lower()
        self.headers[key] = (*self.headers.get(key, ()), value.decode("latin-1"))

    def on_headers_complete(self) -> None:
        # both are only known while the parser stands between head and body
        self.status = self.parser.get_status_code()
        self.keeps_alive = self.parser.should_keep_alive()
        self.headers_complete = self.status >= FIRST_FINAL_STATUS

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        self.complete = self.headers_complete

    @property
    def ends_with_connection(self) -> bool:
        """Whether only the server's close marks the end of the body (RFC 9112 section 6.3, rule 8)."""
        return self.headers_complete and not {"content-length", "transfer-encoding"} & self.headers.keys()


@cache
def _trust() -> ssl.SSLContext:
    """Whom the machine, or the file SSL_CERT_FILE, trusts; read once, as it takes tens of milliseconds."""
    return ssl.create_default_context()


class Connection:
    """A connection to one address, opened on first use and again after either side closed it.

    `exchange` blocks its greenlet for at most `timeout_s` between two pieces of the answer. `tls`: encrypted, with a
    server whose certificate is trusted and names the host. `reconnects`: we close it after every answer.
    """

    def __init__(
        self, address: tuple[str, int], timeout_s: float, *, tls: bool = False, reconnects: bool = False
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._tls = tls
        self._reconnects = reconnects
        self._socket: socket.socket | None = None
        self._inbox = _Inbox()

    def exchange(self, request: bytes) -> Response:
        """Send `request` and read its answer; a failure is a Response with status 0, never an exception."""
        failure = self._open()
        if failure:
            return Response(0, failure=failure)
        try:
            self._socket.sendall(request)  # type: ignore[union-attr] # _open() just connected it
            return self._receive()
        except TimeoutError:
            failure = "timeout"
        except OSError:
            failure = "reset"
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            failure = "protocol"
        self.close()
        return Response(0, failure=failure)

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _open(self) -> str:
        """Connect unless connected; "" or why not."""
        if self._socket is not None:
            return ""
        try:
            self._socket = self._connected()
        except TimeoutError:
            return "timeout"
        except ssl.SSLError:
            return "protocol"
        except OSError:
            return "refused"
        self._inbox = _Inbox()
        return ""

    def _connected(self) -> socket.socket:
        """A new connection, ready for a request. OSError, of which SSLError is one, and leaves nothing open."""
        plain = socket.create_connection(self._address, self._timeout_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return _trust().wrap_socket(plain, server_hostname=self._address[0]) if self._tls else plain
        except BaseException:
            plain.close()
            raise

    def _receive(self) -> Response:
        """Read until the answer is complete. ConnectionResetError when it breaks off."""
        inbox, received = self._inbox, 0
        inbox.expect()
        while not inbox.complete:
            data = self._socket.recv(READ_BYTES)  # type: ignore[union-attr] # connected while receiving
            received += len(data)
            if data:
                inbox.parser.feed_data(data)
            elif inbox.ends_with_connection:
                break
            else:
                raise ConnectionResetError
        if self._reconnects or not inbox.keeps_alive:
            self.close()
        return Response(inbox.status, inbox.headers, b"".join(inbox.body), received)
