"""The load generator's process: reads one order a line, loads the arms of a block through Locust, answers a line.

`python -m loadtests.locust_.generator ASSIGNMENT.json DESCRIPTOR`: orders arrive as JSON objects on the inherited
socket DESCRIPTOR, {"do": "login"} or {"do": "load", "slice": 0, "into": "DIRECTORY"}; it ends when they end.
"""

import gc
import json
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import gevent
from locust.env import Environment

from loadtests.arrivals import Arrival, schedule
from loadtests.assignment import Assignment, Target, read_assignment
from loadtests.journeys import steps
from loadtests.locust_.dispatcher import Dispatched, Pool, dispatch
from loadtests.locust_.timer import best_timer
from loadtests.locust_.users import Act, HeadlessVisitor, Ledger
from loadtests.locust_.wire import Connection
from loadtests.orders import Loaded, LoggedIn
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from loadtests.visitor import Visitor

DRAIN_S = 30.0
NS_PER_MS = 1_000_000


@dataclass(slots=True)
class Arm:
    """The generator's side of one arm: its visitors by number, those of them that are idle, what they all did."""

    plan: ArmPlan
    target: Target
    visitors: tuple[Visitor, ...]
    pool: Pool
    ledger: Ledger = field(default_factory=Ledger)

    @property
    def is_ready(self) -> bool:
        """Whether every visitor has taken its seat and sits idle. Locust spawns in its own time."""
        return self.pool.size == len(self.visitors) and self.pool.is_drained

    def failed_logins(self) -> Iterator[str]:
        """Why visitors are not logged in, from the answers to their logins."""
        for sample in self.ledger.samples:
            if not self.visitors[sample.visitor].is_logged_in:
                yield f"{sample.status} {sample.reason or 'without a grant'}"


class Generator:
    """All visitors of a block, kept logged in between its slices."""

    def __init__(self, assignment: Assignment) -> None:
        self._assignment = assignment
        self._plan = assignment.plan
        self._arms = [self._arm(*pair) for pair in zip(self._plan.arms, assignment.targets, strict=True)]
        self._visitor_class = type("BlockVisitor", (HeadlessVisitor,), {"acts": self._acts()})
        self._environment = Environment(user_classes=[self._visitor_class])
        self._runner = self._environment.create_local_runner()

    def log_in(self) -> LoggedIn:
        """Start one Locust user per visitor and wait until each has tried to log in."""
        count = sum(len(arm.visitors) for arm in self._arms)
        self._runner.start(count, spawn_rate=count)
        while not all(arm.is_ready for arm in self._arms):
            gevent.sleep(0.005)
        failures = [failure for arm in self._arms for failure in arm.failed_logins()]
        return LoggedIn(count - len(failures), tuple(sorted(set(failures))))

    def load(self, number: int, into: Path) -> Loaded:
        """Load one slice; its samples are in `into` when this returns, one file an arm."""
        piece = self._plan.slices[number]
        arrivals = schedule(
            self._plan.arrivals, piece.rate_rps, piece.seconds, len(self._arms), self._seed("arrivals", number)
        )
        for arm in self._arms:
            arm.ledger.sent = 0
            arm.ledger.samples.clear()
        cpu_ns, wall_ns = time.process_time_ns(), time.monotonic_ns()
        dispatched = self._dispatch(arrivals)
        ratio = (time.process_time_ns() - cpu_ns) / (time.monotonic_ns() - wall_ns)
        self._ship(into)
        self._feed_statistics()
        return self._loaded(dispatched, piece, ratio)

    def quit(self) -> None:
        """Stop the Locust users."""
        self._runner.quit()

    def _dispatch(self, arrivals: Sequence[Arrival]) -> Dispatched:
        """Follow the schedule to its end and let what is under way finish. Collection of garbage waits meanwhile."""
        timer = best_timer()
        gc.collect()
        gc.disable()
        try:
            dispatched = dispatch(arrivals, [arm.pool for arm in self._arms], timer)
            with gevent.Timeout(DRAIN_S, False):  # noqa: FBT003 - gevent's spelling of a silent end
                for arm in self._arms:
                    arm.pool.wait_drained()
        finally:
            gc.enable()
            timer.close()
        return dispatched

    def _loaded(self, dispatched: Dispatched, piece: SlicePlan, generator_cpu_ratio: float) -> Loaded:
        return Loaded(
            start_ns=dispatched.start_ns,
            end_ns=dispatched.start_ns + piece.seconds * 1_000 * NS_PER_MS,
            scheduled=dispatched.scheduled,
            sent=tuple(arm.ledger.sent for arm in self._arms),
            generator_cpu_ratio=generator_cpu_ratio,
            loop_lag_ns=dispatched.loop_lag_ns,
        )

    def _ship(self, into: Path) -> None:
        into.mkdir(parents=True, exist_ok=True)
        for arm in self._arms:
            lines = (json.dumps(astuple(sample)) + "\n" for sample in arm.ledger.samples)
            with (into / f"{arm.plan.id}.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(lines)

    def _feed_statistics(self) -> None:
        """Hand the slice to Locust's own statistics in one batch, outside the timed stretch."""
        for arm in self._arms:
            for sample in arm.ledger.samples:
                self._environment.events.request.fire(**_locust_request(arm.plan.id, sample))

    def _arm(self, plan: ArmPlan, target: Target) -> Arm:
        host, password = f"{target.host}:{target.port}", self._assignment.password
        names = map(self._assignment.username, range(plan.visitors))
        visitors = tuple(Visitor(number, plan, host, name, password) for number, name in enumerate(names))
        return Arm(plan, target, visitors, Pool(self._random("pool", plan.id)))

    def _acts(self) -> Iterator[Act]:
        for arm in self._arms:
            address = (arm.target.host, arm.target.port)
            for visitor in arm.visitors:
                connection = Connection(address, self._assignment.timeout_s)
                journey = steps(arm.plan.journey, self._random("journey", arm.plan.id, visitor.number))
                yield Act(visitor, connection, arm.pool.seat(), journey, arm.ledger)

    def _seed(self, *parts: object) -> int:
        return Random(f"{self._plan.seed}/{parts}").getrandbits(64)  # noqa: S311 - reproducible load, not a secret

    def _random(self, *parts: object) -> Random:
        return Random(self._seed(*parts))  # noqa: S311 - reproducible load, not a secret


def _locust_request(arm: str, sample: Sample) -> dict[str, object]:
    """A sample as Locust's request event wants it. A refusal is a result here, not a failure of the load test."""
    return {
        "request_type": arm,
        "name": sample.step,
        "response_time": (sample.done_ns - sample.intended_ns) / NS_PER_MS,
        "response_length": sample.bytes_down,
        "exception": None if sample.status else ConnectionError(sample.reason),
        "context": {},
    }


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
