"""Locust users of headless cells: each is one visitor, logged in before timing starts, acting when it is told to."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from gevent.lock import BoundedSemaphore
from locust import User, task

from loadtests.exchange import row
from loadtests.journeys import Step
from loadtests.locust_.dispatcher import Seat
from loadtests.locust_.wire import Connection
from loadtests.tape import Tape
from loadtests.visitor import Flow, Visitor, log_in

LOGINS_AT_ONCE = 16
"""All visitors of a large block at once would keep its stores from answering in time."""


@dataclass(slots=True)
class Ledger:
    """What one arm's visitors do: requests put on the wire, and the tape of the samples that came of them."""

    tape: Tape
    sent: int = 0


@dataclass(slots=True)
class Act:
    """Everything one Locust user needs to be one visitor."""

    visitor: Visitor
    connection: Connection
    seat: Seat
    steps: Iterator[Step]
    ledger: Ledger

    def perform(self, flow: Flow, intended_ns: int) -> None:
        """Carry a flow's calls over the wire, one sample each; a call after the first is intended when it is made."""
        ledger, exchange = self.ledger, self.connection.exchange
        call = next(flow, None)
        while call is not None:
            ledger.sent += 1
            sent_ns = time.monotonic_ns()
            response = exchange(call.request)
            done_ns = response.received_ns or time.monotonic_ns()
            ledger.tape.add(row(self.visitor.number, call, response, (intended_ns, sent_ns, done_ns)))
            intended_ns = done_ns
            try:
                call = flow.send(response)
            except StopIteration:
                return


class HeadlessVisitor(User):  # type: ignore[misc] # locust ships no types
    """Logs in when it starts, then acts on each arrival its seat is given."""

    acts: ClassVar[Iterator[Act]]
    door: ClassVar[BoundedSemaphore] = BoundedSemaphore(LOGINS_AT_ONCE)

    def on_start(self) -> None:
        """Take the next part and log in, once it is this visitor's turn."""
        self.act = next(type(self).acts)
        with self.door:
            self.act.perform(log_in(self.act.visitor), time.monotonic_ns())

    @task  # type: ignore[untyped-decorator] # locust ships no types
    def follow(self) -> None:
        """Act, arrival after arrival, for as long as the user lives."""
        act = self.act
        for step in act.steps:
            intended_ns = act.seat.next_arrival()
            act.perform(step(act.visitor), intended_ns)

    def on_stop(self) -> None:
        """Close the connection."""
        self.act.connection.close()
