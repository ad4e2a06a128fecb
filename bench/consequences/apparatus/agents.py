"""User agents of one scheme, each of whose requests goes where the experiment aims it and is written down."""

import math
import time
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace

from bench.analysis.model import Verdict
from bench.consequences.lab import Lab
from bench.measure.client import ask
from bench.stack.arm import RunningArm
from loadtests.assignment import USERNAME, Target
from loadtests.exchange import Call, Response, sampled
from loadtests.plan import ArmPlan, SlicePlan, cell
from loadtests.record import Counts, Event, Footer, Header, Record, Sample
from loadtests.visitor import Flow, Visitor
from services.contract import SchemeSpec
from services.seed import ADMIN

NS_PER_S = 1_000_000_000
OK, UNAUTHORIZED = 200, 401
NOBODY = -1
"""The number of an administrator, who is no visitor."""
ENDS = ("slice-start", "slice-end")

Step = Callable[[Visitor], Flow]


def carry(flow: Flow, send: Callable[[Call], Response]) -> Response:
    """Bring `flow` to its end by `send`; the last answer."""
    call = next(flow)
    while True:
        response = send(call)
        try:
            call = flow.send(response)
        except StopIteration:
            return response


@dataclass(frozen=True, slots=True)
class Agent:
    """One user agent, a second tab or a thief; it opens a connection for each request. Thread-safe against others."""

    visitor: Visitor
    _samples: list[Sample]

    def twin(self) -> "Agent":
        """Another that holds the same."""
        return replace(self, visitor=deepcopy(self.visitor))

    def take(self, step: Step, at: Target) -> Response:
        """Carry `step` to its end; the last answer."""
        return carry(step(self.visitor), lambda call: self.send(call, at))

    def post(self, endpoint: str, fields: Mapping[str, str], at: Target) -> Response:
        """What is no step of a journey, and so no sample: the experiment tells it as an event."""
        return ask(at, self.visitor.post(endpoint, fields))

    def send(self, call: Call, at: Target) -> Response:
        """Send one request and write down what came of it."""
        sent_ns = time.monotonic_ns()
        response = ask(at, call.request)
        done_ns = time.monotonic_ns()
        self._samples.append(sampled(self.visitor.number, call, response, (sent_ns, sent_ns, done_ns)))
        return response


@dataclass(frozen=True, slots=True)
class Entrance:
    """One scheme of a running arm, which may serve others as well, and all that was asked there.

    `plan` is the scheme's: it names the record, and says which scheme and carrier agents use.
    """

    plan: ArmPlan
    arm: RunningArm
    lab: Lab
    samples: list[Sample] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @property
    def spec(self) -> SchemeSpec:
        """What is known about the scheme."""
        return self.lab.spec(self.plan.scheme)

    @property
    def balancer(self) -> Target:
        """Where the load balancer listens."""
        return Target(self.arm.host, self.arm.port)

    @property
    def replicas(self) -> tuple[Target, ...]:
        """Where each of those listens who answer the scheme's clients."""
        facing = self.arm.bffs if self.spec.front == "bff" else self.arm.replicas
        return tuple(Target(self.arm.host, one.port) for one in facing)

    def agent(self, user: int) -> Agent:
        """One of the seeded user of that number, not logged in. ValueError when there are fewer users."""
        if user >= self.lab.foundation.users:
            message = f"found {self.lab.foundation.users} users, expected more than {user}; use fewer schemes at a time"
            raise ValueError(message)
        return self._agent(user, USERNAME.format(user))

    def administrator(self) -> Agent:
        """One of the administrator, not logged in."""
        return self._agent(NOBODY, ADMIN)

    def tell(self, what: str) -> Event:
        """Write down that `what` has happened now."""
        event = Event(time.monotonic_ns(), what, self.plan.id)
        self.events.append(event)
        return event

    def record(self, verdict: Verdict) -> Record:
        """All that was asked so far, between the first request and the last; nothing of it was scheduled."""
        samples = tuple(sorted(self.samples, key=lambda sample: sample.sent_ns))
        ends_ns = (samples[0].sent_ns, max(sample.done_ns for sample in samples))
        seconds = math.ceil((ends_ns[1] - ends_ns[0]) / NS_PER_S)
        planned = cell(self.plan, SlicePlan("latency", 0.0, seconds, pinned=False))
        first, last = (Event(at_ns, kind, self.plan.id) for at_ns, kind in zip(ends_ns, ENDS, strict=True))
        header = Header(planned, 0, (self.plan.id,), self.lab.facts)
        footer = _footer(verdict, len(samples), sum(sample.status > 0 for sample in samples))
        return Record(header, samples, (), (first, *self.events, last), footer)

    def _agent(self, number: int, name: str) -> Agent:
        return Agent(Visitor(number, self.plan, self.balancer.authority, name, self.lab.password), self.samples)


def _footer(verdict: Verdict, sent: int, received: int) -> Footer:
    return Footer(
        Counts(sent, sent, received, None),
        verdict.status,
        verdict.reasons,
        disturbed=False,
        idle_cpu_ns_per_s={},
        store_commands=None,
        generator_cpu_ratio=None,
        loop_lag_ns=None,
    )
