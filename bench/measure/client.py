"""A blocking HTTP client for the proof: the visitor's own request bytes over a plain socket, one connection a call."""

import socket
from collections import defaultdict
from http.client import HTTPException, HTTPResponse

from loadtests.visitor import Flow, Response, Visitor

TIMEOUT_S = 10.0


def exchange(address: tuple[str, int], request: bytes) -> Response:
    """Send `request`, read the answer. OSError or HTTPException where there is none."""
    with socket.create_connection(address, TIMEOUT_S) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        answer.begin()
        headers: dict[str, tuple[str, ...]] = defaultdict(tuple)
        for name, value in answer.getheaders():
            headers[name.lower()] += (value,)
        return Response(answer.status, dict(headers), answer.read())


def follow(address: tuple[str, int], flow: Flow) -> Response:
    """Carry a flow to its end; the last answer. A call that got none counts as status 0 and names the failure."""
    response = Response(0, failure="empty flow")
    call = next(flow, None)
    while call is not None:
        response = _answer(address, call.request)
        try:
            call = flow.send(response)
        except StopIteration:
            break
    return response


def read_once(address: tuple[str, int], visitor: Visitor) -> Response:
    """One read with the credential `visitor` holds, without refresh or retry."""
    return _answer(address, visitor.call("read").request)


def _answer(address: tuple[str, int], request: bytes) -> Response:
    try:
        return exchange(address, request)
    except (OSError, HTTPException) as error:
        return Response(0, failure=str(error) or type(error).__name__)
