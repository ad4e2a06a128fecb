"""What a stack can have beside the usual: settings of an arm's own, stores far away, a Redis that remembers."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.janitor import look
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan

OWN_TTL_S = 77
ROUND_TRIP_S = 0.1
KEEPING, OWN = "redis-session-keeping", "jwt-hs256-own"


def _plan(name: str, scheme: str) -> ArmPlan:
    return ArmPlan(name, scheme, "cookie", 1, "roundrobin", "steady", visitors=10)


@pytest.fixture(scope="module")
def stack(foundation: Foundation) -> Iterator[Stack]:
    """One arm with a Redis that remembers, one with settings of its own, both at a distance."""
    with Stack(
        [_plan(KEEPING, "redis-session"), _plan(OWN, "jwt-hs256")],
        foundation,
        own={OWN: replace(foundation.settings, jwt_ttl_s=OWN_TTL_S)},
        distant=True,
        persistent=frozenset({KEEPING}),
    ) as stack:
        yield stack


def _ask(arm: RunningArm, method: str, step: str, body: object = None, cookie: str = "") -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(arm.host, arm.port, timeout=10)
    headers = {"Connection": "close", "Content-Type": "application/json", "Cookie": cookie}
    connection.request(method, f"/{arm.plan.scheme}/cookie/{step}", json.dumps(body), headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response, content


def _log_in(arm: RunningArm, foundation: Foundation) -> tuple[str, int]:
    """The cookie and how long it is good for."""
    body = {"username": "user-000000", "password": foundation.users_password_file.read_text()}
    response, content = _ask(arm, "POST", "login", body)
    assert response.status == 200
    return (response.headers["Set-Cookie"].partition(";")[0], json.loads(content)["expires_in"])


def test_settings_are_an_arms_own_where_it_has_some(stack: Stack, foundation: Foundation) -> None:
    """Its neighbour has the foundation's."""
    lives_s = {name: _log_in(arm, foundation)[1] for name, arm in stack.arms.items()}
    assert lives_s == {OWN: OWN_TTL_S, KEEPING: foundation.settings.session_idle_s}


def test_stores_can_be_moved_away_and_back(stack: Stack, foundation: Foundation) -> None:
    """A request waits for each round trip to either store, every arm's own; how far they are costs no request."""
    for arm in stack.arms.values():
        _log_in(arm, foundation)  # connects to both
    far, near = stack.arms[KEEPING], stack.arms[OWN]
    cookie = _log_in(far, foundation)[0]
    far.set_distance(ROUND_TRIP_S)
    asked_s = time.monotonic()
    assert _ask(far, "GET", "profile", cookie=cookie)[0].status == 200
    read_s = time.monotonic() - asked_s
    _log_in(far, foundation)
    assert (read_s >= ROUND_TRIP_S, time.monotonic() - asked_s - read_s >= 2 * ROUND_TRIP_S) == (True, True)
    far.set_distance(0.0)
    near.set_distance(ROUND_TRIP_S)
    assert _ask(far, "GET", "profile", cookie=cookie)[0].status == 200
    near.set_distance(0.0)


def test_the_distance_is_a_component_of_its_own(stack: Stack) -> None:
    """One process an arm, whose CPU time is nobody else's and whose end is the arm's."""
    parts = [part for arm in stack.arms.values() for part in arm.processes() if part.component == "distance"]
    assert [look(part.pid) is not None for part in parts] == [True, True]
    assert len({part.pid for part in parts}) == 2
    for arm in stack.arms.values():
        assert arm.distance
        assert arm.distance.process in arm.servers()


def test_a_redis_that_remembers_keeps_its_sessions(stack: Stack, foundation: Foundation) -> None:
    """Killed and started again it knows who is logged in, through the same way as before."""
    arm = stack.arms[KEEPING]
    cookie = _log_in(arm, foundation)[0]
    assert arm.valkey
    arm.valkey.kill()
    assert _ask(arm, "GET", "profile", cookie=cookie)[0].status == 503
    arm.valkey.restart()
    assert _ask(arm, "GET", "profile", cookie=cookie)[0].status == 200


def test_stores_beside_an_arm_cannot_be_moved(stack: Stack) -> None:
    """The usual arm has no such way: found, expected, do."""
    usual = replace(stack.arms[OWN], distance=None)
    with pytest.raises(ValueError, match=rf"'{OWN}': found its stores beside it, .*start it distant"):
        usual.set_distance(ROUND_TRIP_S)
    assert "distance" not in {part.component for part in usual.processes()}
