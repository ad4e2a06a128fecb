"""An arm with more than replicas: BFFs in front of them, helper services beside them."""

import json
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse

import pytest

from bench.stack import arm as arms
from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.janitor import look
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan, Balancing
from services import catalogue
from services.contract import HelperService, SchemeSpec

HOUR_S = 3600.0
ECHO = """
import os, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Silent(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(404)

HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Silent).serve_forever()
"""


def _plan(scheme: str, replicas: int = 2, balancing: Balancing = "roundrobin") -> ArmPlan:
    return ArmPlan(f"{scheme}-{replicas}-{balancing}", scheme, "cookie", replicas, balancing, "steady", visitors=10)


@pytest.fixture(scope="module")
def fronted(foundation: Foundation) -> Iterator[RunningArm]:
    """Two BFFs before two replicas, which keep account of what they do."""
    plan = replace(_plan("bff"), is_twin=True)
    with Stack([plan], foundation) as stack:
        yield stack.arms[plan.id]


@pytest.fixture(scope="module")
def mixed(foundation: Foundation) -> Iterator[RunningArm]:
    """One replica that serves clients and a BFF."""
    plan = _plan("none", 1)
    with Stack([plan], foundation, mounted=("none", "bff", "jwt-hs256")) as stack:
        yield stack.arms[plan.id]


@pytest.mark.stack
def test_a_twin_tells_what_its_services_spent_on_what(fronted: RunningArm, mixed: RunningArm) -> None:
    """Summed over replicas and over BFFs, what was never entered left out; no other arm tells anything."""
    for _ in range(3):
        _ask(fronted, "GET", "/bff/cookie/profile")
    # what an answer took is written down right after it was sent
    fronted.bffs[0].process.wait_ready(lambda: fronted.spans()["bff/carrier"].calls >= 3)
    spans = fronted.spans()
    assert {"bff/server", "bff/framework", "bff/dispatch", "replicas/dispatch"} <= spans.keys()
    assert "replicas/upstream" not in spans
    assert mixed.spans() == {}


def _ask(arm: RunningArm, method: str, path: str, body: str | None = None, **headers: str) -> HTTPResponse:
    connection = HTTPConnection(arm.host, arm.port, timeout=10)
    try:
        connection.request(method, path, body, {"Connection": "close", **headers})
        response = connection.getresponse()
        response.read()
        return response
    finally:
        connection.close()


def _log_in(arm: RunningArm, foundation: Foundation, mount: str) -> HTTPResponse:
    body = json.dumps({"username": "user-000000", "password": foundation.users_password_file.read_text()})
    return _ask(arm, "POST", f"/{mount}/login", body, **{"Content-Type": "application/json"})


def _cookie(response: HTTPResponse) -> str:
    return "; ".join(line.partition(";")[0] for line in response.headers.get_all("Set-Cookie") or [])


def test_a_login_passes_both_services(fronted: RunningArm, foundation: Foundation) -> None:
    """Any BFF knows it afterwards; clients see nobody but BFFs, which the proof and the clocks mean as well."""
    login = _log_in(fronted, foundation, "bff/cookie")
    assert login.status == 200
    reads = [_ask(fronted, "GET", "/bff/cookie/profile", Cookie=_cookie(login)) for _ in range(4)]
    assert [read.status for read in reads] == [200] * 4
    assert {read.headers["X-Replica"] for read in reads} == {"bff-1", "bff-2"} == {one.name for one in fronted.facing}


def test_replicas_serve_what_bffs_ask_for_and_no_more(fronted: RunningArm, foundation: Foundation) -> None:
    """The scheme behind the BFF is there, nothing else is."""
    assert _log_in(fronted, foundation, "refresh-token/bearer").headers["X-Replica"].startswith("replica-")
    assert _log_in(fronted, foundation, "jwt-hs256/bearer").status == 404


def test_only_requests_of_clients_are_counted(fronted: RunningArm, foundation: Foundation) -> None:
    """What a BFF asks the API is its own work, counted in the stores and not at the front."""
    fronted.reset_counts()
    before = fronted.haproxy.requests() or 0
    _log_in(fronted, foundation, "bff/cookie")
    assert (fronted.haproxy.requests() or 0) - before == 1
    counted = fronted.store_commands()
    assert counted["postgres"]["select"] == 1
    assert sum(counted["redis"].values()) > 0


def test_clocks_of_both_services_move(fronted: RunningArm, foundation: Foundation) -> None:
    """Half a day later a session is over, and a token of that time would be."""
    cookie = _cookie(_log_in(fronted, foundation, "bff/cookie"))
    fronted.skew(13 * HOUR_S)
    try:
        assert _ask(fronted, "GET", "/bff/cookie/profile", Cookie=cookie).status == 401
    finally:
        fronted.skew(0.0)


def test_every_process_has_its_component(fronted: RunningArm) -> None:
    """BFFs are apart from replicas, in the order a request meets them."""
    parts = fronted.processes()
    assert list(dict.fromkeys(part.component for part in parts))[:4] == ["haproxy", "bff", "replicas", "redis"]
    named = [part.name for part in parts if part.component in {"bff", "replicas"}]
    expected = [
        f"{role}-{number}{kind}" for role in ("bff", "replica") for number in (1, 2) for kind in ("-master", "")
    ]
    assert named == expected
    assert len({part.pid for part in parts}) == len(parts)


def test_both_services_answer_behind_one_address(mixed: RunningArm, foundation: Foundation) -> None:
    """Each scheme is answered by those it belongs to; the plan's own says whom the proof drives."""
    answering = {
        mount: _log_in(mixed, foundation, mount).headers["X-Replica"]
        for mount in ("bff/cookie", "jwt-hs256/bearer", "refresh-token/bearer", "none/bearer")
    }
    assert answering.pop("bff/cookie") == "bff-1"
    assert set(answering.values()) == {"replica-1"} == {one.name for one in mixed.facing}


def test_layer_4_gives_all_to_the_bffs(foundation: Foundation) -> None:
    """An arm of nothing but a BFF scheme works without paths, and ends with its BFFs."""
    plan = _plan("bff", 1, "roundrobin-l4")
    with Stack([plan], foundation) as stack:
        arm = stack.arms[plan.id]
        assert _log_in(arm, foundation, "bff/cookie").status == 200
        assert arm.alive()
        arm.bffs[0].kill()
        assert not arm.alive()
        pids = [part.pid for part in arm.processes()]
    assert [look(pid) for pid in pids] == [None] * len(pids)


def test_helpers_live_as_long_as_their_arm(foundation: Foundation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replicas are told where they are, their CPU time is a component of its own, and their end is the arm's."""
    service = HelperService("echo", ("python", "-c", ECHO))

    def helped(name: str) -> SchemeSpec:
        return replace(catalogue.find(name), helpers=(service,))

    monkeypatch.setattr(arms, "find", helped)
    plan = _plan("none", 1)
    with Stack([plan], foundation) as stack:
        arm = stack.arms[plan.id]
        (helper,) = arm.helpers
        assert arm.replicas[0]._settings.helpers == (helper.address,)
        (part,) = (part for part in arm.processes() if part.component == "helpers")
        assert (part.name, look(part.pid) is not None) == ("echo", True)
        assert arm.alive()
        helper.process.kill()
        assert not arm.alive()
        helper.move()
        pid = helper.process.pid
    assert look(pid) is None
