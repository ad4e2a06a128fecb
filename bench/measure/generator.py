"""The harness's side of the load generator: a process of its own, ordered about over a socket."""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from bench.stack.errors import ProcessDiedError
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, write_assignment
from loadtests.orders import Loaded, LoggedIn
from loadtests.record import Sample
from loadtests.tape import played_at

LOGIN_LIMIT_S = 120.0
DRAIN_LIMIT_S = 60.0


class BlockGenerator(Protocol):
    """Whoever generates the load of one block."""

    @property
    def process(self) -> Process:
        """The process that generates, or has others do it."""
        ...

    @property
    def pids(self) -> tuple[int, ...]:
        """All processes of ours that generate: what is to be kept apart from the servers."""
        ...

    def log_in(self) -> LoggedIn:
        """Log every visitor in; blocks until each has tried."""
        ...

    def load(self, number: int) -> Loaded:
        """Load slice `number` of the plan; blocks until it has drained."""
        ...

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """What arrived of slice `number` for `arm`."""
        ...


class Generators(Protocol):
    """Where a run's blocks get their load from."""

    @property
    def lost(self) -> tuple[str, ...]:
        """Workers that are no more, in words: once there is one, nothing can be loaded any more."""
        ...

    def open(self, name: str, assignment: Assignment) -> AbstractContextManager[BlockGenerator]:
        """A generator for one block; leaving the `with` ends its visitors."""
        ...


class Ordered:
    """A process that answers orders, one JSON object a line. ProcessDiedError when it fails one."""

    def __init__(self, supervisor: Supervisor, name: str, module: str, words: Sequence[str]) -> None:
        """`words` follow the module's name; the number of the socket it inherits comes last."""
        self._channel, theirs = socket.socketpair()
        with theirs:
            argv = (sys.executable, "-m", module, *words, str(theirs.fileno()))
            command = Command(name, argv, cwd=supervisor.folder(name), descriptors=(theirs.fileno(),))
            self.process: Process = supervisor.start(command)

    def order(self, order: Mapping[str, object], limit_s: float) -> Mapping[str, Any]:
        """The answer to `order`; blocks for at most `limit_s`."""
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

    def close(self) -> None:
        """No more orders."""
        self._channel.close()


class GeneratorProcess:
    """Visitors of one block; leaving the `with` ends them. ProcessDiedError when the process fails an order."""

    def __init__(self, supervisor: Supervisor, name: str, assignment: Assignment) -> None:
        self._assignment = assignment
        self._folder = supervisor.folder(name)
        path = self._folder / "assignment.json"
        write_assignment(path, assignment)
        self._ordered = Ordered(supervisor, name, "loadtests.locust_.generator", [str(path)])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._ordered.close()
        self.process.stop()

    @property
    def process(self) -> Process:
        """See BlockGenerator."""
        return self._ordered.process

    @property
    def pids(self) -> tuple[int, ...]:
        """See BlockGenerator."""
        return (self.process.pid,)

    def log_in(self) -> LoggedIn:
        """See BlockGenerator."""
        return LoggedIn.parsed(self._ordered.order({"do": "login"}, LOGIN_LIMIT_S))

    def load(self, number: int) -> Loaded:
        """See BlockGenerator."""
        piece = self._assignment.plan.slices[number]
        order = {"do": "load", "slice": number, "into": str(samples_folder(self._folder, number))}
        return Loaded.parsed(self._ordered.order(order, piece.seconds + DRAIN_LIMIT_S))

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """See BlockGenerator."""
        return kept_samples(self._folder, number, arm)


class Alone:
    """A generator process of its own for every block."""

    lost: tuple[str, ...] = ()

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor

    def open(self, name: str, assignment: Assignment) -> AbstractContextManager[BlockGenerator]:
        """See Generators."""
        return GeneratorProcess(self._supervisor, name, assignment)


def samples_folder(folder: Path, number: int) -> Path:
    """Where a generator leaves the samples of slice `number`."""
    return folder / f"slice-{number}"


def kept_samples(folder: Path, number: int, arm: str) -> tuple[Sample, ...]:
    """What a generator left there for `arm`."""
    return tuple(played_at(samples_folder(folder, number) / f"{arm}.tape"))


def _read_line(channel: socket.socket) -> bytes:
    """One line without its end; empty when the peer closed before finishing it."""
    pieces: Sequence[bytes] = ()
    while not (pieces and pieces[-1].endswith(b"\n")):
        piece = channel.recv(65_536)
        if not piece:
            return b""
        pieces = (*pieces, piece)
    return b"".join(pieces).strip()
