"""SECURITY row 30: headers and cookies that a client makes up change neither who it is nor what it is answered."""

from collections.abc import Iterator, Mapping

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.plan import ArmPlan
from services.catalogue import SCHEMES
from services.endpoints import PROFILE
from tests.fleet import Fleet, full_speed
from tests.services.web.client import HOST, Client, over_tcp
from tests.services.web.mounts import COOKIES, GUARDED, MOUNTS, Mount, under

SPOOFED: Mapping[str, str] = {
    "X-Forwarded-For": "10.0.0.1",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Prefix": "/none/bearer",
    "X-Forwarded-User": "admin",
    "Forwarded": "for=10.0.0.1;host=evil.test;proto=https",
    "X-Real-IP": "10.0.0.1",
    "X-Replica": "evil",
    "X-Original-URL": "/none/bearer/profile",
    "X-Rewrite-URL": "/none/bearer/profile",
    "X-HTTP-Method-Override": "POST",
    "X-Remote-User": "admin",
    "Remote-User": "admin",
    "SCRIPT-NAME": "/none",
    "PATH-INFO": "/healthz",
    "Via": "1.1 evil.test",
}
AFFINITY = ["", "garbage", "replica-1", "replica-2", "a" * 4000, '"quoted"', "\xff", "0123456789abcdef", "=", "../.."]


@under(GUARDED)
def test_row_30_spoofed_headers_open_nothing(fleet: Fleet, mount: Mount) -> None:
    """Whoever a client says it was forwarded for, without a credential it is 401, by a replica of ours."""
    answer = fleet.client(*mount).get("profile", SPOOFED)
    assert (answer.status, answer.reason) == (401, "missing")
    assert answer.header("X-Replica").rpartition("-")[0] in {"replica", "bff"}


@under(MOUNTS)
def test_row_30_spoofed_headers_change_no_answer(fleet: Fleet, mount: Mount) -> None:
    """One by one, with a credential: the same read as without them."""
    client = fleet.logged_in(*mount)
    for name, value in SPOOFED.items():
        answer = client.get("profile", {name: value})
        assert (answer.status, answer.body) == (200, PROFILE), name
        assert "evil" not in str(answer), name


@under(COOKIES)
def test_row_30_spoofed_headers_excuse_no_foreign_origin(fleet: Fleet, mount: Mount) -> None:
    """A page elsewhere cannot declare itself the host."""
    client = fleet.logged_in(*mount)
    assert client.post("notes", {"text": "x"}, {**SPOOFED, "Origin": "https://evil.test"}).reason == "cross-site"
    assert client.post("notes", {"text": "x"}, {**SPOOFED, "Origin": f"https://{HOST}"}).status == 201


@pytest.fixture(scope="module")
def sticky(crowd: Foundation) -> Iterator[RunningArm]:
    """Two replicas behind a load balancer that keeps a client at one of them by its cookie SRV."""
    plan = ArmPlan("sticky", "none", "bearer", 2, "sticky", "steady", visitors=1)
    with full_speed(Stack([plan], crowd, mounted=tuple(SCHEMES))) as stack:
        yield stack.arms["sticky"]


@under(COOKIES)
def test_row_30_a_forged_affinity_cookie_changes_who_answers_at_most(
    sticky: RunningArm, fleet: Fleet, mount: Mount
) -> None:
    """Garbage is replaced, a foreign value sends elsewhere: where a login is known it is 200, else 401, never 5xx."""
    client = Client(over_tcp(sticky.port), *mount)
    assert client.log_in("user-000000", fleet.password).status == 200
    home = client.answers[-1].header("X-Replica")
    for value in AFFINITY:
        twin = client.twin()
        twin.cookies["SRV"] = value
        answer = twin.get("profile")
        is_known = answer.header("X-Replica") == home or not SCHEMES[mount[0]].traits.needs_affinity
        assert answer.status == (200 if is_known else 401), (value, answer)
    answers = [client.get("profile") for _ in range(4)]
    assert {(answer.status, answer.header("X-Replica")) for answer in answers} == {(200, home)}


@under(COOKIES)
def test_row_30_an_affinity_cookie_is_no_credential(sticky: RunningArm, fleet: Fleet, mount: Mount) -> None:
    """Another client's, stolen, leads to the same replica and to no login."""
    client = Client(over_tcp(sticky.port), *mount)
    assert client.log_in("user-000001", fleet.password).status == 200
    thief = Client(client.send, *mount, cookies={"SRV": client.cookies["SRV"]})
    answer = thief.get("profile")
    assert (answer.status, answer.reason) == (401, "missing")
    assert answer.header("X-Replica") == client.answers[-1].header("X-Replica")
