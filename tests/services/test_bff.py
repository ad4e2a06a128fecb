"""The BFF before a running API: what it asks, what it answers, and who is let in."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from services.bff_endpoints import ENDPOINTS
from services.endpoints import ENDPOINTS as API_ENDPOINTS
from services.endpoints import PROFILE
from services.seed import ADMIN
from tests.fleet import Fleet
from tests.services.bff_replicas import Bff, running
from tests.services.web.client import Answer, Client
from tests.services.web.conftest import replica
from tests.services.wiretap import Wiretap

TABS = 16
HEADERS = {"User-Agent", "Accept", "Accept-Encoding", "Host", "Authorization", "Content-Type", "Content-Length"}


@pytest.fixture
def bff(fleet: Fleet) -> Iterator[Bff]:
    """Two replicas."""
    with running(fleet) as bff:
        yield bff


def tokens_of(tap: Wiretap) -> set[str]:
    """Every token the API handed out."""
    bodies = [json.loads(one.answer) for one in tap.passed]
    return {body[name] for body in bodies for name in ("access_token", "refresh_token") if name in body}


def live(bff: Bff, client: Client) -> list[Answer]:
    """A whole life: everything a browser can ask, good and bad."""
    name, password = bff.fleet.new_user(), bff.fleet.password
    client.log_in(name, "wrong")
    client.log_in(name, password)
    client.get("profile")
    client.post("notes", {"text": "x"})
    client.post("notes", {"text": 7})
    client.get("sessions")
    client.refresh()
    bff.expire_access()
    client.get("profile")
    client.post("password", {"password": "wrong", "new_password": password})
    client.post("password", {"password": password, "new_password": password})
    client.post("admin/ban", {"username": name})
    client.log_in(name, password)
    client.post("logout-everywhere")
    client.log_in(name, password)
    client.log_out()
    return client.answers


def test_it_serves_what_the_api_serves() -> None:
    """The same endpoints, by the same names."""
    assert list(ENDPOINTS) == list(API_ENDPOINTS)


@pytest.mark.parametrize("scheme", ["bff", "bff-memory"])
def test_its_answers_are_those_of_the_api(bff: Bff, fleet: Fleet, scheme: str) -> None:
    """Status, reason and shape, step by step, as redis-session gives them."""
    ours = live(bff, bff.client(scheme))
    theirs = live(bff, fleet.client("redis-session", "cookie"))
    assert [shape(answer) for answer in ours] == [shape(answer) for answer in theirs]
    assert {answer.header("X-Replica") for answer in ours} == {"bff"}


def shape(answer: Answer) -> tuple[object, ...]:
    """What two answers must have in common."""
    body = answer.json
    challenge, kind = answer.header("WWW-Authenticate"), answer.header("Content-Type")
    cookies = sorted(line.partition("=")[0] for line in answer.cookie_lines)
    return answer.status, body.get("reason"), body.get("detail"), sorted(body), challenge, kind, cookies


@pytest.mark.parametrize("scheme", ["bff", "bff-memory"])
def test_row_22_no_token_reaches_the_browser(bff: Bff, scheme: str) -> None:
    """None of those the API really handed out is in any header or body, nor anything else the API said in a header."""
    said = repr([(answer.headers, answer.body) for answer in live(bff, bff.client(scheme))])
    tokens = tokens_of(bff.tap)
    assert len(tokens) == 8
    assert not any(token in said for token in tokens)
    assert not any(word in said for word in ("X-Secret", "api=1"))


def test_row_23_nothing_of_the_browser_s_is_passed_on_but_its_data(bff: Bff) -> None:
    """Its Authorization, cookies, host and X- headers end here, and so do fields nobody asked for."""
    browser = {
        "Authorization": "Bearer planted",
        "X-Forwarded-For": "10.0.0.1",
        "X-Anything": "planted",
        "Forwarded": "for=10.0.0.1",
        "Proxy-Authorization": "planted",
    }
    client = bff.logged_in()
    credential = client.credential
    client.get("profile?planted=1", browser)
    client.post("notes", {"text": "x", "planted": "y"}, browser)
    client.post("logout-everywhere", headers=browser)
    assert all(one.headers.keys() <= HEADERS for one in bff.tap.passed)
    assert "planted" not in repr(bff.tap.passed)
    assert credential not in repr(bff.tap.passed)
    assert {one.headers["User-Agent"] for one in bff.tap.passed} == {"authbench-bff"}


def test_row_23_only_fixed_paths_are_asked_for(bff: Bff) -> None:
    """Whatever path the browser sends, the API hears of none but its own endpoints."""
    client = bff.logged_in()
    for path in ("", "nothing", "../../jwt-hs256/bearer/profile", "profile/..%2f..%2freadyz", "profile/", "sessions/x"):
        assert client.get(path).status == 404
        assert client.post(path, {"text": "x"}).status == 404
    live(bff, bff.client())
    assert {one.path.removeprefix("/refresh-token/bearer/") for one in bff.tap.passed} <= set(API_ENDPOINTS)


def test_row_16_many_tabs_refresh_once(fleet: Fleet) -> None:
    """16 requests at once on an access token that ends, over two BFFs: one refresh reaches PostgreSQL, all are 200."""
    client = fleet.logged_in("bff", "cookie")
    settings = fleet.foundation.settings
    before = fleet.pair.store_commands()["postgres"].get("update", 0)
    fleet.skew(settings.access_ttl_s - settings.upstream_left_s / 2)
    try:
        with ThreadPoolExecutor(TABS) as pool:
            answers = list(pool.map(lambda tab: tab.get("profile"), [client.twin() for _ in range(TABS)]))
    finally:
        fleet.skew(0.0)
    assert {answer.status for answer in answers} == {200}
    assert {answer.header("X-Replica") for answer in answers} == {"bff-1", "bff-2"}
    assert fleet.pair.store_commands()["postgres"]["update"] - before == 1


def test_row_19_the_session_value_is_in_set_cookie_alone(bff: Bff) -> None:
    """No body and no other header holds it, and the API never sees it."""
    client = bff.logged_in()
    credential = client.credential
    client.get("sessions")
    client.get("profile")
    client.log_out()
    elsewhere = [(h, v) for answer in client.answers for h, v in answer.headers if h.lower() != "set-cookie"]
    assert credential not in repr((elsewhere, [answer.body for answer in client.answers], bff.tap.passed))


def test_row_25_a_planted_session_is_never_accepted(bff: Bff) -> None:
    """The value changes at login, and the session the browser came with is over, its login at the API as well."""
    client = bff.client()
    client.credential = "planted"
    name = bff.fleet.new_user()
    assert client.log_in(name, bff.fleet.password).status == 200
    assert client.credential != "planted"
    old = client.twin()
    assert client.log_in(name, bff.fleet.password).status == 200
    assert client.credential != old.credential
    assert old.get("profile").reason == "unknown"
    sessions = client.get("sessions").json["sessions"]
    assert isinstance(sessions, list)
    assert [session["is_current"] for session in sessions] == [True]
    first = json.loads(bff.tap.passed[0].answer)
    refused = bff.fleet.send("refresh-token")(
        *("POST", "/refresh-token/bearer/refresh", {"Content-Type": "application/json"}),
        json.dumps({"refresh_token": first["refresh_token"]}).encode(),
    )
    assert refused.reason == "revoked"


def test_a_failed_login_ends_nothing(bff: Bff) -> None:
    """The browser keeps the session it came with."""
    client = bff.logged_in()
    assert client.log_in(bff.fleet.new_user(), "wrong").reason == "invalid-login"
    assert client.get("profile").body == PROFILE


def test_sessions_are_those_of_the_browser(bff: Bff) -> None:
    """Listed by both replicas, oldest first."""
    name = bff.fleet.new_user()
    first, second = bff.logged_in(name=name), bff.logged_in(name=name)
    for client, current in ((first, [True, False]), (bff.elsewhere(second), [False, True])):
        sessions = client.get("sessions").json["sessions"]
        assert isinstance(sessions, list)
        assert [session["is_current"] for session in sessions] == current


def log_out_everywhere(bff: Bff, other: Client, _name: str) -> Answer:
    """From another browser."""
    return bff.elsewhere(other).post("logout-everywhere")


def change_password(bff: Bff, other: Client, _name: str) -> Answer:
    """From another browser."""
    password = bff.fleet.password
    return bff.elsewhere(other).post("password", {"password": password, "new_password": password})


def revoke(bff: Bff, _other: Client, name: str) -> Answer:
    """By an administrator."""
    return bff.elsewhere(bff.logged_in(name=ADMIN)).post("admin/revoke", {"username": name})


def ban(bff: Bff, _other: Client, name: str) -> Answer:
    """By an administrator."""
    return bff.elsewhere(bff.logged_in(name=ADMIN)).post("admin/ban", {"username": name})


@pytest.mark.parametrize(("event", "ended"), [(log_out_everywhere, 2), (change_password, 1), (revoke, 2), (ban, 2)])
def test_what_ends_logins_is_felt_at_the_next_request(
    bff: Bff, event: Callable[[Bff, Client, str], Answer], ended: int
) -> None:
    """Everywhere at once, however long the access tokens still live; the number counts the browser's sessions."""
    name = bff.fleet.new_user()
    client, other = bff.logged_in(name=name), bff.logged_in(name=name)
    answer = event(bff, other, name)
    assert (answer.status, answer.json) == (200, {"ended": ended})
    assert client.get("profile").reason == "unknown"
    assert other.get("profile").status == (200 if event is change_password else 401)


