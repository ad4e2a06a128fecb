"""A bare-socket HTTP server that sleeps a seeded time per request and stamps arrival and departure.

`python -m bench.selfcheck.sleeper SEED STAMPS`: prints its port, serves until its input ends, then writes one line
`serial arrival_ns departure_ns` per request to STAMPS. X-Replica carries the serial, so every sample finds its truth.
"""

import contextlib
import sys
import threading
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from random import Random
from socket import IPPROTO_TCP, TCP_NODELAY, create_server, socket

BODY = b'{"expires_in":3600}'
MEAN_SLEEP_S = 0.004
LONGEST_SLEEP_S = 0.050


class Sleeper:
    """Serves keep-alive connections, a thread each; the sleeps are exponential, drawn from one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311 - reproducible sleeps
        self._serials = count()
        self.stamps: list[tuple[int, int, int]] = []

    def serve(self, connection: socket) -> None:
        """Answer requests until the client closes. A request is taken to arrive in one piece, bodies included."""
        connection.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        with connection, contextlib.suppress(ConnectionError):
            while connection.recv(65_536):
                arrival_ns = time.monotonic_ns()
                serial = next(self._serials)
                time.sleep(min(self._random.expovariate(1 / MEAN_SLEEP_S), LONGEST_SLEEP_S))
                answer = _answer(serial)
                departure_ns = time.monotonic_ns()
                connection.sendall(answer)
                self.stamps.append((serial, arrival_ns, departure_ns))


def _answer(serial: int) -> bytes:
    head = f"HTTP/1.1 200 OK\r\nX-Replica: {serial}\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}"
    return head.encode() + b"\r\n\r\n" + BODY


def _accept(listener: socket, sleeper: Sleeper) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=sleeper.serve, args=(connection,), daemon=True).start()


def main(argv: Sequence[str] = sys.argv) -> None:
    """Serve until standard input ends, then write the stamps."""
    sleeper = Sleeper(int(argv[1]))
    listener = create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    threading.Thread(target=_accept, args=(listener, sleeper), daemon=True).start()
    sys.stdin.read()
    lines = (" ".join(map(str, stamp)) + "\n" for stamp in sleeper.stamps)
    Path(argv[2]).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
