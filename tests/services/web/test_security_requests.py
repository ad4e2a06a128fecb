"""SECURITY rows 18, 19 and 21 through the load balancer: what cookies look like, where they show, who can send them."""

import pytest

from services.carriers import CSRF_COOKIE, REFRESH_COOKIE, SESSION_COOKIE
from services.seed import ADMIN
from tests.fleet import Fleet
from tests.services.web.client import HOST, Answer, Client
from tests.services.web.mounts import COOKIES, GUARDED, MOUNTS, Mount, under

USERNAME = {"username": "nobody-at-all"}
NEW_PASSWORD = {"password": "any", "new_password": "staple battery horse correct"}
CHANGES = {
    "notes": {"text": "x"},
    "refresh": None,
    "logout": None,
    "logout-everywhere": None,
    "password": NEW_PASSWORD,
    "admin/revoke": USERNAME,
    "admin/ban": USERNAME,
}
CREDENTIALS = (SESSION_COOKIE, REFRESH_COOKIE)
FORMS = ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain"]

every_cookie_scheme = under(COOKIES)


@every_cookie_scheme
def test_row_18_cookies_are_host_cookies(fleet: Fleet, mount: Mount) -> None:
    """Secure, Path=/, no Domain, SameSite; HttpOnly but for the token a page must read; so at login, refresh, end."""
    client = fleet.logged_in(*mount)
    client.refresh()
    client.log_out()
    lines = [line for answer in client.answers for line in answer.cookie_lines]
    assert {line.partition("=")[0] for line in lines} >= {SESSION_COOKIE, CSRF_COOKIE}
    for line in lines:
        attributes = {part.strip().lower() for part in line.split(";")[1:]}
        assert attributes >= {"secure", "path=/", "samesite=lax"}
        assert ("httponly" in attributes) is not line.startswith(CSRF_COOKIE)
        assert not any(attribute.startswith("domain") for attribute in attributes)


@every_cookie_scheme
def test_row_19_a_credential_shows_in_set_cookie_alone(fleet: Fleet, mount: Mount) -> None:
    """Through a whole life, errors included: in no body, no other header and no log of any server behind it."""
    client = lived(fleet, fleet.client(*mount))
    canaries = {value for answer in client.answers for value in _credentials(answer)}
    assert canaries
    shown = "".join(_shown(answer) for answer in client.answers) + _logs(fleet)
    assert not [canary for canary in canaries if canary in shown]


@under([mount for mount in GUARDED if mount[1] == "bearer"])
def test_row_19_a_token_shows_in_the_body_that_hands_it_over_alone(fleet: Fleet, mount: Mount) -> None:
    """No later body, no header but the one for replacements, no log."""
    client = lived(fleet, fleet.client(*mount))
    canaries = {value for answer in client.answers for value in _tokens(answer)}
    assert canaries
    shown = "".join(_shown(answer) for answer in client.answers if not _tokens(answer)) + _logs(fleet)
    assert not [canary for canary in canaries if canary in shown]


def lived(fleet: Fleet, client: Client) -> Client:
    """A client that did everything once, also what it should not."""
    assert client.log_in(fleet.new_user(), fleet.password).status == 200
    for path in ("profile", "sessions", "nothing", "login", "profile?x=1"):
        client.get(path)
    client.refresh()
    client.post("notes", {"text": "x"}, {"X-CSRF-Token": "wrong"})
    client.post("notes", ["no object"])
    client.post("logout-everywhere")
    client.log_out()
    return client


def _credentials(answer: Answer) -> set[str]:
    values = (line.partition(";")[0].partition("=") for line in answer.cookie_lines)
    return {value for name, _, value in values if value and name in CREDENTIALS}


def _tokens(answer: Answer) -> set[str]:
    fields = answer.json if b'"token_type"' in answer.body else {}
    return {str(fields[name]) for name in ("access_token", "refresh_token") if name in fields}


def _shown(answer: Answer) -> str:
    headers = [value for name, value in answer.headers if name.lower() != "set-cookie"]
    return answer.body.decode() + "\n".join(headers)


def _logs(fleet: Fleet) -> str:
    folders = {arm.haproxy.process.log.parent for arm in (fleet.pair, fleet.single)}
    texts = [path.read_text(errors="replace") for folder in folders for path in folder.glob("*.log")]
    assert texts
    return "".join(texts)


@every_cookie_scheme
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_row_21_a_post_from_another_site_is_403(fleet: Fleet, mount: Mount, site: str) -> None:
    """By Sec-Fetch-Site, with cookies and even a good CSRF token; nothing is changed, login included."""
    client = fleet.logged_in(*mount, name=ADMIN)
    for path, fields in {**CHANGES, "login": {"username": ADMIN, "password": fleet.password}}.items():
        answer = client.post(path, fields, {"Sec-Fetch-Site": site})
        assert (path, answer.status, answer.reason, answer.cookie_lines) == (path, 403, "cross-site", ())
    assert client.get("profile").status == 200


