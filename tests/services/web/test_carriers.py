"""Cookies and Authorization headers carry credentials, strictly."""

import secrets
from collections.abc import Mapping

import falcon
import pytest
from falcon import testing
from hypothesis import given
from hypothesis import strategies as st

from services.carriers import (
    COOKIE_MAX_BYTES,
    CSRF_COOKIE,
    NEW_LIFE_HEADER,
    NEW_TOKEN_HEADER,
    REFRESH_COOKIE,
    SESSION_COOKIE,
    BearerCarrier,
    CookieCarrier,
    challenge,
    open_carrier,
)
from services.contract import Grant, RejectedError
from services.csrf import make_token
from services.problems import Problem

SECRET = secrets.token_bytes(32)
COOKIE = CookieCarrier(lambda: SECRET)
BEARER = BearerCarrier()
PLAIN = Grant("cred", 60, "sid")
RENEWABLE = Grant("cred", 60, "sid", "fresh", 3600)
EMPTY = Grant("", 60, "")
OCTETS = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=';,"\\'), min_size=1)


def request(headers: Mapping[str, str]) -> falcon.Request:
    """A request to http://app.test with `headers`."""
    return falcon.Request(testing.create_environ(headers=dict(headers), host="app.test"))


def cookies_of(resp: falcon.Response) -> dict[str, str]:
    """Each Set-Cookie line by the cookie's name."""
    lines = [value for name, value in resp._wsgi_headers() if name == "set-cookie"]
    return {line.partition("=")[0]: line for line in lines}


@given(OCTETS, OCTETS)
def test_the_cookie_is_found_among_others(value: str, other: str) -> None:
    """Neighbours whose name ends or begins alike do not disturb."""
    line = f"a={other}; x{SESSION_COOKIE}={other};{SESSION_COOKIE}x={other}; {SESSION_COOKIE}={value}; b"
    assert COOKIE.credential(request({"Cookie": line})) == value


@pytest.mark.parametrize("line", ["", "a=b", SESSION_COOKIE, f"a={SESSION_COOKIE}=x", f"{SESSION_COOKIE.lower()}=x"])
def test_without_the_cookie_there_is_no_credential(line: str) -> None:
    """Absence is "", not an error: the scheme decides what it means."""
    assert COOKIE.credential(request({"Cookie": line})) == ""


def test_two_cookies_of_the_name_are_refused() -> None:
    """One of them was planted, and nobody can tell which."""
    with pytest.raises(RejectedError) as caught:
        COOKIE.credential(request({"Cookie": f"{SESSION_COOKIE}=a; {SESSION_COOKIE}=b"}))
    assert caught.value.reason == "malformed"


@pytest.mark.parametrize("line", ["Bearer abc", "bearer abc", "BEARER abc"])
def test_bearer_is_a_word_of_any_case(line: str) -> None:
    """RFC 9110: authentication schemes are case-insensitive."""
    assert BEARER.credential(request({"Authorization": line})) == "abc"


@pytest.mark.parametrize("line", ["", "abc", "Basic abc", "Bearer", "Bearerabc"])
def test_other_authorizations_are_no_credential(line: str) -> None:
    """Only Bearer counts."""
    assert BEARER.credential(request({"Authorization": line} if line else {})) == ""


def test_a_carrier_ignores_the_credential_of_the_other() -> None:
    """No mixing: a header for cookies, a cookie for bearer, a body for cookies are nothing."""
    assert COOKIE.credential(request({"Authorization": "Bearer abc"})) == ""
    assert BEARER.credential(request({"Cookie": f"{SESSION_COOKIE}=abc"})) == ""
    assert COOKIE.refresh_credential(request({}), {"refresh_token": "abc"}) == ""
    assert BEARER.refresh_credential(request({"Cookie": f"{REFRESH_COOKIE}=abc"}), {}) == ""


