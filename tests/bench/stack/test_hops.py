"""A chain of services: each one checks the caller for itself, by its own store or by asking the API."""

from collections.abc import Iterator
from dataclasses import replace
from typing import get_args

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan
from services.settings import HopCheck
from tests.services.web.client import Client, over_tcp

VERIFY, INTROSPECT = CHECKS = get_args(HopCheck)
DEPTH = 2


def _plan(check: str) -> ArmPlan:
    return ArmPlan(check, "redis-session", "bearer", 1, "roundrobin", "steady", visitors=1)


@pytest.fixture(scope="module")
def stack(foundation: Foundation) -> Iterator[Stack]:
    """Two chains of two, which differ in how they find out who asks."""
    own = {check: replace(foundation.settings, hop_check=check, upstream_timeout_s=1.0) for check in CHECKS}
    with Stack([_plan(check) for check in CHECKS], foundation, own=own, hops=dict.fromkeys(CHECKS, DEPTH)) as stack:
        yield stack


def _logged_in(arm: RunningArm, foundation: Foundation) -> Client:
    client = Client(over_tcp(arm.port), arm.plan.scheme, arm.plan.carrier)
    assert client.log_in("user-000001", foundation.users_password_file.read_text()).status == 200
    return client


@pytest.mark.parametrize("check", CHECKS)
def test_every_service_checks_each_read(stack: Stack, foundation: Foundation, check: str) -> None:
    """The store is asked once a hop, whoever asks it; a login is the API's, a read the first hop's."""
    arm = stack.arms[check]
    client = _logged_in(arm, foundation)
    assert client.answers[-1].header("X-Replica") == "replica-1"
    arm.reset_counts()
    answers = [client.get("profile") for _ in range(3)]
    assert {(answer.status, answer.header("X-Replica")) for answer in answers} == {(200, "hop-1")}
    assert arm.store_commands()["redis"]["getex"] == 3 * DEPTH


@pytest.mark.parametrize("check", CHECKS)
def test_a_login_that_was_ended_passes_no_service(stack: Stack, foundation: Foundation, check: str) -> None:
    """401 at the first of them."""
    client = _logged_in(stack.arms[check], foundation)
    thief = client.twin()
    assert client.log_out().status == 200
    assert thief.get("profile").reason == "unknown"


def test_hops_are_a_component_of_their_own(stack: Stack) -> None:
    """In the order in which a request meets them; their clocks move with the others'."""
    arm = stack.arms[VERIFY]
    parts = arm.processes()
    assert list(dict.fromkeys(part.component for part in parts))[:3] == ["haproxy", "hops", "replicas"]
    assert [part.name for part in parts if part.component == "hops"] == [
        *("hop-1-master", "hop-1", "hop-2-master", "hop-2")
    ]
    assert [one.name for one in arm.services] == ["replica-1", "hop-1", "hop-2"]


def test_a_chain_without_its_last_service_says_so(stack: Stack, foundation: Foundation) -> None:
    """503 from the first, and the chain is no longer alive."""
    arm = stack.arms[VERIFY]
    client = _logged_in(arm, foundation)
    arm.hops[-1].kill()
    try:
        assert not arm.alive()
        answer = client.get("profile")
        assert (answer.status, answer.reason, answer.header("Retry-After")) == (503, "upstream-down", "1")
    finally:
        arm.hops[-1].start()
    assert client.get("profile").status == 200


def test_an_api_that_is_gone_stops_those_who_ask_it(stack: Stack, foundation: Foundation) -> None:
    """Where each hop introspects, nobody gets through without it; where each verifies, everybody does."""
    for check, status in ((INTROSPECT, 503), (VERIFY, 200)):
        arm = stack.arms[check]
        client = _logged_in(arm, foundation)
        arm.replicas[0].kill()
        try:
            assert client.get("profile").status == status
        finally:
            arm.replicas[0].start()
