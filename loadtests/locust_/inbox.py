"""What a connection has received of an answer, parsed by llhttp as it comes."""

from functools import lru_cache

import httptools

FIRST_STATUS = 100
FIRST_FINAL_STATUS = 200
HEAD_MAX_BYTES = 65_536
"""Of a head, the interim answers before it included: a server that never ends one is not listened to for ever."""


@lru_cache(maxsize=1024)
def _name(raw: bytes) -> str:
    return raw.decode("latin-1").lower()


class Inbox:
    """Takes the answers of one connection, one after the other; interim 1xx answers leave no trace.

    `complete`: the answer asked for is here. `has_surplus`: more came than that, which nobody asked for.
    """

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, tuple[str, ...]] = {}
        self.bytes_received = 0
        self.complete = False
        self.has_surplus = False
        self._body: list[bytes] = []
        self._headers_complete = False
        self._keeps_alive = False
        self._expects_body = True
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        # an interim answer may say "close": it means the connection, after the answer that is still to come
        self._parser.set_dangerous_leniencies(lenient_keep_alive=True)

    def expect(self, *, body: bool = True) -> None:
        """Forget the last answer, so that a connection that ends cannot pass it off as the next.

        No `body` follows the head that answers a HEAD, whatever it declares; as the parser cannot be told, nothing
        follows on its connection either.
        """
        self._expects_body = body
        self._headers_complete = self.complete = False
        self.bytes_received = 0

    def take(self, data: bytes) -> str:
        """Parse what was received, b"" when the server closed; "" or why no answer can come of it any more."""
        if not data:
            self.complete = self._ends_with_connection
            self._keeps_alive = False
            return "" if self.complete else "reset"
        self.bytes_received += len(data)
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr] # closed once nothing is received any more
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.has_surplus = self.complete
            return "" if self.complete else "protocol"
        is_endless = not self._headers_complete and self.bytes_received > HEAD_MAX_BYTES
        return "protocol" if is_endless else ""

    def close(self) -> None:
        """Let go of the parser, which holds on to us: nobody collects such circles while load is measured."""
        self._parser = None

    @property
    def body(self) -> bytes:
        """The whole body, its framing removed."""
        return b"".join(self._body) if self._expects_body else b""

    @property
    def keeps_connection(self) -> bool:
        """Whether another request may follow this answer on the same connection."""
        return self._keeps_alive and self._expects_body and not self.has_surplus

    @property
    def _ends_with_connection(self) -> bool:
        """Whether only the server's close marks the end of the body (RFC 9112 section 6.3, rule 8)."""
        return self._headers_complete and not {"content-length", "transfer-encoding"} & self.headers.keys()

    def on_message_begin(self) -> None:
        """Called by the parser, like all below."""
        if self.complete:
            message = "a second answer to one request"
            raise ValueError(message)
        self.headers = {}
        self._body = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """One line of the head; a trailer is no header (RFC 9110 section 6.5.1), white space no part of a value."""
        if self._headers_complete:
            return
        key, text = _name(name), value.rstrip(b" \t").decode("latin-1")
        headers = self.headers
        headers[key] = (*headers[key], text) if key in headers else (text,)

    def on_headers_complete(self) -> None:
        """Both are only known while the parser stands between head and body."""
        parser = self._parser
        self.status = parser.get_status_code()  # type: ignore[union-attr] # it is what calls
        self._keeps_alive = parser.should_keep_alive()  # type: ignore[union-attr] # as above
        codings = self.headers.get("transfer-encoding")
        if self.status < FIRST_STATUS or (codings and [coding.lower() for coding in codings] != ["chunked"]):
            message = "a status that is none, or a body in a coding that nobody here reads"
            raise ValueError(message)
        self._headers_complete = self.status >= FIRST_FINAL_STATUS
        self.complete = self._headers_complete and not self._expects_body

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The end of an answer, if it was a final one."""
        self.complete = self._headers_complete