@pytest.mark.parametrize("value", [1, None, "", "x" * 9000])
def test_a_refresh_token_that_is_no_text_is_refused(value: object) -> None:
    """400: it cannot be a credential of anybody."""
    with pytest.raises(Problem):
        BEARER.refresh_credential(request({}), {"refresh_token": value})


def test_cookies_carry_the_attributes_the_prefix_promises() -> None:
    """`__Host-`: Secure, Path=/, no Domain; HttpOnly but for the CSRF token; SameSite always."""
    resp = falcon.Response()
    COOKIE.log_in(resp, RENEWABLE)
    cookies = cookies_of(resp)
    assert set(cookies) == {SESSION_COOKIE, REFRESH_COOKIE, CSRF_COOKIE}
    assert all("; Path=/; Secure; SameSite=Lax" in line and "domain" not in line.lower() for line in cookies.values())
    assert {name for name, line in cookies.items() if "HttpOnly" in line} == {SESSION_COOKIE, REFRESH_COOKIE}
    assert {name for name, line in cookies.items() if "Max-Age=3600" in line} == {REFRESH_COOKIE, CSRF_COOKIE}
    assert resp.media == {"expires_in": 60}


def test_a_renewal_leaves_the_csrf_cookie_alone() -> None:
    """The sid stays, so the token stays, and a request under way in another tab stays good."""
    resp = falcon.Response()
    COOKIE.renew(resp, RENEWABLE)
    assert set(cookies_of(resp)) == {SESSION_COOKIE, REFRESH_COOKIE}


@pytest.mark.parametrize("carrier", [COOKIE, BEARER])
def test_a_scheme_with_nothing_to_carry_gets_nothing(carrier: CookieCarrier | BearerCarrier) -> None:
    """No empty cookie, no empty token."""
    resp = falcon.Response()
    carrier.log_in(resp, EMPTY)
    assert cookies_of(resp) == {}
    assert "access_token" not in resp.media


@pytest.mark.parametrize("excess", [0, 1])
def test_a_cookie_is_at_most_4096_bytes(excess: int) -> None:
    """Name and value count; one byte more is refused clearly and no cookie is set."""
    resp = falcon.Response()
    grant = Grant("x" * (COOKIE_MAX_BYTES - len(SESSION_COOKIE) + excess), 60, "sid", "fresh", 3600)
    if not excess:
        COOKIE.log_in(resp, grant)
        return
    with pytest.raises(Problem) as caught:
        COOKIE.log_in(resp, grant)
    assert caught.value.reason == "cookie-too-large"
    assert cookies_of(resp) == {}


def test_bearer_puts_the_tokens_into_the_body_alone() -> None:
    """RFC 6749 names; no cookie."""
    resp = falcon.Response()
    BEARER.log_in(resp, RENEWABLE)
    expected = {"access_token": "cred", "token_type": "Bearer", "expires_in": 60, "refresh_token": "fresh"}
    assert resp.media == expected
    assert cookies_of(resp) == {}


def test_a_replacement_travels_beside_the_body() -> None:
    """A sliding token must not change what an endpoint answers; either client learns how long it lives."""
    by_header, by_cookie = falcon.Response(), falcon.Response()
    BEARER.swap(by_header, PLAIN)
    COOKIE.swap(by_cookie, PLAIN)
    assert by_header.get_header(NEW_TOKEN_HEADER) == "cred"
    assert by_cookie.get_header(NEW_TOKEN_HEADER) is None
    assert by_header.get_header(NEW_LIFE_HEADER) == by_cookie.get_header(NEW_LIFE_HEADER) == "60"
    assert "HttpOnly" in cookies_of(by_cookie)[SESSION_COOKIE]
    assert by_header.media is None
    assert by_cookie.media is None