@every_cookie_scheme
@pytest.mark.parametrize("origin", ["https://evil.test", "null", f"http://{HOST}.evil.test"])
def test_row_21_a_post_from_another_origin_is_403(fleet: Fleet, mount: Mount, origin: str) -> None:
    """By Origin, for browsers without Sec-Fetch-Site."""
    client = fleet.logged_in(*mount, name=ADMIN)
    for path, fields in CHANGES.items():
        answer = client.post(path, fields, {"Origin": origin})
        assert (path, answer.status, answer.reason, answer.cookie_lines) == (path, 403, "cross-site", ())
    assert client.get("profile").status == 200


@every_cookie_scheme
@pytest.mark.parametrize("flaw", ["absent", "cut", "unsigned"])
def test_row_21_a_post_without_the_csrf_token_is_403(fleet: Fleet, mount: Mount, flaw: str) -> None:
    """Cookies alone, a header that is not the cookie, and a pair that we did not sign."""
    client = fleet.logged_in(*mount, name=ADMIN)
    header = {"absent": "", "cut": client.cookies[CSRF_COOKIE][:-1], "unsigned": "sid.nonce.mac"}[flaw]
    if flaw == "unsigned":
        client.cookies[CSRF_COOKIE] = header
    for path, fields in CHANGES.items():
        answer = client.post(path, fields, {"X-CSRF-Token": header})
        assert (path, answer.status, answer.reason, answer.cookie_lines) == (path, 403, "csrf", ())
    assert client.get("profile").status == 200


@every_cookie_scheme
def test_row_21_a_csrf_token_of_another_login_is_403(fleet: Fleet, mount: Mount) -> None:
    """An attacker's own good pair, planted at the victim; a logout alone may name any login of ours."""
    client, attacker = fleet.logged_in(*mount, name=ADMIN), fleet.logged_in(*mount)
    client.cookies[CSRF_COOKIE] = attacker.cookies[CSRF_COOKIE]
    for path, fields in CHANGES.items():
        if path not in {"logout", "refresh"}:
            answer = client.post(path, fields)
            assert (path, answer.status, answer.reason, answer.cookie_lines) == (path, 403, "csrf", ())
    assert client.get("profile").status == 200


@under([mount for mount in COOKIES if mount[0] == "refresh-token"])
def test_row_21_a_refresh_with_a_csrf_token_of_another_login_is_403(fleet: Fleet, mount: Mount) -> None:
    """Whose renewal it is shows only once it is done, so the victim's cookies are left alone and still renew."""
    client, attacker = fleet.logged_in(*mount), fleet.logged_in(*mount)
    victim = client.twin()
    client.cookies[CSRF_COOKIE] = attacker.cookies[CSRF_COOKIE]
    answer = client.refresh()
    assert (answer.status, answer.reason, answer.cookie_lines) == (403, "csrf", ())
    assert victim.refresh().status == 200


@every_cookie_scheme
@pytest.mark.parametrize("kind", FORMS)
def test_row_21_what_a_form_can_send_is_refused(fleet: Fleet, mount: Mount, kind: str) -> None:
    """415 for every state change, whatever the text says."""
    client = fleet.logged_in(*mount, name=ADMIN)
    body = {"username": ADMIN, "password": fleet.password, "text": "x"}
    for path in [*CHANGES, "login"]:
        answer = client.post(path, body, {"Content-Type": kind})
        assert (path, answer.status, answer.reason) == (path, 415, "not-json")
    assert client.get("profile").status == 200


@under(MOUNTS)
def test_row_21_get_never_changes_anything(fleet: Fleet, mount: Mount) -> None:
    """405 wherever POST does something: an image or a link cannot."""
    client = fleet.logged_in(*mount, name=ADMIN)
    for path in [*CHANGES, "login"]:
        answer = client.get(path)
        assert (path, answer.status, answer.header("Allow")) == (path, 405, "POST, OPTIONS")
    assert client.get("profile").status == 200


@under(MOUNTS)
def test_row_21_no_answer_invites_another_origin(fleet: Fleet, mount: Mount) -> None:
    """No CORS header, so a page elsewhere can neither read an answer nor send JSON."""
    client = fleet.logged_in(*mount)
    client.request("OPTIONS", "notes", {"Origin": "https://evil.test", "Access-Control-Request-Method": "POST"}, b"")
    client.get("profile", {"Origin": "https://evil.test"})
    names = {name.lower() for answer in client.answers for name, _ in answer.headers}
    assert not [name for name in names if name.startswith("access-control")]


@under(GUARDED)
def test_a_credential_elsewhere_is_no_credential(fleet: Fleet, mount: Mount) -> None:
    """In the URL, in a body or in the place of the other carrier it is ignored: 401 missing."""
    holder = fleet.logged_in(*mount)
    value = holder.credential
    other = {"Authorization": f"Bearer {value}"} if mount[1] == "cookie" else {"Cookie": f"{SESSION_COOKIE}={value}"}
    client = fleet.client(*mount)
    assert client.request("GET", "profile", other, b"").reason == "missing"
    assert client.get(f"profile?access_token={value}").reason == "missing"
    assert client.post("notes", {"access_token": value, "text": "x"}).reason == "missing"
