"""A blocking HTTP client for the proof: the visitor's own request bytes over a plain socket, one connection a call."""

import socket
import ssl
from collections import defaultdict
from functools import cache
from http.client import HTTPException, HTTPResponse

from loadtests.assignment import Target
from loadtests.exchange import Response
from loadtests.visitor import Flow, Visitor

TIMEOUT_S = 10.0


@cache
def _trust() -> ssl.SSLContext:
    """Whom the machine, or the file SSL_CERT_FILE, trusts."""
    return ssl.create_default_context()


def connect(target: Target) -> socket.socket:
    """A connection to `target`; by TLS only to one whose certificate is trusted and names it. OSError."""
    plain = socket.create_connection((target.host, target.port), TIMEOUT_S)
    if not target.tls:
        return plain
    try:
        return _trust().wrap_socket(plain, server_hostname=target.host)
    except BaseException:
        plain.close()
        raise


def exchange(target: Target, request: bytes) -> Response:
    """Send `request`, read the answer. OSError or HTTPException where there is none."""
    with connect(target) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        answer.begin()
        headers: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for name, value in answer.getheaders():
            headers[name.lower()] += (value,)
        body = answer.read()
        return Response(answer.status, dict(headers), body, _head_bytes(answer) + len(body))


def _head_bytes(answer: HTTPResponse) -> int:
    """Status line, header lines and the empty line, as HTTP/1.1 writes them."""
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *map(": ".join, answer.getheaders()), ""]
    return sum(len(line) + len("\r\n") for line in lines)


def follow(target: Target, flow: Flow) -> Response:
    """Carry a flow to its end; the last answer. A call that got none counts as status 0 and names the failure."""
    response = Response(0, failure="empty flow")
    call = next(flow, None)
    while call is not None:
        response = ask(target, call.request)
        try:
            call = flow.send(response)
        except StopIteration:
            break
    return response


def read_once(target: Target, visitor: Visitor) -> Response:
    """One read with the credential `visitor` holds, without refresh or retry."""
    return ask(target, visitor.call("read").request)


def ask(target: Target, request: bytes) -> Response:
    """The answer to `request`; where there is none, status 0 and the failure."""
    try:
        return exchange(target, request)
    except (OSError, HTTPException) as error:
        return Response(0, failure=str(error) or type(error).__name__)
