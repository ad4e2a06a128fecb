"""A running service as a client in the field sees it: two replicas and a load balancer over real stores."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import count

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.assignment import USERNAME
from loadtests.plan import ArmPlan
from services.catalogue import SCHEMES, find
from services.settings import Settings
from tests.services.web.client import Client, Send, over_tcp

PAIR, SINGLE = "pair", "single"

COVERAGE = "COVERAGE_PROCESS_CONFIG"
"""By which coverage measures the processes that a measured one starts."""

_numbers = count()


@dataclass(frozen=True, slots=True)
class Fleet:
    """`pair`: two replicas in turns; `single`: one replica, for schemes whose credentials work on one alone.

    Every replica serves every scheme, or the BFF beside it. Their clocks pass by themselves and are moved by `skew`.
    """

    pair: RunningArm
    single: RunningArm
    foundation: Foundation

    @property
    def password(self) -> str:
        """What opens every account."""
        return self.foundation.users_password_file.read_text(encoding="utf-8").strip()

    def arm(self, scheme: str) -> RunningArm:
        """The arm that serves `scheme`."""
        return self.single if find(scheme).traits.needs_affinity else self.pair

    def send(self, scheme: str) -> Send:
        """Through the load balancer of `arm`."""
        return over_tcp(self.arm(scheme).port)

    def client(self, scheme: str, carrier: str) -> Client:
        """A fresh user agent."""
        return Client(self.send(scheme), scheme, carrier)

    def logged_in(self, scheme: str, carrier: str, name: str = "") -> Client:
        """A user agent of `name`, or of a user of its own, who is logged in."""
        client = self.client(scheme, carrier)
        answer = client.log_in(name or self.new_user(), self.password)
        assert answer.status == 200, answer
        return client

    def new_user(self) -> str:
        """A user nobody else uses; tests log in as many without knowing of each other."""
        number = next(_numbers)
        assert number < self.foundation.users, f"{self.foundation.users} users are spent; seed more"
        return USERNAME.format(number)

    def skew(self, offset_s: float) -> None:
        """Move the clocks of all replicas and BFFs to `offset_s` from system time."""
        for arm in (self.pair, self.single):
            arm.skew(offset_s)


@contextmanager
def unmeasured() -> Iterator[None]:
    """Processes started meanwhile run at full speed: their coverage is not measured, which halves it."""
    config = os.environ.pop(COVERAGE, None)
    try:
        yield
    finally:
        if config is not None:
            os.environ[COVERAGE] = config


@contextmanager
def full_speed(stack: Stack) -> Iterator[Stack]:
    """A stack whose processes start unmeasured; what is started while it runs is measured again."""
    with ExitStack() as running:
        with unmeasured():
            running.enter_context(stack)
        yield stack


@contextmanager
def fleet_of(foundation: Foundation, settings: Settings | None = None) -> Iterator[Fleet]:
    """A fleet of its own; `settings` in place of the foundation's, whose keys and database it must keep.

    Unmeasured: tests that have a service in their own process, or behind gunicorn alone, cover what it runs.
    """
    ground = replace(foundation, settings=settings or foundation.settings)
    arms = [_arm(PAIR, 2), _arm(SINGLE, 1)]
    with full_speed(Stack(arms, ground, mounted=tuple(SCHEMES))) as stack:
        yield Fleet(stack.arms[PAIR], stack.arms[SINGLE], ground)


def _arm(name: str, replicas: int) -> ArmPlan:
    return ArmPlan(name, "none", "bearer", replicas, "roundrobin", "steady", visitors=1)