def test_withdrawing_expires_every_cookie_with_the_attributes_it_had() -> None:
    """A browser drops a `__Host-` cookie only for a line that could have set it."""
    resp, nothing = falcon.Response(), falcon.Response()
    COOKIE.withdraw(resp)
    BEARER.withdraw(nothing)
    cookies = cookies_of(resp)
    assert set(cookies) == {SESSION_COOKIE, REFRESH_COOKIE, CSRF_COOKIE}
    assert all("=; Path=/; Secure; SameSite=Lax" in line and "Max-Age=0" in line for line in cookies.values())
    assert cookies_of(nothing) == {}


OWN: list[dict[str, str]] = [
    {},
    {"Sec-Fetch-Site": "same-origin"},
    {"Sec-Fetch-Site": "none"},
    {"Origin": "http://app.test"},
    {"Origin": "https://APP.test"},
]
FOREIGN: list[dict[str, str]] = [
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "anything"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://evil.test"},
    {"Origin": "http://app.test.evil.test"},
    {"Origin": "http://app.test:81"},
    {"Origin": "http://[", "Sec-Fetch-Site": "same-origin"},
]


@pytest.mark.parametrize("headers", OWN)
def test_a_request_of_this_site_passes(headers: dict[str, str]) -> None:
    """Also where the browser says nothing, or a proxy ended TLS before us."""
    COOKIE.guard_origin(request(headers))


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_request_of_another_site_is_refused(headers: dict[str, str]) -> None:
    """One header that betrays it suffices; bearer clients may come from anywhere."""
    with pytest.raises(Problem) as caught:
        COOKIE.guard_origin(request(headers))
    assert caught.value.reason == "cross-site"
    BEARER.guard_origin(request(headers))


def submitted(cookie: str, header: str, credential: str = SESSION_COOKIE) -> falcon.Request:
    """A request with a credential and both halves of the double submit."""
    return request({"Cookie": f"{credential}=x; {CSRF_COOKIE}={cookie}", "X-CSRF-Token": header})


@pytest.mark.parametrize("credential", [SESSION_COOKIE, REFRESH_COOKIE])
@pytest.mark.parametrize("sid", ["sid", None])
def test_the_token_of_the_login_passes(credential: str, sid: str | None) -> None:
    """Same text twice, signed, for this login."""
    token = make_token(SECRET, "sid")
    COOKIE.guard_token(submitted(token, token, credential), sid)


@pytest.mark.parametrize("credential", [SESSION_COOKIE, REFRESH_COOKIE])
@pytest.mark.parametrize("sid", ["sid", None])
def test_any_other_token_is_refused(credential: str, sid: str | None) -> None:
    """Missing, half, differing, unsigned and signed by somebody else."""
    token, second, foreign = make_token(SECRET, "sid"), make_token(SECRET, "sid"), make_token(b"x" * 32, "sid")
    pairs = [("", ""), (token, ""), ("", token), (token, second), ("sid.n.m", "sid.n.m"), (foreign, foreign)]
    for cookie, header in pairs:
        with pytest.raises(Problem) as caught:
            COOKIE.guard_token(submitted(cookie, header, credential), sid)
        assert caught.value.reason == "csrf"


def test_the_token_of_another_login_is_refused() -> None:
    """An attacker's own good token is no good for the victim."""
    token = make_token(SECRET, "attacker")
    with pytest.raises(Problem):
        COOKIE.guard_token(submitted(token, token), "victim")


def test_without_a_credential_there_is_nothing_to_guard() -> None:
    """Neither without cookies nor with bearer can a browser be abused."""
    COOKIE.guard_token(request({}), "sid")
    BEARER.guard_token(request({"Authorization": "Bearer x"}), "sid")


def test_a_carrier_is_opened_by_its_name() -> None:
    """And its challenge names what it expects."""
    assert isinstance(open_carrier("cookie", lambda: SECRET), CookieCarrier)
    assert isinstance(open_carrier("bearer", lambda: SECRET), BearerCarrier)
    assert challenge("/x/cookie/profile").startswith("Cookie ")
    assert challenge("/x/bearer/profile").startswith("Bearer ")
