"""The harness's side of distributed load: one master for a run, its workers of our own or of whoever starts them."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.measure.generator import Alone, Generators, Ordered, kept_samples, samples_folder
from bench.stack.errors import NotReadyError
from bench.stack.listening import LOOPBACK, listen
from bench.stack.process import Command, Process, ask_all
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, write_assignment
from loadtests.orders import Loaded, LoggedIn
from loadtests.record import Sample

GATHER_LIMIT_S = 180.0
ANSWER_LIMIT_S = 60.0
LOGIN_LIMIT_S = 150.0
DRAIN_LIMIT_S = 180.0
QUIT_LIMIT_S = 5.0


class LoadLostError(Exception):
    """A worker of a run was lost, and with it what it was to send; what was measured until then is kept."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Over whom load is spread: `local` workers that we start, or `expected` ones who come to `host`:`port`.

    Neither: one process generates alone.
    """

    local: int = 0
    expected: int = 0
    host: str = LOOPBACK
    port: int = 0

    @property
    def workers(self) -> int:
        """How many processes generate."""
        return self.local or self.expected or 1

    @property
    def is_exposed(self) -> bool:
        """Whether others than this machine may reach the master."""
        return bool(self.expected) and not _is_loopback(self.host)


@contextmanager
def generators(supervisor: Supervisor, spread: Spread) -> Iterator[Generators]:
    """Where the blocks of a run get their load from. NotReadyError when expected workers do not come."""
    if not (spread.local or spread.expected):
        yield Alone(supervisor)
        return
    with Crew(supervisor, spread) as crew:
        crew.gather()
        yield crew


class Crew:
    """A master and its workers for the time of a run.

    NotReadyError where the master cannot listen; ProcessDiedError when it fails an order.
    """

    def __init__(self, supervisor: Supervisor, spread: Spread) -> None:
        self._supervisor = supervisor
        self._spread = spread
        host, port = (LOOPBACK, 0) if spread.local else (spread.host, spread.port)
        listen(port, host).close()
        words = [host, str(port), str(spread.workers)]
        self._master = Ordered(supervisor, "master", "loadtests.locust_.master", words)
        self._workers: tuple[Process, ...] = ()
        self._are_here = False
        self.lost: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """The master sends the workers home; whoever has not gone is ended."""
        self._master.close()
        ask_all([self.process])
        self.process.wait_ended(QUIT_LIMIT_S)
        for worker in self._workers:
            worker.stop()

    @property
    def process(self) -> Process:
        """The master's."""
        return self._master.process

    @property
    def pids(self) -> tuple[int, ...]:
        """The master's and those of our own workers that live."""
        return (self.process.pid, *(worker.pid for worker in self._workers if worker.alive))

    def gather(self, limit_s: float = GATHER_LIMIT_S) -> None:
        """Start our own workers, wait until all are there. NotReadyError after `limit_s`."""
        port = self._master.order({"do": "where"}, ANSWER_LIMIT_S)["port"]
        self._workers = tuple(self._start(f"worker-{number + 1}", port) for number in range(self._spread.local))
        told = self._master.order({"do": "gather", "limit_s": limit_s}, limit_s + ANSWER_LIMIT_S)
        self._are_here = all(told["here"])
        if len(told["workers"]) < self._spread.workers:
            refused = "".join(f"; refused {one}" for one in told["refused"])
            message = (
                f"found {len(told['workers'])} workers at {self._spread.host}:{port} after {limit_s:g} s, expected "
                f"{self._spread.workers}; start the others with: authbench worker --master HOST:{port}{refused}"
            )
            raise NotReadyError(message)

    @contextmanager
    def open(self, name: str, assignment: Assignment) -> Iterator["CrewGenerator"]:
        """See Generators. NotReadyError where a worker on another machine is sent to this one's loopback."""
        inside = [target.host for target in assignment.targets if _is_loopback(target.host)]
        if inside and not self._are_here:
            message = (
                f"found workers on other machines, who cannot reach the stack at {inside[0]} here, expected all of "
                "them on this one; start them here, or measure a stack that all can reach with --target URL"
            )
            raise NotReadyError(message)
        yield CrewGenerator(self, assignment, self._supervisor.folder(name))
        self.order({"do": "release"}, ANSWER_LIMIT_S)

    def order(self, order: Mapping[str, object], limit_s: float) -> Mapping[str, Any]:
        """What the master answers; keeps in mind whom it has lost."""
        answer = self._master.order(order, limit_s)
        self.lost = tuple(answer.get("lost", self.lost))
        return answer

    def _start(self, name: str, port: int) -> Process:
        argv = (sys.executable, "-m", "loadtests.locust_.worker", LOOPBACK, str(port), "--once")
        return self._supervisor.start(Command(name, argv, cwd=self._supervisor.folder(name)))


@dataclass(frozen=True, slots=True)
class CrewGenerator:
    """One block's visitors, shared among the workers of a crew."""

    crew: Crew
    assignment: Assignment
    folder: Path

    @property
    def process(self) -> Process:
        """See BlockGenerator."""
        return self.crew.process

    @property
    def pids(self) -> tuple[int, ...]:
        """See BlockGenerator."""
        return self.crew.pids

    def log_in(self) -> LoggedIn:
        """See BlockGenerator."""
        path = self.folder / "assignment.json"
        write_assignment(path, self.assignment)
        return LoggedIn.parsed(self.crew.order({"do": "login", "assignment": str(path)}, LOGIN_LIMIT_S))

    def load(self, number: int) -> Loaded:
        """See BlockGenerator; blocks until all have shipped what they recorded, too."""
        piece = self.assignment.plan.slices[number]
        order = {"do": "load", "slice": number, "into": str(samples_folder(self.folder, number))}
        return Loaded.parsed(self.crew.order(order, piece.seconds + DRAIN_LIMIT_S))

    def samples(self, number: int, arm: str) -> tuple[Sample, ...]:
        """See BlockGenerator."""
        return kept_samples(self.folder, number, arm)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