def test_who_is_no_administrator_ends_nobody(bff: Bff) -> None:
    """The API decides, and it is asked first."""
    name = bff.fleet.new_user()
    victim, client = bff.logged_in(name=name), bff.logged_in()
    for fields, reason in (({"username": name}, "not-admin"), ({}, "not-admin")):
        assert client.post("admin/ban", fields).reason == reason
    assert victim.get("profile").status == 200
    assert bff.logged_in(name=ADMIN).post("admin/ban", {"username": "nobody-at-all"}).reason == "no-such-user"


@pytest.mark.parametrize("path", ["notes", "refresh", "logout", "logout-everywhere", "password", "admin/revoke"])
def test_row_21_nothing_is_changed_for_another_site(bff: Bff, path: str) -> None:
    """No matching CSRF token, or a foreign origin: 403, and the API hears nothing."""
    client = bff.logged_in()
    del bff.tap.passed[:]
    assert client.post(path, {}, {"X-CSRF-Token": "planted"}).reason == "csrf"
    assert client.post(path, {}, {"Origin": "https://evil.test"}).reason == "cross-site"
    assert client.request("POST", path, {"Content-Type": "text/plain"}, b"{}").status in {401, 403, 415}
    assert bff.tap.passed == []


@pytest.mark.parametrize("text", ["\N{GRINNING FACE}" * 1024, "\ud800", "\0", "x" * 1025, ""])
def test_a_text_arrives_as_it_was_sent(bff: Bff, text: str) -> None:
    """As long as the API allows, in whatever characters; what the API refuses it refuses by the same reason."""
    ours = bff.logged_in().post("notes", {"text": text})
    theirs = bff.fleet.logged_in("refresh-token", "bearer").post("notes", {"text": text})
    assert (ours.status, ours.json.keys()) == (theirs.status, theirs.json.keys())


@pytest.mark.parametrize("worker_class", ["gthread", "gevent"])
def test_either_worker_serves_many_tabs(
    bff: Bff, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, worker_class: str
) -> None:
    """A replica behind gunicorn: waiting for one renewal, or for a busy API, stops nobody else."""
    monkeypatch.setenv("AUTHBENCH_FRONT", "bff")
    with replica(bff.settings, tmp_path / "log", worker_class) as running, ThreadPoolExecutor(TABS) as tabs:
        for scheme in ("bff", "bff-memory"):
            client = Client(running.send, scheme, "cookie")
            assert client.log_in(bff.fleet.new_user(), bff.fleet.password).status == 200
            twins = [client.twin() for _ in range(2 * TABS)]
            assert {answer.status for answer in tabs.map(lambda twin: twin.get("profile"), twins)} == {200}
            assert client.log_out().status == 200
