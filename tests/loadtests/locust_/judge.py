"""Has h11 read what a server said, turn after turn, as a client would that is built on it."""

from collections.abc import Iterable, Iterator, Mapping

import h11

from loadtests.exchange import Response
from tests.loadtests.locust_.traffic import Turn

READ_BYTES = 65_536
"""What it is fed at once, and the longest head it waits for."""


class Judge:
    """Asks h11 about turn after turn; `connections` counts those it needed."""

    def __init__(self) -> None:
        self._h11: h11.Connection | None = None
        self.connections = 0

    def judge(self, turn: Turn) -> Response:
        """What a client built on h11 would return."""
        connection = self._asked(turn.request)
        try:
            response = _read(connection, turn)
        except h11.RemoteProtocolError:
            # h11 has one error for what is no HTTP and for what ends too early
            response = Response(0, failure="reset" if connection.trailing_data[1] else "protocol")
        is_done = connection.our_state is connection.their_state is h11.DONE
        if not is_done or connection.trailing_data[0] or turn.ending != "stays":
            self.leave()
        return response

    def leave(self) -> None:
        """Use another connection for the next turn."""
        self._h11 = None

    def _asked(self, request: bytes) -> h11.Connection:
        """A connection that has sent the request."""
        if self._h11 is None:
            self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=READ_BYTES)
            self.connections += 1
        else:
            self._h11.start_next_cycle()
        self._h11.send(h11.Request(method=request.split()[0], target="/", headers=[("Host", "here")]))
        self._h11.send(h11.EndOfMessage())
        return self._h11


def _read(connection: h11.Connection, turn: Turn) -> Response:
    """The answer in the turn. RemoteProtocolError where h11 finds none."""
    status, headers, body, is_complete = 0, {}, [], False
    for event in _events(connection, turn):
        if isinstance(event, h11.Response):
            status, headers = event.status_code, _joined(event.headers)
        elif isinstance(event, h11.Data):
            body.append(bytes(event.data))
        is_complete = isinstance(event, h11.EndOfMessage)
    if not is_complete:
        assert turn.ending == "resets", "a turn that leaves its client waiting"
        return Response(0, failure="reset")
    return Response(status, headers, b"".join(body), len(turn.said) - len(connection.trailing_data[0]))


def _events(connection: h11.Connection, turn: Turn) -> Iterator[object]:
    """What h11 makes of the turn, to the end of the answer; what follows is left in its buffer."""
    event: object = None
    heard = [turn.said[start : start + READ_BYTES] for start in range(0, len(turn.said), READ_BYTES)]
    for data in [*heard, b""] if turn.ending == "closes" else heard:
        connection.receive_data(data)
        while not isinstance(event, h11.EndOfMessage) and (event := connection.next_event()) is not h11.NEED_DATA:
            yield event


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, tuple[str, ...]]:
    """As a Response has them."""
    joined: dict[str, tuple[str, ...]] = {}
    for name, value in headers:
        key = name.decode()
        joined[key] = (*joined.get(key, ()), value.decode("latin-1"))
    return without_coding(joined)


def without_coding(headers: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """All but the header whose value h11 spells anew."""
    return {name: values for name, values in headers.items() if name != "transfer-encoding"}
