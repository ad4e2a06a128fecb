"""The harness's side of the load generator: a process of its own, ordered about over a socket."""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.stack.errors import ProcessDiedError
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, write_assignment
from loadtests.orders import Loaded, LoggedIn
from loadtests.record import Sample

LOGIN_LIMIT_S = 120.0
DRAIN_LIMIT_S = 60.0


class GeneratorProcess:
    """Visitors of one block; leaving the `with` ends them. ProcessDiedError when the process fails an order."""

    def __init__(self, supervisor: Supervisor, name: str, assignment: Assignment) -> None:
        self._assignment = assignment
        self._folder = supervisor.folder(name)
        self._channel, theirs = socket.socketpair()
        with theirs:
            self.process: Process = supervisor.start(self._command(name, theirs.fileno()))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._channel.close()
        self.process.stop()

    def log_in(self) -> LoggedIn:
        """Log every visitor in; blocks until each has tried."""
        answer = self._order({"do": "login"}, LOGIN_LIMIT_S)
        return LoggedIn(answer["visitors"], tuple(answer["failures"]))

    def load(self, number: int) -> Loaded:
        """Load slice `number` of the plan; blocks until it has drained."""
        piece = self._assignment.plan.slices[number]
        order = {"do": "load", "slice": number, "into": str(self._samples(number))}
        answer = self._order(order, piece.seconds + DRAIN_LIMIT_S)
        counts = {name: tuple(answer[name]) for name in ("scheduled", "sent")}
        return Loaded(**{**answer, **counts})

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """What arrived of slice `number` for `arm`."""
        with (self._samples(number) / f"{arm}.jsonl").open(encoding="utf-8") as file:
            return tuple(Sample(*json.loads(line)) for line in file)

    def _samples(self, number: int) -> Path:
        return self._folder / f"slice-{number}"

    def _command(self, name: str, descriptor: int) -> Command:
        path = self._folder / "assignment.json"
        write_assignment(path, self._assignment)
        argv = (sys.executable, "-m", "loadtests.locust_.generator", str(path), str(descriptor))
        return Command(name, argv, cwd=self._folder, descriptors=(descriptor,))

    def _order(self, order: Mapping[str, object], limit_s: float) -> Mapping[str, Any]:
        self._channel.settimeout(limit_s)
        try:
            self._channel.sendall(json.dumps(order).encode() + b"\n")
            answer = _read_line(self._channel)
        except OSError as error:
            answer, failure = b"", str(error)
        else:
            failure = "ended"
        if not answer:
            name, said = self.process.command.name, self.process.last_line()
            message = f"{name} {failure} during {order['do']!r}; it said: {said} (see {self.process.log})"
            raise ProcessDiedError(message)
        parsed: Mapping[str, Any] = json.loads(answer)
        return parsed


def _read_line(channel: socket.socket) -> bytes:
    """One line without its end; empty when the peer closed before finishing it."""
    pieces: Sequence[bytes] = ()
    while not (pieces and pieces[-1].endswith(b"\n")):
        piece = channel.recv(65_536)
        if not piece:
            return b""
        pieces = (*pieces, piece)
    return b"".join(pieces).strip()
