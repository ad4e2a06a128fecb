"""A hop believes nobody: it verifies by itself or asks the API, before the next service hears of the request."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace

import pytest

from services.catalogue import SCHEMES
from services.endpoints import PROFILE
from services.hop import assemble, create_app, open_way
from services.settings import HopCheck, Settings, SettingsError, from_environment
from tests.fleet import Fleet
from tests.services.web.client import Client, Send, in_process
from tests.services.web.mounts import API, CONTROL, Mount, under
from tests.services.wiretap import Fault, Wiretap, tapped

SHARED = [mount for mount in API if mount[0] != "memory-session"]
"""What more than one service can verify."""
CHECKED = [mount for mount in SHARED if mount[0] != CONTROL and not SCHEMES[mount[0]].traits.antipattern]
SOME: list[Mount] = [("redis-session", "cookie"), ("jwt-hs256", "bearer"), ("jwt-sliding", "cookie")]
WAYS: list[tuple[Mount, HopCheck]] = [(mount, "verify") for mount in CHECKED] + [
    (mount, "introspect") for mount in SOME
]
"""What introspects knows nothing of schemes."""
FAULTS: list[Fault] = ["html", "nonsense", "failed", "hung"]


either_way = pytest.mark.parametrize(("mount", "check"), WAYS, ids=["-".join((*mount, check)) for mount, check in WAYS])


@dataclass(frozen=True, slots=True)
class Wires:
    """Wires from the hops under test: `api` is asked who sends a request, `further` is the next service."""

    fleet: Fleet
    settings: Settings
    api: Wiretap
    further: Wiretap
    ending: ExitStack

    def hop(self, *, check: HopCheck = "verify", is_last: bool = False) -> Send:
        """A hop in this process."""
        told = replace(self.settings, hop_check=check, introspect_url=self.api.url)
        way = open_way(replace(told, upstream_url="" if is_last else self.further.url))
        self.ending.callback(way.close)
        return in_process(assemble(way))

    def logged_in(self, mount: Mount, send: Send) -> Client:
        """A user agent of a user of its own, who logged in at the API and goes on at the hop."""
        client = self.fleet.logged_in(*mount)
        client.send = send
        return client

    def heard(self) -> list[int]:
        """How many requests the API and the next service had to answer."""
        return [len(self.api.passed), len(self.further.passed)]


@pytest.fixture
def wires(fleet: Fleet) -> Iterator[Wires]:
    """Both wires end at the API of the fleet, which serves what a last hop would."""
    valkey = fleet.pair.valkey
    assert valkey is not None
    settings = replace(
        fleet.foundation.settings,
        replica="hop",
        database_url=fleet.pair.cluster.url(fleet.pair.database),
        redis_url=valkey.url,
        redis_password_file=valkey.password_file,
        upstream_timeout_s=2.0,
    )
    with ExitStack() as stack:
        api, further = (stack.enter_context(tapped(fleet.pair.port)) for _ in range(2))
        yield Wires(fleet, settings, api, further, stack)


@either_way
def test_a_caller_gets_through_by_its_own_credential(wires: Wires, mount: Mount, check: HopCheck) -> None:
    """Each service is asked once, as the hop and with the credential alone; the answer is the last one's."""
    client = wires.logged_in(mount, wires.hop(check=check))
    client.cookies["other"] = "of the browser's"
    answer = client.get("profile", {"X-Replica": "evil", "X-Forwarded-For": "10.0.0.1", "User-Agent": "evil"})
    assert (answer.status, answer.body, answer.header("X-Replica")) == (200, PROFILE, "hop")
    assert wires.heard() == [int(check == "introspect"), 1]
    for passed in (*wires.api.passed, *wires.further.passed):
        headers = {name.lower(): value for name, value in passed.headers.items()}
        assert headers.keys() <= {"host", "accept", "accept-encoding", "user-agent", "authorization", "cookie"}
        assert headers["user-agent"] == "authbench-hop"
        assert headers.get("authorization", headers.get("cookie", "")).endswith(client.credential)
        assert "browser" not in str(headers)


@under([(CONTROL, "bearer"), *SOME])
def test_the_last_one_answers_by_itself(wires: Wires, mount: Mount) -> None:
    """Nobody is asked further on."""
    assert wires.logged_in(mount, wires.hop(is_last=True)).get("profile").body == PROFILE
    assert wires.heard() == [0, 0]


