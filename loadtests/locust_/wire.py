"""A lean HTTP/1.1 client: one address, one request at a time, a connection for as long as both sides keep it."""

from functools import cache

from gevent import socket, ssl
from gevent.monkey import get_original

from loadtests.exchange import Response
from loadtests.locust_.link import Link

_SystemSocket = get_original("socket", "socket")


@cache
def _trust() -> ssl.SSLContext:
    """Whom the machine, or the file SSL_CERT_FILE, trusts; read once, as it takes tens of milliseconds."""
    return ssl.create_default_context()


class Connection:
    """Connects on first use, and again after either side closed.

    `exchange` suspends its greenlet for at most `timeout_s` between two pieces of the answer. `tls`: encrypted, with
    a server whose certificate is trusted and names the host. `reconnects`: we close after every answer.
    """

    def __init__(
        self, address: tuple[str, int], timeout_s: float, *, tls: bool = False, reconnects: bool = False
    ) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._tls = tls
        self._reconnects = reconnects
        self._link: Link | None = None

    def exchange(self, request: bytes) -> Response:
        """Send `request` and wait for its answer; a failure is a Response with status 0, never an exception."""
        link = self._link
        if link is None or not link.is_open:
            try:
                link = self._link = self._connected()
            except TimeoutError:
                return Response(0, failure="timeout")
            except ssl.SSLError:
                return Response(0, failure="protocol")
            except OSError:
                return Response(0, failure="refused")
        response = link.exchange(request)
        if self._reconnects:
            link.close()
        return response

    def close(self) -> None:
        """Close the connection if there is one."""
        if self._link is not None:
            self._link.close()

    def _connected(self) -> Link:
        """A new connection, ready for a request. OSError, of which SSLError is one, and leaves nothing open."""
        plain = socket.create_connection(self._address, self._timeout_s)
        try:
            plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                encrypted = _trust().wrap_socket(plain, server_hostname=self._address[0])
                encrypted.settimeout(0.0)
                return Link(encrypted, self._timeout_s, unread=encrypted.pending)
        except BaseException:
            plain.close()
            raise
        stream = _SystemSocket(fileno=plain.detach())
        stream.settimeout(0.0)
        return Link(stream, self._timeout_s)
