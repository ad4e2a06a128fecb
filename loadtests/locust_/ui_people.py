"""Locust users for the web UI: each is one visitor at a pace of its own, logging in again when it was refused."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from locust import User, task
from locust.env import Environment

from loadtests.exchange import Call, sampled
from loadtests.journeys import Step, steps
from loadtests.locust_.ui_arrivals import Pace
from loadtests.locust_.ui_options import DEFAULT_HOST, Choice
from loadtests.locust_.wire import Connection
from loadtests.plan import Journey
from loadtests.record import Sample
from loadtests.visitor import Flow, Visitor, log_in

TIMEOUT_S = 10.0
NS_PER_MS = 1_000_000
UNAUTHORIZED = 401
FIRST_ERROR = 400


class UnexpectedAnswerError(Exception):
    """An answer that makes a request a failure in Locust's eyes; the message is what its tables show."""


@dataclass(slots=True)
class Visit:
    """Everything one Locust user needs to be one visitor. `refused`: the last answer was a 401."""

    visitor: Visitor
    connection: Connection
    steps: Iterator[Step]
    pace: Pace
    refusals_expected: bool
    refused: bool = False

    def next_step(self) -> Step:
        """A login where a person would log in now instead of carrying on, else the journey's next."""
        return log_in if self.refused or not self.visitor.is_logged_in else next(self.steps)

    def carry(self, flow: Flow, environment: Environment, intended_ns: int | None = None) -> None:
        """Send a flow's calls and report each to Locust; a call is intended when it is made unless told otherwise."""
        call = next(flow, None)
        while call is not None:
            sent_ns = time.monotonic_ns()
            response = self.connection.exchange(call.request)
            done_ns = response.received_ns or time.monotonic_ns()
            instants_ns = (sent_ns if intended_ns is None else intended_ns, sent_ns, done_ns)
            sample = sampled(self.visitor.number, call, response, instants_ns)
            environment.events.request.fire(**self._report(call, sample), response=response, sample=sample)
            self.refused = sample.status == UNAUTHORIZED
            intended_ns = None
            try:
                call = flow.send(response)
            except StopIteration:
                return

    def _report(self, call: Call, sample: Sample) -> dict[str, object]:
        method, path, _ = call.request.split(b" ", 2)
        name = path.rpartition(b"/")[2].decode()
        expected = self._expects(sample)
        return {
            "request_type": method.decode(),
            "name": f"{name}: 401 {sample.reason}" if expected and sample.status == UNAUTHORIZED else name,
            "response_time": (sample.done_ns - sample.intended_ns) / NS_PER_MS,
            "response_length": sample.bytes_down,
            "exception": None if expected else UnexpectedAnswerError(f"{sample.status} {sample.reason}"),
            "context": {},
        }

    def _expects(self, sample: Sample) -> bool:
        """Whether the scheme promised this: a refusal is a result where the credential was dead or may be unknown."""
        if sample.status == UNAUTHORIZED and sample.step != "login":
            return self.refusals_expected or not sample.had_valid_credential
        return 0 < sample.status < FIRST_ERROR


class Person(User):  # type: ignore[misc] # locust ships no types
    """Someone at a browser, on the journey the form says: logs in, then acts at the pace of the run."""

    host = DEFAULT_HOST
    journey: ClassVar[Journey | None] = None
    visits: ClassVar[Mapping[Journey | None, Iterator[Visit]]] = {}

    def on_start(self) -> None:
        """Take the next visit, log in and wait for the first step."""
        self.visit = next(self.visits[self.journey])
        self.visit.carry(log_in(self.visit.visitor), self.environment)
        self.wait_time()

    def wait_time(self) -> float:
        """Wait until the next step is due, instead of telling Locust how long to."""
        self.due_ns = self.visit.pace.next_start()
        return 0.0

    @task  # type: ignore[untyped-decorator] # locust ships no types
    def follow(self) -> None:
        """One step of the journey, or a login where one is needed first."""
        step = self.visit.next_step()
        self.visit.carry(step(self.visit.visitor), self.environment, self.due_ns)

    def on_stop(self) -> None:
        """Leave, and close the connection."""
        self.visit.pace.end()
        self.visit.connection.close()


class Browser(Person):
    """Always browses, whatever the form says."""

    journey = "browse"


class LoginHeavy(Person):
    """Half of all steps are logins."""

    journey = "login-heavy"


class RefreshHeavy(Person):
    """Half of all steps are refreshes."""

    journey = "refresh-heavy"


class LogoutHeavy(Person):
    """Half of all steps are a logout and a login."""

    journey = "logout-heavy"


PICKED = (Browser, LoginHeavy, RefreshHeavy, LogoutHeavy)
"""Classes for those who ask for them, by name or by `--class-picker`."""


def visits(choice: Choice, numbers: Iterator[int], pace: Callable[[], Pace]) -> Iterator[Visit]:
    """Visits without end, each by the next visitor."""
    host, port = choice.address
    for number in numbers:
        visitor = Visitor(number, choice.arm, f"{host}:{port}", choice.username(number), choice.password)
        journey = steps(choice.arm.journey, Random(number))  # noqa: S311 - reproducible load, not a secret
        connection = Connection(choice.address, TIMEOUT_S, reconnects=choice.arm.reconnects)
        yield Visit(visitor, connection, journey, pace(), choice.refusals_expected)
