"""What visitors of the containers meet: who answers them, who still knows them, and what a dead one takes along."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.compose.project import SCALE, Project, docker, settled
from tests.services.web.client import Client

REQUESTS = 400


@pytest.fixture
def healed(project: Project) -> Iterator[Project]:
    """Whatever a test stops runs again afterwards."""
    yield project
    project.up()
    assert settled(lambda: len(project.replicas("ROUNDROBIN_PORT")) == SCALE["api"])


def answerers(client: Client, requests: int) -> Counter[str]:
    """Who answered so many reads."""
    return Counter(client.get("profile").header("X-Replica") for _ in range(requests))


def test_round_robin_gives_each_replica_its_share(project: Project, password: str) -> None:
    """Each of four replicas answers 20 to 30 % of one visitor's requests, and they are the four containers."""
    shares = answerers(project.logged_in("jwt-hs256", "bearer", "ROUNDROBIN_PORT", password), REQUESTS)
    assert set(shares) == {identity[:12] for identity in project.containers("api")}
    assert all(0.20 <= count / REQUESTS <= 0.30 for count in shares.values()), shares


def test_the_sticky_port_keeps_a_visitor_on_one_replica(project: Project, password: str) -> None:
    """All requests of a visitor are answered by who logged it in, so no session in memory is ever missed."""
    visitors = [project.logged_in("memory-session", "cookie", "STICKY_PORT", password) for _ in range(8)]
    for visitor in visitors:
        assert len(answerers(visitor, 25)) == 1
        assert {answer.status for answer in visitor.answers} == {200}
        assert len({answer.header("X-Replica") for answer in visitor.answers}) == 1
    assert len({visitor.answers[0].header("X-Replica") for visitor in visitors}) == SCALE["api"]


def test_memory_sessions_without_stickiness_are_lost(project: Project, password: str) -> None:
    """Theory: 1 - 1/4 of the requests meet a replica that never heard of the session."""
    visitor = project.logged_in("memory-session", "cookie", "ROUNDROBIN_PORT", password)
    answers = [visitor.get("profile") for _ in range(REQUESTS)]
    refused = [answer.reason for answer in answers if answer.status == 401]
    assert set(refused) == {"unknown"}
    assert 0.65 <= len(refused) / REQUESTS <= 0.85


def test_a_killed_replica_takes_its_visitors_sessions_along(healed: Project, password: str) -> None:
    """On the sticky port they go on at one other replica: with a token unharmed, with a session in memory out."""
    session = healed.logged_in("memory-session", "cookie", "STICKY_PORT", password)
    bearer = healed.logged_in("jwt-hs256", "bearer", "STICKY_PORT", password)
    bearer.cookies["SRV"] = session.cookies["SRV"]
    affinity = {"Cookie": f"SRV={session.cookies['SRV']}"}
    victim = session.answers[-1].header("X-Replica")
    assert bearer.get("profile", affinity).header("X-Replica") == victim

    docker("kill", victim)

    assert (bearer.get("profile", affinity).status, session.get("profile").reason) == (200, "unknown")
    survivors = answerers(session, 20)
    assert len(survivors) == 1
    assert victim not in survivors


@pytest.mark.parametrize("scheme", ["bff", "bff-memory"])
def test_the_bff_answers_under_its_path(project: Project, password: str, scheme: str) -> None:
    """A visitor logs in, reads, writes and logs out through lb and a BFF, which finds the API through lb."""
    visitor = project.logged_in(scheme, "cookie", "STICKY_PORT", password)
    assert visitor.get("profile").status == 200
    assert visitor.post("notes", {"text": "x"}).status == 201
    assert visitor.log_out().status == 200
    assert visitor.get("profile").status == 401
    answered_by = {answer.header("X-Replica") for answer in visitor.answers}
    assert len(answered_by) == 1
    assert answered_by <= {identity[:12] for identity in project.containers("bff")}


@pytest.mark.parametrize("scheme", ["memory-session", "redis-session", "jwt-rs256", "refresh-token", "bff"])
def test_nobody_reads_without_a_credential(project: Project, scheme: str) -> None:
    """401 and a challenge on both ports."""
    for port in ("ROUNDROBIN_PORT", "STICKY_PORT"):
        answer = Client(project.sender(port), scheme, "cookie").get("profile")
        assert (answer.status, answer.reason) == (401, "missing")
        assert answer.header("WWW-Authenticate")


def test_a_store_that_is_down_is_503(healed: Project, password: str) -> None:
    """While Redis is stopped its sessions are neither accepted nor refused; who needs no Redis is served."""
    session = healed.logged_in("redis-session", "cookie", "ROUNDROBIN_PORT", password)
    token = healed.logged_in("jwt-es256", "bearer", "ROUNDROBIN_PORT", password)
    healed("stop", "redis")
    down = session.get("profile")
    assert down.status == 503
    assert down.header("Retry-After")
    assert token.get("profile").status == 200
    healed.up()
    assert session.get("profile").reason == "unknown"
