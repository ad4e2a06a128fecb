"""The visitors of a block, or of one worker's share of it: logged in by Locust users, then loaded slice by slice."""

import gc
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from io import BytesIO
from random import Random
from typing import BinaryIO

import gevent
from locust.event import Events

from loadtests.arrivals import Arrival, Schedule
from loadtests.assignment import Assignment, Target
from loadtests.journeys import steps
from loadtests.locust_.dispatcher import Dispatched, Pool, dispatch
from loadtests.locust_.timer import Timer, best_timer
from loadtests.locust_.users import Act, HeadlessVisitor, Ledger
from loadtests.locust_.wire import Connection
from loadtests.orders import Loaded, LoggedIn
from loadtests.plan import ArmPlan, BlockPlan
from loadtests.record import Sample
from loadtests.shares import WHOLE, Share, seed
from loadtests.tape import Tape, played
from loadtests.visitor import Visitor

DRAIN_S = 30.0
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000


@dataclass(slots=True)
class Arm:
    """The generator's side of one arm: its visitors by number, those of them that are idle, what they all did."""

    plan: ArmPlan
    target: Target
    visitors: Mapping[int, Visitor]
    pool: Pool
    ledger: Ledger = field(default_factory=lambda: Ledger(Tape(BytesIO())))

    @property
    def is_ready(self) -> bool:
        """Whether every visitor has taken its seat and sits idle. Locust spawns in its own time."""
        return self.pool.size == len(self.visitors) and self.pool.is_drained

    def failed_logins(self) -> Iterator[str]:
        """Why visitors are not logged in, from the answers to their logins."""
        self.ledger.tape.finish()
        for sample in self.samples():
            if not self.visitors[sample.visitor].is_logged_in:
                yield f"{sample.status} {sample.reason or 'without a grant'}"

    def samples(self) -> Iterator[Sample]:
        """What is on its tape, once that is finished."""
        return played(self.ledger.tape.file)


class Crowd:
    """Everybody who loads, kept logged in between slices; `visitor_class` is theirs, one Locust user a visitor."""

    def __init__(self, assignment: Assignment, share: Share = WHOLE) -> None:
        self._assignment = assignment
        self._share = share
        self._plan = assignment.plan
        self._piece = self._plan.slices[0]
        self._arrivals = Schedule()
        self.arms = [self._arm(*pair) for pair in zip(self._plan.arms, assignment.targets, strict=True)]
        self.visitor_class = type("BlockVisitor", (HeadlessVisitor,), {"acts": self._acts()})
        self.size = sum(len(arm.visitors) for arm in self.arms)

    def logged_in(self) -> LoggedIn:
        """Wait until each of the started Locust users has tried to log in."""
        while not all(arm.is_ready for arm in self.arms):
            gevent.sleep(0.005)
        failures = [failure for arm in self.arms for failure in arm.failed_logins()]
        return LoggedIn(self.size - len(failures), tuple(sorted(set(failures))))

    def prepare(self, number: int, tape: Callable[[str], BinaryIO]) -> None:
        """Draw the arrivals of slice `number` that are this share's, and put a new tape in for each arm.

        `tape` gives the file for an arm's, by its id; the one before is closed.
        """
        for arm in self.arms:
            arm.ledger.tape.file.close()
            arm.ledger.tape, arm.ledger.sent = Tape(tape(arm.plan.id)), 0
        self._piece = self._plan.slices[number]
        self._arrivals = self._share.schedule(self._plan, number)

    def load(self, start_ns: int | None = None) -> Loaded:
        """Follow the arrivals drawn last from `start_ns` of our clock, or from now; returns when drained."""
        cpu_ns, wall_ns = time.process_time_ns(), time.monotonic_ns()
        with closing(best_timer()) as timer:
            dispatched = self._dispatch(self._arrivals, timer, start_ns)
        ratio = (time.process_time_ns() - cpu_ns) / (time.monotonic_ns() - wall_ns)
        for arm in self.arms:
            arm.ledger.tape.finish()
        return self._loaded(dispatched, ratio, timer.name)

    def feed(self, events: Events) -> None:
        """Hand the slice to Locust's own statistics in one batch, outside the timed stretch."""
        for arm in self.arms:
            for sample in arm.samples():
                events.request.fire(**_locust_request(arm.plan.id, sample))

    def _dispatch(self, arrivals: Iterable[Arrival], timer: Timer, start_ns: int | None) -> Dispatched:
        """Follow the schedule to its end and let what is under way finish. Collection of garbage waits meanwhile."""
        gc.collect()
        gc.disable()
        try:
            dispatched = dispatch(arrivals, [arm.pool for arm in self.arms], timer, start_ns=start_ns)
            with gevent.Timeout(DRAIN_S, False):  # noqa: FBT003 - gevent's spelling of a silent end
                for arm in self.arms:
                    arm.pool.wait_drained()
        finally:
            gc.enable()
        return dispatched

    def _loaded(self, dispatched: Dispatched, generator_cpu_ratio: float, timer: str) -> Loaded:
        return Loaded(
            start_ns=dispatched.start_ns,
            end_ns=dispatched.start_ns + self._piece.seconds * NS_PER_S,
            scheduled=dispatched.scheduled,
            sent=tuple(arm.ledger.sent for arm in self.arms),
            generator_cpu_ratio=generator_cpu_ratio,
            loop_lag_ns=dispatched.loop_lag_ns,
            timer=timer,
        )

    def _arm(self, plan: ArmPlan, target: Target) -> Arm:
        host, password = target.authority, self._assignment.password
        visitors = {
            number: Visitor(number, plan, host, self._assignment.username(target.first_user + number), password)
            for number in self._share.visitors(plan.visitors)
        }
        return Arm(plan, target, visitors, Pool(_random(self._plan, "pool", plan.id, self._share.number)))

    def _acts(self) -> Iterator[Act]:
        for arm in self.arms:
            for visitor in arm.visitors.values():
                journey = steps(arm.plan.journey, _random(self._plan, "journey", arm.plan.id, visitor.number))
                yield Act(visitor, self._connection(arm), arm.pool.seat(), journey, arm.ledger)

    def _connection(self, arm: Arm) -> Connection:
        target, timeout_s = arm.target, self._assignment.timeout_s
        return Connection((target.host, target.port), timeout_s, tls=target.tls, reconnects=arm.plan.reconnects)


def _random(plan: BlockPlan, *parts: object) -> Random:
    return Random(seed(plan, *parts))  # noqa: S311 - reproducible load, not a secret


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
