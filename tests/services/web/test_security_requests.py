"""SECURITY rows 18-21 over HTTP: what cookies look like, where their values show, who can make a browser send them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from services.app import assemble
from services.carriers import CSRF_COOKIE, REFRESH_COOKIE, SESSION_COOKIE
from services.catalogue import SCHEMES
from services.contract import Grant, Parts
from services.endpoints import ENDPOINTS
from services.schemes.jwt_hs256 import JwtHs256
from services.seed import ADMIN
from services.settings import Settings
from services.users import User
from tests.services.web.client import Answer, Client, in_process
from tests.services.web.conftest import COOKIES, MOUNTS, PASSWORD, Service, new_user, replica

Mount = tuple[str, str]
CHANGES = {
    "notes": {"text": "x"},
    "refresh": None,
    "logout": None,
    "logout-everywhere": None,
    "password": {"password": PASSWORD, "new_password": "staple battery horse correct"},
    "admin/revoke": {"username": "nobody-at-all"},
    "admin/ban": {"username": "nobody-at-all"},
}

every_cookie_scheme = pytest.mark.parametrize("mount", COOKIES, ids="/".join)
every_change = pytest.mark.parametrize("path", CHANGES)


@every_cookie_scheme
def test_row_18_cookies_are_host_cookies(service: Service, mount: Mount) -> None:
    """Secure, Path=/, no Domain, SameSite; HttpOnly but for the token a page must read."""
    lines = service.logged_in(*mount).answers[-1].cookie_lines
    assert {line.partition("=")[0] for line in lines} >= {SESSION_COOKIE, CSRF_COOKIE}
    for line in lines:
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert attributes >= {"secure", "path=/", "samesite=lax"}
        assert ("httponly" in attributes) is not line.startswith(CSRF_COOKIE)
        assert not any(attribute.startswith("domain") for attribute in attributes)


def test_row_19_a_credential_shows_in_set_cookie_alone(settings: Settings, tmp_path: Path) -> None:
    """Through a whole life under every scheme, errors included: no body, no other header, no log of gunicorn's."""
    log = tmp_path / "replica.log"
    with replica(settings, log) as running:
        clients = [_lived(Client(running.send, *mount)) for mount in COOKIES]
    canaries = {value for client in clients for value in _credentials(client.answers)}
    assert len(canaries) >= len(COOKIES)
    text = log.read_text() + "".join(_shown(answer) for client in clients for answer in client.answers)
    assert not [canary for canary in canaries if canary in text]


def _lived(client: Client) -> Client:
    assert client.log_in(new_user(), PASSWORD).status == 200
    for path in ("profile", "sessions", "nothing", "login"):
        client.get(path)
    client.refresh()
    client.post("notes", {"text": "x"}, {"X-CSRF-Token": "wrong"})
    client.post("notes", ["no object"])
    client.log_out()
    return client


def _credentials(answers: Sequence[Answer]) -> set[str]:
    lines = [line for answer in answers for line in answer.cookie_lines if not line.startswith(CSRF_COOKIE)]
    return {value for line in lines if (value := line.partition(";")[0].partition("=")[2])}


def _shown(answer: Answer) -> str:
    headers = [value for name, value in answer.headers if name.lower() != "set-cookie"]
    return answer.body.decode() + "\n".join(headers)


class Wide(JwtHs256):
    """A token that says more than a cookie holds."""

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """With the largest claims."""
        return super().issue(user, claims={**claims, "groups": "g" * 3500})


def test_row_20_a_credential_too_large_for_a_cookie_is_refused_clearly(service: Service) -> None:
    """431 with the reason, no cookie set; as bearer the same login works."""
    wide = replace(SCHEMES["jwt-hs256"], name="wide", build=_wide)
    send = in_process(assemble(service.parts, [wide]))
    cookie, bearer = Client(send, "wide", "cookie"), Client(send, "wide", "bearer")
    answer = cookie.log_in(new_user(), PASSWORD)
    assert (answer.status, answer.reason, answer.cookie_lines) == (431, "cookie-too-large", ())
    assert bearer.log_in(new_user(), PASSWORD).status == 200
    assert bearer.get("profile").status == 200


def _wide(parts: Parts) -> Wide:
    return Wide(parts)


@every_cookie_scheme
@pytest.mark.parametrize("header", ["cross-site", "same-site"])
@pytest.mark.parametrize("path", [*CHANGES, "login"])
def test_row_21_a_post_from_another_site_is_403(service: Service, mount: Mount, path: str, header: str) -> None:
    """By Sec-Fetch-Site, with cookies and even a good CSRF token; nothing is changed, login included."""
    client = service.logged_in(*mount, name=ADMIN)
    fields = CHANGES.get(path, {"username": ADMIN, "password": PASSWORD})
    answer = client.post(path, fields, {"Sec-Fetch-Site": header})
    assert (answer.status, answer.reason, answer.cookie_lines) == (403, "cross-site", ())
    assert client.get("profile").status == 200


