"""The BFF when the API, the vault or an answer is away: nobody loses a session for it, or learns a thing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import pytest

from services.app import create_app as create_api
from services.bff import assemble, create_app
from services.endpoints import PROFILE
from services.redis_client import RedisClient
from services.seed import ADMIN
from services.settings import Settings, SettingsError
from services.stores.memory_vault import MemoryVault
from services.stores.redis_vault import RedisVault
from services.upstream import Upstream
from tests.fleet import Fleet
from tests.services.bff_replicas import Bff, running
from tests.services.web.client import Client, in_process
from tests.services.wiretap import Fault


@pytest.fixture
def bff(fleet: Fleet) -> Iterator[Bff]:
    """Two replicas."""
    with running(fleet) as bff:
        yield bff


@pytest.fixture
def settings(bff: Bff) -> Settings:
    """Those of the replicas."""
    return bff.settings


def test_a_token_that_ends_is_renewed_behind_the_browser_s_back(bff: Bff) -> None:
    """The cookie stays what it was; later requests find the new token."""
    client = bff.logged_in()
    credential = client.credential
    bff.expire_access(left_s=bff.settings.upstream_left_s / 2)
    assert [client.get("profile").status for _ in range(3)] == [200] * 3
    assert bff.tap.paths() == ["login", "refresh", "profile", "profile", "profile"]
    assert client.credential == credential


def test_a_token_the_api_refuses_is_renewed_once(bff: Bff) -> None:
    """Keys may have been rotated: the request is repeated with a new token."""
    client = bff.logged_in()
    bff.tap.faults = ["refused"]
    assert client.post("notes", {"text": "x"}).status == 201
    assert bff.tap.paths() == ["login", "refresh", "notes"]


def test_a_session_whose_tokens_are_refused_is_over(bff: Bff) -> None:
    """A second refusal is the answer, with the API's reason and the BFF's challenge; the cookie is left alone."""
    client = bff.logged_in()
    bff.tap.faults = ["refused", None, "refused"]
    answer = client.get("profile")
    assert (answer.reason, answer.header("WWW-Authenticate")) == ("bad-signature", 'Cookie realm="authbench"')
    assert answer.cookie_lines == ()
    assert client.get("profile").reason == "unknown"


def test_what_the_api_revoked_ends_with_the_access_token(bff: Bff) -> None:
    """A ban at the API itself: the session says why, once, when its token would have been renewed."""
    name = bff.fleet.new_user()
    client = bff.logged_in(name=name)
    admin = bff.fleet.logged_in("refresh-token", "bearer", ADMIN)
    assert admin.post("admin/ban", {"username": name}).status == 200
    assert client.get("profile").status == 200
    bff.expire_access()
    assert client.get("profile").reason == "revoked"
    assert client.get("profile").reason == "unknown"
    assert client.log_in(name, bff.fleet.password).reason == "banned"


FAULTS: list[Fault] = ["unheard", "lost", "gateway", "html", "nonsense", "failed", "hung"]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("path", ["profile", "notes"])
def test_row_28_an_api_that_is_away_takes_nobody_s_session(bff: Bff, path: str, fault: Fault) -> None:
    """503 with Retry-After and no cookie touched, or the answer of a second try; then all is as before."""
    client = bff.logged_in()
    bff.expire_access()
    bff.tap.faults = [fault]
    answer = client.get("profile") if path == "profile" else client.post("notes", {"text": "x"})
    if answer.status == 503:
        assert (answer.reason, answer.header("Retry-After"), answer.cookie_lines) == ("upstream-down", "1", ())
    else:
        assert fault in {"unheard", "lost", "gateway"}
        assert answer.status in {200, 201}
    bff.tap.released.set()
    assert client.get("profile").body == PROFILE


def test_row_28_a_login_at_an_api_that_is_away(bff: Bff) -> None:
    """503 as well, and no session begins."""
    for fault in FAULTS:
        client = bff.client()
        bff.tap.faults = [fault]
        answer = client.log_in(bff.fleet.new_user(), bff.fleet.password)
        assert (answer.status, answer.reason, answer.cookie_lines) == (503, "upstream-down", ())


def test_row_28_a_logout_that_cannot_reach_the_api_can_be_tried_again(bff: Bff) -> None:
    """The session is there until its login is ended."""
    assert bff.client().log_out().status == 200
    client = bff.logged_in()
    bff.tap.faults = ["unheard"]
    assert client.log_out().reason == "upstream-down"
    assert client.get("profile").status == 200
    assert client.log_out().status == 200
    assert "__Host-session" not in client.cookies


def test_row_28_a_vault_that_is_away_says_nothing_about_the_cookie(bff: Bff, settings: Settings) -> None:
    """503 store-down, cookie kept, and no login is left behind without a session."""
    away = replace(settings, redis_url="redis://127.0.0.1:1/0")
    with ExitStack() as stack:
        upstream = Upstream(away)
        stack.callback(upstream.close)
        vault = RedisVault(away, time.time, RedisClient(away))
        client = bff.logged_in()
        client.send = in_process(assemble(away, time.time, {"bff": vault}, upstream))
        for answer in (client.get("profile"), client.log_out(), client.post("notes", {"text": "x"})):
            assert (answer.status, answer.reason, answer.header("Retry-After")) == (503, "store-down", "1")
            assert answer.cookie_lines == ()
        assert client.send("GET", "/readyz", {}, b"").reason == "store-down"
        fresh = Client(client.send, "bff", "cookie")
        assert fresh.log_in(bff.fleet.new_user(), bff.fleet.password).reason == "store-down"
        assert bff.tap.paths()[-2:] == ["login", "logout"]


@pytest.mark.parametrize("fault", ["lost", "gateway"])
def test_a_renewal_whose_answer_is_lost_logs_nobody_out(bff: Bff, fault: Fault) -> None:
    """The refresh token is presented again, once, and yields the successor it was already exchanged for."""
    client = bff.logged_in()
    bff.expire_access()
    bff.tap.faults = [fault]
    assert client.get("profile").status == 200
    first, second = (one for one in bff.tap.passed if one.path.endswith("refresh"))
    assert first.body == second.body
    assert json.loads(first.answer)["refresh_token"] == json.loads(second.answer)["refresh_token"]
    bff.expire_access()
    assert client.get("profile").status == 200


def test_the_session_limit_holds_in_one_browser_too(bff: Bff, settings: Settings) -> None:
    """409 for one session too many, whose login at the API is ended again."""
    narrow = replace(settings, max_sessions=1, session_limit="refuse")
    with ExitStack() as stack:
        upstream = Upstream(narrow)
        stack.callback(upstream.close)
        app = assemble(narrow, time.time, {"bff-memory": MemoryVault(narrow, time.time)}, upstream)
        first, second = (Client(in_process(app), "bff-memory", "cookie") for _ in range(2))
        name = bff.fleet.new_user()
        assert first.log_in(name, bff.fleet.password).status == 200
        assert second.log_in(name, bff.fleet.password).reason == "session-limit"
        assert bff.tap.paths() == ["login", "login", "logout"]
        assert first.log_in(name, bff.fleet.password).status == 200


def test_it_is_ready_when_both_sides_answer(bff: Bff) -> None:
    """Vaults and API; alive it is anyway."""
    send = bff.sends[0]
    assert send("GET", "/readyz", {}, b"").json == {"status": "ready"}
    for fault in ("html", "unheard"):
        bff.tap.faults = [fault]
        assert send("GET", "/readyz", {}, b"").reason == "upstream-down"
    assert send("GET", "/healthz", {}, b"").json == {"status": "ok"}


def test_it_serves_the_schemes_it_fronts(settings: Settings) -> None:
    """Of those named, or of all; with none there is nothing to start."""
    for names, served in (((), {"bff", "bff-memory"}), (("none", "bff-memory"), {"bff-memory"})):
        send = in_process(create_app(replace(settings, schemes=names)))
        for scheme in ("bff", "bff-memory"):
            expected = 401 if scheme in served else 404
            assert Client(send, scheme, "cookie").get("refresh").status == (405 if scheme in served else 404)
            assert Client(send, scheme, "cookie").post("refresh").status == expected
    with pytest.raises(SettingsError, match="AUTHBENCH_SCHEMES is 'none', expected one a BFF serves"):
        create_app(replace(settings, schemes=("none",)))


def test_the_api_leaves_them_to_it(bff: Bff) -> None:
    """A replica of the API that is told of them all serves none of them."""
    send = in_process(create_api(replace(bff.settings, schemes=("none", "bff", "bff-memory"))))
    assert [Client(send, scheme, "cookie").get("profile").status for scheme in ("none", "bff", "bff-memory")] == [
        *(200, 404, 404)
    ]


def test_an_upstream_that_is_no_address_is_refused(settings: Settings) -> None:
    """At the start, in one line."""
    with pytest.raises(SettingsError, match="AUTHBENCH_UPSTREAM_URL is 'http://', expected http://HOST:PORT"):
        create_app(replace(settings, upstream_url="http://"))


def test_it_starts_without_what_it_does_not_use() -> None:
    """No database client, no password hashing, and no Redis client before there is a vault in Redis."""
    program = "import services.bff, sys; print([m for m in ('psycopg', 'argon2', 'redis') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
