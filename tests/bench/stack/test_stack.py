"""A stack: every arm on servers of its own, counted apart, and gone when it is left."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from bench.stack.arm import RunningArm
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.haproxy_config import Front
from bench.stack.janitor import look
from bench.stack.listening import listen, port_of
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan


def _plan(scheme: str, replicas: int = 1) -> ArmPlan:
    return ArmPlan(f"{scheme}-{replicas}", scheme, "cookie", replicas, "roundrobin", "steady", visitors=10)


@pytest.fixture(scope="module")
def stack(foundation: Foundation) -> Iterator[Stack]:
    """Two arms, one of them with two replicas and a Redis."""
    with Stack([_plan("redis-session", 2), _plan("none")], foundation) as stack:
        yield stack


def _login(arm: RunningArm, foundation: Foundation) -> int:
    connection = HTTPConnection(arm.host, arm.port, timeout=10)
    body = {"username": "user-000000", "password": foundation.users_password_file.read_text()}
    headers = {"Content-Type": "application/json", "Connection": "close"}
    connection.request("POST", f"/{arm.plan.scheme}/cookie/login", json.dumps(body), headers)
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status


def test_a_login_works_through_every_arm(stack: Stack, foundation: Foundation) -> None:
    """Load balancer, replica, Redis and the seeded database work together."""
    assert {_login(arm, foundation) for arm in stack.arms.values()} <= {200, 204}


def test_processes_are_listed_by_component(stack: Stack, foundation: Foundation) -> None:
    """Every process of an arm is listed once, alive, under the component its CPU time belongs to."""
    arm = stack.arms["redis-session-2"]
    for _ in range(2):
        _login(arm, foundation)
    parts = arm.processes()
    named = {(part.component, part.name) for part in parts}
    assert {("replicas", "replica-1"), ("replicas", "replica-2"), ("haproxy", "haproxy"), ("redis", "redis")} <= named
    assert "postgres" in {part.component for part in parts}
    assert len({part.pid for part in parts}) == len(parts) == len(named)
    assert all(look(part.pid) for part in parts)
    assert {part.component for part in stack.arms["none-1"].processes()} <= {"replicas", "haproxy", "postgres"}


def test_store_commands_are_each_arms_own(stack: Stack, foundation: Foundation) -> None:
    """A login on one arm counts there, in both stores, and nowhere else."""
    for arm in stack.arms.values():
        arm.reset_counts()
    _login(stack.arms["redis-session-2"], foundation)
    counted = stack.arms["redis-session-2"].store_commands()
    assert counted["postgres"]["select"] >= 1
    assert sum(counted["redis"].values()) >= 1
    assert stack.arms["none-1"].store_commands() == {"redis": {}, "postgres": {}}


def test_a_dead_server_is_noticed(foundation: Foundation) -> None:
    """An arm is alive until one of its servers has ended; leaving is clean all the same."""
    with Stack([_plan("none")], foundation, seed=1) as stack:
        arm = stack.arms["none-1"]
        assert arm.alive()
        arm.replicas[0].kill()
        assert not arm.alive()


def test_leaving_ends_every_server_and_drops_the_databases(foundation: Foundation) -> None:
    """What an arm had is gone; the cluster is not."""
    with Stack([_plan("redis-session")], foundation) as stack:
        arm = stack.arms["redis-session-1"]
        pids = [part.pid for part in arm.processes()]
    assert [look(pid) for pid in pids] == [None] * len(pids)
    names = foundation.cluster.execute("SELECT datname FROM pg_database WHERE datname = %s", arm.database)
    assert names == []
    assert foundation.cluster.answers()


def test_a_known_port_can_be_asked_for(foundation: Foundation) -> None:
    """A user's own port is used, and when it is taken nothing is left running."""
    with listen() as taken:
        front = Front(port=port_of(taken))
        with pytest.raises(NotReadyError, match=f"port {front.port} "), Stack([_plan("none")], foundation, front=front):
            pass
    with Stack([_plan("none")], foundation, front=front) as stack:
        assert stack.arms["none-1"].port == front.port