@either_way
def test_a_credential_that_is_not_good_ends_here(wires: Wires, mount: Mount, check: HopCheck) -> None:
    """Missing or made up: 401 with the reason and the challenge of the scheme, and the next service hears nothing."""
    send = wires.hop(check=check)
    assert Client(send, *mount).get("profile").reason == "missing"
    client = wires.logged_in(mount, send)
    client.credential = client.credential[:-6] + "AAAAAA"
    answer = client.get("profile")
    assert (answer.status, answer.header("WWW-Authenticate")) == (
        401,
        wires.fleet.client(*mount).get("profile").header("WWW-Authenticate"),
    )
    assert wires.heard()[1] == 0


@pytest.mark.parametrize("check", ["verify", "introspect"])
def test_a_login_that_was_ended_is_refused_at_once_where_somebody_is_asked(wires: Wires, check: HopCheck) -> None:
    """A session is looked up at each hop, whichever way."""
    client = wires.logged_in(("redis-session", "bearer"), wires.hop(check=check))
    assert client.get("profile").status == 200
    thief = client.twin()
    client.send = wires.fleet.send("redis-session")
    assert client.log_out().status == 200
    assert thief.get("profile").reason == "unknown"


def test_what_the_next_service_refuses_is_refused(wires: Wires) -> None:
    """Its reason, under the hop's own challenge."""
    client = wires.logged_in(("jwt-hs256", "bearer"), wires.hop())
    wires.further.faults = ["refused"]
    answer = client.get("profile")
    assert (answer.status, answer.reason) == (401, "bad-signature")
    assert answer.header("WWW-Authenticate") == 'Bearer realm="authbench"'


@pytest.mark.parametrize("fault", FAULTS)
def test_a_service_that_is_away_says_nothing_about_the_caller(wires: Wires, fault: Fault) -> None:
    """Whichever of the two: 503 with Retry-After, or the body of whoever answered nonsense with a 200."""
    client = wires.logged_in(("jwt-hs256", "bearer"), wires.hop(check="introspect"))
    for tap in (wires.api, wires.further):
        tap.faults = [fault]
        answer = client.get("profile")
        tap.released.set()
        if fault == "nonsense":
            assert answer.status == 200
        else:
            assert (answer.status, answer.reason, answer.header("Retry-After")) == (503, "upstream-down", "1")
        assert client.get("profile").status == 200


@pytest.mark.parametrize("fault", ["unheard", "lost", "gateway"])
def test_a_lost_answer_is_asked_for_again(wires: Wires, fault: Fault) -> None:
    """A read changes nothing, so it may be repeated, once."""
    client = wires.logged_in(("jwt-hs256", "bearer"), wires.hop())
    wires.further.faults = [fault]
    assert client.get("profile").body == PROFILE
    wires.further.faults = [fault, fault]
    assert client.get("profile").status == 503


def test_it_serves_one_route_of_each_scheme_of_the_api(wires: Wires) -> None:
    """No login, no other endpoint, and nothing a BFF answers for."""
    send = wires.hop(is_last=True)
    client = Client(send, "none", "bearer")
    assert client.get("profile").status == 200
    assert {client.post(path).status for path in ("login", "logout", "refresh")} == {404}
    assert client.post("profile").status == 405
    assert Client(send, "bff", "cookie").get("profile").status == 404


def test_it_is_ready_when_those_it_asks_answer(wires: Wires) -> None:
    """The API where it introspects, and the next service; alive it is anyway."""
    send = wires.hop(check="introspect")
    assert send("GET", "/readyz", {}, b"").json == {"status": "ready"}
    for tap in (wires.api, wires.further):
        tap.faults = ["unheard"]
        assert send("GET", "/readyz", {}, b"").reason == "upstream-down"
    assert send("GET", "/healthz", {}, b"").json == {"status": "ok"}


@pytest.mark.parametrize("name", ["UPSTREAM_URL", "INTROSPECT_URL"])
def test_an_address_that_is_none_is_refused(name: str) -> None:
    """At the start, in one line that names the setting."""
    told = from_environment({"AUTHBENCH_HOP_CHECK": "introspect", f"AUTHBENCH_{name}": "http://"})
    with pytest.raises(SettingsError, match=f"AUTHBENCH_{name} is 'http://', expected http://HOST:PORT"):
        create_app(told)


def test_what_it_does_is_counted(wires: Wires) -> None:
    """Requests to other services are published as a BFF's are."""
    told = replace(
        wires.settings, schemes=("jwt-hs256",), metrics_bind="127.0.0.1:9100", upstream_url=wires.further.url
    )
    app = create_app(told)
    assert app.metrics is not None
    client = wires.logged_in(("jwt-hs256", "bearer"), in_process(app))
    assert client.get("profile").status == 200
    assert app.metrics.registry.get_sample_value("authbench_upstream_calls_total") == 1
