"""The load generator's process: reads one order a line, loads the arms of a block through Locust, answers a line.

`python -m loadtests.locust_.generator ASSIGNMENT.json DESCRIPTOR`: orders arrive as JSON objects on the inherited
socket DESCRIPTOR, {"do": "login"} or {"do": "load", "slice": 0, "into": "DIRECTORY"}; it ends when they end.
"""

import json
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO

from locust.env import Environment

from loadtests.assignment import Assignment, read_assignment
from loadtests.locust_.crowd import Crowd
from loadtests.orders import Loaded, LoggedIn


class Generator:
    """All visitors of a block, kept logged in between its slices."""

    def __init__(self, assignment: Assignment) -> None:
        self._crowd = Crowd(assignment)
        self._environment = Environment(user_classes=[self._crowd.visitor_class])
        self._runner = self._environment.create_local_runner()

    def log_in(self) -> LoggedIn:
        """Start one Locust user per visitor and wait until each has tried to log in."""
        self._runner.start(self._crowd.size, spawn_rate=self._crowd.size)
        return self._crowd.logged_in()

    def load(self, number: int, into: Path) -> Loaded:
        """Load one slice; its samples are in `into` when this returns, one file an arm."""
        self._crowd.prepare(number, lambda arm: tape_file(into, arm))
        loaded = self._crowd.load()
        self._crowd.feed(self._environment.events)
        return loaded

    def quit(self) -> None:
        """Stop the Locust users."""
        self._runner.quit()


def tape_file(into: Path, arm: str) -> BinaryIO:
    """A file for an arm's tape where the harness looks for it."""
    into.mkdir(parents=True, exist_ok=True)
    return (into / f"{arm}.tape").open("w+b")


def main(argv: Sequence[str] = sys.argv) -> int:
    """Serve orders until their end."""
    generator = Generator(read_assignment(Path(argv[1])))
    with socket.socket(fileno=int(argv[2])) as peer, peer.makefile("rw") as channel:
        for line in channel:
            channel.write(json.dumps(asdict(_obey(generator, json.loads(line)))) + "\n")
            channel.flush()
    generator.quit()
    return 0


def _obey(generator: Generator, order: Mapping[str, Any]) -> Loaded | LoggedIn:
    if order["do"] == "login":
        return generator.log_in()
    return generator.load(order["slice"], Path(order["into"]))


if __name__ == "__main__":
    sys.exit(main())
