"""Speaks with the worker of a tree: started with the tree's own Python and code, asked, and ended with the harness."""

import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bench.gates import worker as script
from bench.gates.model import Tree
from bench.stack.errors import NotReadyError
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor

SCRIPT = Path(script.__file__)


class WorkerError(NotReadyError):
    """A worker did not start, died, hung or could not do what was asked; one line."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a tree has of a scheme."""

    stores: tuple[str, ...]
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What is called."""

    scheme: str
    step: str

    def __str__(self) -> str:
        """As it is told."""
        return f"{self.scheme} {self.step}"


@dataclass(frozen=True, slots=True)
class Round:
    """What `calls` calls took."""

    calls: int
    cpu_ns: int
    wall_ns: int

    @property
    def call_ns(self) -> float:
        """CPU time of one, at least the clock's own step."""
        return max(1, self.cpu_ns) / self.calls


@dataclass(frozen=True, slots=True)
class Errand:
    """How a worker is started: under `name`, with settings in `environment`, by way of `prefix` (a tracer, say).

    `answer_s`: how long it may take to answer; `ending_s`: and to end, once nobody asks it any more.
    """

    name: str
    environment: Mapping[str, str]
    prefix: tuple[str, ...] = ()
    answer_s: float = 60.0
    ending_s: float = 2.0


class Worker:
    """One process of `tree`, started at once; whatever is asked blocks until it is answered. WorkerError.

    Leaving the `with` ends it.
    """

    def __init__(self, supervisor: Supervisor, tree: Tree, errand: Errand) -> None:
        self.tree = tree
        self._errand = errand
        self._link, theirs = socket.socketpair()
        with theirs:
            argv = (*errand.prefix, str(tree.python), "-P", str(SCRIPT), str(theirs.fileno()))
            # the tree's own `services` come before those its environment may have installed
            env = {"PYTHONPATH": str(tree.path), "PYTHONHASHSEED": "random", **errand.environment}
            self.process = supervisor.start(Command(errand.name, argv, tree.path, env, (theirs.fileno(),)))
        self._link.settimeout(errand.answer_s)
        self._replies = self._link.makefile("r", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._replies.close()
        self._link.close()  # whom nobody can ask any more ends by himself
        self.process.wait_ended(self._errand.ending_s)

    def hello(self) -> Mapping[str, Offer]:
        """What its tree has, by scheme; it is the tree's own code that says so."""
        reply = self._asked({"ask": "hello", "version": script.VERSION})
        if not Path(reply["services"]).is_relative_to(self.tree.path):
            found = f"found services of {Path(reply['services']).parent}"
            raise WorkerError(self._told(f"{found}, expected those of {self.tree.path}; is it a tree of authbench?"))
        offers = reply["schemes"].items()
        return {name: Offer(tuple(offer["stores"]), tuple(offer["steps"])) for name, offer in offers}

    def open(self, benchmark: Benchmark) -> None:
        """Build what is to be called."""
        self._asked({"ask": "open", "scheme": benchmark.scheme, "step": benchmark.step})

    def slow(self, extra_ratio: float) -> None:
        """Have every call do real work on top from now on, that share of its own cost."""
        self._asked({"ask": "slow", "extra_ratio": extra_ratio})

    def stock(self, credentials: int) -> float:
        """Make credentials for the rounds to go through; what one took, in ns of the wall clock."""
        return float(self._asked({"ask": "stock", "credentials": credentials})["making_ns"])

    def round(self, calls: int) -> Round:
        """Call that often, with something else each time."""
        reply = self._asked({"ask": "round", "calls": calls})
        return Round(reply["calls"], reply["cpu_ns"], reply["wall_ns"])

    def close(self) -> None:
        """Have it leave the stores and end."""
        self._asked({"ask": "close"})

    def _asked(self, request: Mapping[str, object]) -> Mapping[str, Any]:
        try:
            self._link.sendall(json.dumps(request).encode() + b"\n")
            line = self._replies.readline()
        except TimeoutError as error:
            raise WorkerError(
                self._told(f"found no answer within {self._errand.answer_s:g} s, expected one")
            ) from error
        except OSError:
            line = ""
        if not line:
            self.process.wait_ended(self._errand.ending_s)
            raise WorkerError(self._told(f"found its process ended, expected an answer: {self.process.last_line()}"))
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise WorkerError(self._told(reply["error"]))
        return reply

    def _told(self, what: str) -> str:
        return f"{self._errand.name} {self.tree.commit}: {what}"
