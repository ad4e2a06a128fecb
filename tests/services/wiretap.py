"""A wire between the BFF and the API that writes down what passes, and can be cut."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["unheard", "lost", "gateway", "html", "nonsense", "failed", "refused", "hung"]
"""unheard: cut before the API hears of it; lost: cut after it has answered; gateway: as a load balancer tells of that;
html: a 503 without a problem document; nonsense: a success that grants nothing; failed: a 500;
refused: a 401; hung: silence."""

FAILURE = b'{"title":"Internal Server Error","status":500,"detail":"A detail.","reason":"internal"}'
REFUSAL = b'{"title":"Unauthorized","status":401,"detail":"A detail.","reason":"bad-signature"}'


@dataclass(frozen=True, slots=True)
class Passed:
    """One request and what the API answered to it."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    answer: bytes


@dataclass(slots=True)
class Wiretap:
    """`faults` come next, one request each, None for none; `url` is where the BFF finds the API."""

    url: str
    api_port: int
    passed: list[Passed] = field(default_factory=list)
    faults: list[Fault | None] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def paths(self) -> list[str]:
        """What was asked for."""
        return [one.path.rpartition("bearer/")[2] for one in self.passed]


@contextmanager
def tapped(api_port: int) -> Iterator[Wiretap]:
    """A wire to the API on `api_port`."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    tap = server.tap = Wiretap(f"http://127.0.0.1:{server.server_address[1]}", api_port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield tap
    finally:
        tap.released.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 5

    def do_GET(self) -> None:
        """Pass it on, or do what the fault says."""
        tap: Wiretap = self.server.tap  # type: ignore[attr-defined]
        fault = tap.faults.pop(0) if tap.faults else None
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if fault == "unheard":
            self.close_connection = True
        elif fault == "hung":
            tap.released.wait()
            self.close_connection = True
        elif fault == "failed":
            self._say(500, "application/problem+json", FAILURE)
        elif fault == "refused":
            self._say(401, "application/problem+json", REFUSAL)
        elif fault == "html":
            self._say(503, "text/html", b"<html><body>503 Service Unavailable</body></html>")
        elif fault == "nonsense":
            self._say(200, "application/json", b'{"expires_in": "soon"}')
        else:
            self._pass(tap, body, fault)

    do_POST = do_GET  # noqa: N815 - the library looks it up by this name

    def _pass(self, tap: Wiretap, body: bytes, fault: Fault | None) -> None:
        connection = HTTPConnection("127.0.0.1", tap.api_port, timeout=10)
        connection.request(self.command, self.path, body, dict(self.headers))
        with connection.getresponse() as response:
            status, kind, answer = response.status, response.getheader("Content-Type", ""), response.read()
        connection.close()
        tap.passed.append(Passed(self.command, self.path, dict(self.headers), body, answer))
        if fault == "lost":
            self.close_connection = True
        elif fault == "gateway":
            self._say(502, "text/html", b"<html><body>502 Bad Gateway</body></html>")
        else:
            self._say(status, kind, answer)

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Secret", "of the API")
        self.send_header("Set-Cookie", "api=1")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        """Say nothing."""
