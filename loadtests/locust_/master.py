"""The master's process: has its workers load a block together, and counts for each what it was to do and did.

`python -m loadtests.locust_.master HOST PORT COUNT DESCRIPTOR` listens for COUNT workers at HOST:PORT (0: any free
port). Orders arrive as JSON objects, one a line, on the inherited socket DESCRIPTOR; it ends when they end:
{"do": "where"}, {"do": "gather", "limit_s": 60}, {"do": "login", "assignment": "FILE"},
{"do": "load", "slice": 0, "into": "DIRECTORY"} and {"do": "release"}.
"""

import json
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import gevent
from locust.env import Environment

from loadtests.assignment import read_assignment, to_json
from loadtests.clocks import Anchor, Ping, anchor, uncertainty_ns
from loadtests.deliveries import Delivery, combined
from loadtests.locust_.crowd import DRAIN_S
from loadtests.locust_.generator import tape_file
from loadtests.locust_.members import Member, Members, Said, is_here
from loadtests.orders import Loaded, LoggedIn
from loadtests.plan import BlockPlan
from loadtests.shares import scheduled_counts
from loadtests.tape import keep

LOGIN_LIMIT_S = 110.0
ANSWER_LIMIT_S = 20.0
PINGS = 20
LEAD_NS = 200_000_000
NS_PER_S = 1_000_000_000

Parts = Mapping[Member, Delivery]


class Master:
    """The workers of a run, given one block after the other."""

    def __init__(self, host: str, port: int, count: int) -> None:
        self._runner = Environment().create_master_runner(host, port)
        self._members = Members(self._runner, count)
        self._plan: BlockPlan | None = None

    def where(self) -> Said:
        """The port at which workers reach it."""
        return {"port": self._runner.server.port}

    def gather(self, limit_s: float) -> Said:
        """Who is there once all workers are, or `limit_s` have passed, and who was refused."""
        self._members.complete.wait(limit_s)
        here = [is_here(member) for member in self._members]
        return {"workers": [member.name for member in self._members], "here": here, "refused": self._members.refused}

    def log_in(self, file: Path) -> LoggedIn:
        """Give every worker its share of a block's visitors and wait until each of them has tried to log in."""
        assignment = read_assignment(file)
        self._plan = assignment.plan
        text, of = to_json(assignment), self._members.count
        orders = {
            member: {"do": "login", "assignment": text, "number": number, "of": of}
            for number, member in enumerate(self._members)
        }
        told = self._members.ask(orders, LOGIN_LIMIT_S).values()
        failures = {failure for answer in told for failure in answer["failures"]}
        return LoggedIn(sum(answer["visitors"] for answer in told), tuple(sorted(failures)), self._members.lost)

    def load(self, number: int, into: Path) -> Loaded:
        """Load one slice together; what arrived of it is in `into` when this returns, one file an arm.

        Nothing is loaded once a worker is lost.
        """
        plan = self._plan
        if plan is None:
            message = "ordered to load before anybody was logged in"
            raise ValueError(message)
        self._members.ask_all({"do": "prepare", "slice": number}, ANSWER_LIMIT_S)
        parts = self._parts(plan, number)
        start_ns = time.monotonic_ns() + LEAD_NS
        if not self._members.lost:
            self._start(parts, start_ns, plan.slices[number].seconds)
            self._collect(parts)
        for place, arm in enumerate(plan.arms):
            with tape_file(into, arm.id) as file:
                keep(file, (row for part in parts.values() for row in part.rows(place)))
        end_ns = start_ns + plan.slices[number].seconds * NS_PER_S
        return combined(list(parts.values()), start_ns, end_ns, self._members.lost)

    def release(self) -> Said:
        """Have the workers let their visitors go."""
        self._members.ask_all({"do": "release"}, ANSWER_LIMIT_S)
        return {}

    def quit(self) -> None:
        """Send the workers home."""
        self._runner.quit()

    def _parts(self, plan: BlockPlan, number: int) -> dict[Member, Delivery]:
        """What falls to whom, and what each one's clock shows."""
        counts = scheduled_counts(plan, number, self._members.count)
        return {
            member: Delivery(member.name, scheduled, self._anchor(member))
            for member, scheduled in zip(self._members, counts, strict=True)
        }

    def _anchor(self, member: Member) -> Anchor:
        """What the worker's clock shows; of one that is lost, nothing."""
        pings = [ping for _ in range(PINGS) for ping in self._ping(member)]
        return anchor(pings) if pings else Anchor(0, 0)

    def _ping(self, member: Member) -> Iterator[Ping]:
        sent_ns = time.monotonic_ns()
        for said in self._members.order(member, {"do": "ping"}, ANSWER_LIMIT_S):
            yield Ping(sent_ns, said["at_ns"], said["back_ns"])

    def _start(self, parts: Parts, start_ns: int, seconds: int) -> None:
        """Let everybody load from one instant on, and learn what each did."""
        orders = {member: {"do": "start", "at_ns": part.anchor.theirs(start_ns)} for member, part in parts.items()}
        for member, said in self._members.ask(orders, seconds + DRAIN_S + ANSWER_LIMIT_S).items():
            parts[member].loaded = Loaded.parsed(said["loaded"])

    def _collect(self, parts: Parts) -> None:
        """Fetch the samples worker by worker: nobody ships one before everybody has drained."""
        for member, part in parts.items():
            after = self._anchor(member)
            part.clock_uncertainty_ns = uncertainty_ns(part.anchor, after)
            for said in self._members.order(member, {"do": "collect"}, ANSWER_LIMIT_S):
                if said["did"] == "batch":
                    part.batches[said["number"]] = (said["arm"], said["samples"])
                else:
                    part.shipped = said["batches"]
                    part.cpu_ns = said["cpu_ns"] if is_here(member) else 0


OBEYS: Mapping[str, Callable[[Master, Said], object]] = {
    "where": lambda master, _: master.where(),
    "gather": lambda master, order: master.gather(order["limit_s"]),
    "login": lambda master, order: asdict(master.log_in(Path(order["assignment"]))),
    "load": lambda master, order: asdict(master.load(order["slice"], Path(order["into"]))),
    "release": lambda master, _: master.release(),
}


def main(argv: Sequence[str] = sys.argv) -> int:
    """Serve orders until their end, or SIGTERM; either way the workers are sent home."""
    host, port, count, descriptor = argv[1:]
    master = Master(host, int(port), int(count))
    serving = gevent.spawn(_serve, master, int(descriptor))
    gevent.signal_handler(signal.SIGTERM, serving.kill)
    serving.join()
    master.quit()
    return 0 if serving.successful() else 1


def _serve(master: Master, descriptor: int) -> None:
    with socket.socket(fileno=descriptor) as peer, peer.makefile("rw") as channel:
        for line in channel:
            order = json.loads(line)
            channel.write(json.dumps(OBEYS[order["do"]](master, order)) + "\n")
            channel.flush()


if __name__ == "__main__":
    sys.exit(main())
