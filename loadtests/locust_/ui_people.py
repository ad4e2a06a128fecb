"""Ordinary Locust users for the web UI: closed loop, at a person's pace, logging in again when they were refused."""

import logging
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from random import Random
from typing import ClassVar

from gevent import GreenletExit
from locust import User, between, task
from locust.env import Environment

from loadtests.journeys import Step, steps
from loadtests.locust_.ui_options import DEFAULT_HOST, Choice, ChoiceError, read_choice
from loadtests.locust_.wire import Connection
from loadtests.visitor import Call, Flow, Response, Visitor, log_in

TIMEOUT_S = 10.0
NS_PER_MS = 1_000_000
EXIT_USAGE = 2
UNAUTHORIZED = 401
FIRST_ERROR = 400

log = logging.getLogger(__name__)


class UnexpectedAnswerError(Exception):
    """An answer that makes a request a failure in Locust's eyes; the message is what its tables show."""


@dataclass(slots=True)
class Visit:
    """Everything one Locust user needs to be one visitor. `refused`: the last answer was a 401."""

    visitor: Visitor
    connection: Connection
    steps: Iterator[Step]
    refusals_expected: bool
    refused: bool = False

    @property
    def must_log_in(self) -> bool:
        """Whether a person would log in now instead of carrying on."""
        return self.refused or not self.visitor.is_logged_in

    def carry(self, flow: Flow, environment: Environment) -> None:
        """Send a flow's calls and report each to Locust."""
        call = next(flow, None)
        while call is not None:
            started_ns = time.monotonic_ns()
            response = self.connection.exchange(call.request)
            elapsed_ms = (time.monotonic_ns() - started_ns) / NS_PER_MS
            environment.events.request.fire(**self._report(call, response, elapsed_ms))
            self.refused = response.status == UNAUTHORIZED
            try:
                call = flow.send(response)
            except StopIteration:
                return

    def _report(self, call: Call, response: Response, elapsed_ms: float) -> dict[str, object]:
        method, path, _ = call.request.split(b" ", 2)
        name = path.rpartition(b"/")[2].decode()
        expected = self._expects(call, response)
        return {
            "request_type": method.decode(),
            "name": f"{name}: 401 {response.reason}" if expected and response.status == UNAUTHORIZED else name,
            "response_time": elapsed_ms,
            "response_length": response.bytes_down,
            "exception": None if expected else UnexpectedAnswerError(f"{response.status} {response.reason}"),
            "context": {},
        }

    def _expects(self, call: Call, response: Response) -> bool:
        """Whether the scheme promised this: a refusal is a result where the credential was dead or may be unknown."""
        if response.status == UNAUTHORIZED and call.step != "login":
            return self.refusals_expected or not call.had_valid_credential
        return 0 < response.status < FIRST_ERROR


class Person(User):  # type: ignore[misc] # locust ships no types
    """Someone at a browser: logs in, follows the journey and thinks about a second between two steps."""

    host = DEFAULT_HOST
    wait_time = between(0.5, 1.5)
    visits: ClassVar[Iterator[Visit]]

    def on_start(self) -> None:
        """Take the next visit and log in."""
        self.visit = next(type(self).visits)
        self.visit.carry(log_in(self.visit.visitor), self.environment)

    @task  # type: ignore[untyped-decorator] # locust ships no types
    def follow(self) -> None:
        """One step of the journey, or a login where one is needed first."""
        visit = self.visit
        step = log_in if visit.must_log_in else next(visit.steps)
        visit.carry(step(visit.visitor), self.environment)

    def on_stop(self) -> None:
        """Close the connection."""
        self.visit.connection.close()


def check(environment: Environment, **_: object) -> None:
    """Leave with one line and exit code 2 when the command line already asks for what cannot be."""
    try:
        _choice(environment)
    except ChoiceError as error:
        sys.stderr.write(f"locust: {error}\n")
        sys.exit(EXIT_USAGE)


def enroll(environment: Environment) -> None:
    """Prepare the visits of a new run from what the form says now; when that cannot be, log why and start nothing."""
    try:
        Person.visits = visits(_choice(environment))
    except ChoiceError as error:
        log.error("%s", error)  # noqa: TRY400 - the line says it all
        raise GreenletExit from error


def _choice(environment: Environment) -> Choice:
    return read_choice(environment.parsed_options, environment.host or DEFAULT_HOST)


def visits(choice: Choice) -> Iterator[Visit]:
    """Visits without end, each by the next visitor."""
    host, port = choice.address
    for number in count():
        visitor = Visitor(number, choice.arm, f"{host}:{port}", choice.username(number), choice.password)
        journey = steps(choice.arm.journey, Random(number))  # noqa: S311 - reproducible load, not a secret
        yield Visit(visitor, Connection(choice.address, TIMEOUT_S), journey, choice.refusals_expected)