@every_cookie_scheme
@every_change
@pytest.mark.parametrize("origin", ["https://evil.test", "null", "http://app.test.evil.test"])
def test_row_21_a_post_from_another_origin_is_403(service: Service, mount: Mount, path: str, origin: str) -> None:
    """By Origin, for browsers without Sec-Fetch-Site."""
    client = service.logged_in(*mount, name=ADMIN)
    assert client.post(path, CHANGES[path], {"Origin": origin}).reason == "cross-site"
    assert client.get("profile").status == 200


@every_cookie_scheme
@every_change
def test_row_21_a_post_without_the_csrf_token_is_403(service: Service, mount: Mount, path: str) -> None:
    """Cookies alone, a header that is not the cookie, and a pair that we did not sign."""
    client = service.logged_in(*mount, name=ADMIN)
    token = client.cookies[CSRF_COOKIE]
    assert client.post(path, CHANGES[path], {"X-CSRF-Token": ""}).reason == "csrf"
    assert client.post(path, CHANGES[path], {"X-CSRF-Token": token[:-1]}).reason == "csrf"
    client.cookies[CSRF_COOKIE] = "sid.nonce.mac"
    assert client.post(path, CHANGES[path]).reason == "csrf"
    assert client.get("profile").status == 200


@every_cookie_scheme
@pytest.mark.parametrize("path", [path for path in CHANGES if path != "logout"])
def test_row_21_a_csrf_token_of_another_login_is_403(service: Service, mount: Mount, path: str) -> None:
    """An attacker's own good pair, planted at the victim; a logout alone may name any login of ours."""
    client, attacker = service.logged_in(*mount, name=ADMIN), service.logged_in(*mount)
    if path == "refresh" and not client.refresh_credential:
        return
    client.cookies[CSRF_COOKIE] = attacker.cookies[CSRF_COOKIE]
    answer = client.post(path, CHANGES[path])
    assert (answer.status, answer.reason, answer.cookie_lines) == (403, "csrf", ())


@every_cookie_scheme
@pytest.mark.parametrize("path", [*CHANGES, "login"])
@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"])
def test_row_21_what_a_form_can_send_is_refused(service: Service, mount: Mount, path: str, kind: str) -> None:
    """415 for every state change, whatever the text says."""
    client = service.logged_in(*mount)
    body = {"username": ADMIN, "password": PASSWORD, "text": "x"}
    assert client.post(path, body, {"Content-Type": kind}).reason == "not-json"
    assert client.get("profile").status == 200


@pytest.mark.parametrize("mount", MOUNTS, ids="/".join)
@pytest.mark.parametrize("path", [path for path, endpoint in ENDPOINTS.items() if hasattr(endpoint, "on_post")])
def test_row_21_get_never_changes_anything(service: Service, mount: Mount, path: str) -> None:
    """405 wherever POST does something: an image or a link cannot."""
    client = service.logged_in(*mount)
    answer = client.get(path)
    assert (answer.status, answer.header("Allow")) == (405, "POST, OPTIONS")
    assert client.get("profile").status == 200


@pytest.mark.parametrize("mount", MOUNTS, ids="/".join)
def test_no_answer_invites_another_origin(service: Service, mount: Mount) -> None:
    """No CORS header, so a page elsewhere can neither read an answer nor send JSON."""
    client = service.logged_in(*mount)
    client.request("OPTIONS", "notes", {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}, b"")
    client.get("profile", {"Origin": "https://evil.test"})
    names = {name.lower() for answer in client.answers for name, _ in answer.headers}
    assert not [name for name in names if name.startswith("access-control")]


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
@pytest.mark.parametrize("scheme", ["redis-session", "jwt-hs256", "refresh-token"])
def test_a_credential_elsewhere_is_no_credential(service: Service, scheme: str, carrier: str) -> None:
    """In the URL, in a body or in the place of the other carrier it is ignored: 401 missing."""
    holder = service.logged_in(scheme, carrier)
    value = holder.credential
    other = {"Authorization": f"Bearer {value}"} if carrier == "cookie" else {"Cookie": f"{SESSION_COOKIE}={value}"}
    if holder.refresh_credential and carrier == "bearer":
        other = {"Cookie": f"{other['Cookie']}; {REFRESH_COOKIE}={holder.refresh_credential}"}
    client = service.client(scheme, carrier)
    assert client.request("GET", "profile", other, b"").reason == "missing"
    assert service.send("GET", f"/{scheme}/{carrier}/profile?access_token={value}", {}, b"").status == 401
    assert client.post("notes", {"access_token": value, "text": "x"}).reason == "missing"
