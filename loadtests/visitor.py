"""One simulated user agent: its own user, cookies and tokens, and the client side of each flow as a generator."""

import json
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from loadtests.exchange import Call, Response
from loadtests.plan import ArmPlan
from loadtests.record import StepName

NS_PER_S = 1_000_000_000
CSRF_COOKIE = "__Host-csrf"
REFRESH_COOKIE = "__Host-refresh"
SESSION_COOKIE = "__Host-session"
AFFINITY_COOKIE = "SRV"
NEW_TOKEN_HEADER = "x-new-token"  # noqa: S105 - the name of a header
NEW_LIFE_HEADER = "x-new-token-expires-in"

_METHODS: Mapping[StepName, tuple[str, str]] = {
    "login": ("POST", "login"),
    "read": ("GET", "profile"),
    "write": ("POST", "notes"),
    "refresh": ("POST", "refresh"),
    "logout": ("POST", "logout"),
}
_NOTE = b'{"text":"a note of some twenty chars"}'
_EMPTY = b"{}"


Flow = Generator[Call, Response, None]
"""Yields calls, is sent their responses; ends when the step is done."""


class Visitor:
    """A user agent of one arm. It keeps cookies itself: Python's jar withholds Secure cookies over plain http."""

    def __init__(self, number: int, arm: ArmPlan, host: str, username: str, password: str) -> None:
        self.number = number
        self._carrier = arm.carrier
        self._prefix = f"/{arm.scheme}/{arm.carrier}"
        self._host = host
        self._login_body = json.dumps({"username": username, "password": password}).encode()
        self._cookies: dict[str, str] = {}
        self._access = ""
        self._refresh = ""
        self._expires_ns = 0
        self._asked_ns = 0
        self._prepared: dict[StepName, Call] = {}

    @property
    def can_refresh(self) -> bool:
        """Whether it holds a refresh credential."""
        return bool(self.refresh_credential)

    @property
    def is_logged_in(self) -> bool:
        """Whether a login was granted and not given up since; its credential may have expired."""
        return self._expires_ns > 0

    @property
    def has_valid_credential(self) -> bool:
        """Whether, as far as it knows, its credential was issued, is not expired and not revoked."""
        return time.monotonic_ns() < self._expires_ns

    @property
    def credential(self) -> str:
        """The access credential held now, "" before login."""
        return self._access or self._cookies.get(SESSION_COOKIE, "")

    @property
    def refresh_credential(self) -> str:
        """What it refreshes with, "" where it holds nothing of the kind."""
        return self._refresh or self._cookies.get(REFRESH_COOKIE, "")

    def replace_credential(self, credential: str) -> None:
        """Hold another access credential, as a thief or a test would."""
        if self._carrier == "cookie":
            self._cookies[SESSION_COOKIE] = credential
        else:
            self._access = credential
        self._prepared.clear()

    def call(self, step: StepName) -> Call:
        """The request for `step` with the credentials held now; made once per credential."""
        self._asked_ns = time.monotonic_ns()
        is_valid = self._asked_ns < self._expires_ns
        call = self._prepared.get(step)
        if call is None or call.had_valid_credential != is_valid:
            request = self._request(step) if call is None else call.request
            call = self._prepared[step] = Call(step, request, is_valid)
        return call

    def post(self, endpoint: str, fields: Mapping[str, str]) -> bytes:
        """The bytes of a POST that is no step of a journey, with the credentials held now."""
        return self._framed("POST", endpoint, self._credential_headers("write"), json.dumps(fields).encode())

    def adopt(self, step: StepName, response: Response) -> None:
        """Take over what a successful login, refresh or logout changed, and what replaces a token that slides.

        A load balancer may bind the visitor to another replica with any answer.
        """
        if "set-cookie" in response.headers:
            self._adopt_affinity(response)
        if not 200 <= response.status < 300:  # noqa: PLR2004 - HTTP's successes
            return
        if step in {"read", "write"}:
            if NEW_LIFE_HEADER in response.headers:
                self._adopt_replacement(response)
            return
        if step == "logout":
            self._forget()
        elif (granted := _granted(response.body)) is not None:
            self._adopt_grant(granted)
        else:
            return
        self._adopt_cookies(response)
        self._prepared.clear()

    def _adopt_affinity(self, response: Response) -> None:
        for name, value in _set_cookies(response):
            if name == AFFINITY_COOKIE:
                self._cookies[name] = value
                self._prepared.clear()

    def _adopt_cookies(self, response: Response) -> None:
        for name, value in _set_cookies(response):
            if value:
                self._cookies[name] = value
            else:
                self._cookies.pop(name, None)

    def _adopt_replacement(self, response: Response) -> None:
        """A bearer finds it in a header of its own, a cookie client in Set-Cookie."""
        life_s = response.header(NEW_LIFE_HEADER)
        if not life_s.isdecimal():
            return
        self._expires_ns = self._asked_ns + int(life_s) * NS_PER_S
        self._access = response.header(NEW_TOKEN_HEADER) or self._access
        self._adopt_cookies(response)
        self._prepared.clear()

    def _adopt_grant(self, granted: "_Granted") -> None:
        # the server's clock ran from some instant after the question: counted from there, the client never expects more
        self._expires_ns = self._asked_ns + granted.expires_in_s * NS_PER_S
        self._access = granted.access
        self._refresh = granted.refresh or self._refresh  # none: the old one stays (RFC 6749 section 6)

    def _forget(self) -> None:
        """Drop what the login left; a cookie of the balancer's stays, as it would in a browser."""
        self._access = self._refresh = ""
        self._expires_ns = 0
        for name in (SESSION_COOKIE, REFRESH_COOKIE, CSRF_COOKIE):
            self._cookies.pop(name, None)

    def _request(self, step: StepName) -> bytes:
        method, endpoint = _METHODS[step]
        body = b"" if method == "GET" else self._body(step)
        return self._framed(method, endpoint, self._credential_headers(step), body)

    def _framed(self, method: str, endpoint: str, credentials: list[str], body: bytes) -> bytes:
        head = [f"{method} {self._prefix}/{endpoint} HTTP/1.1", f"Host: {self._host}", "User-Agent: authbench"]
        head += ["Accept: application/json", *credentials]
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        return "\r\n".join([*head, "", ""]).encode() + body

    def _credential_headers(self, step: StepName) -> list[str]:
        if self._carrier == "bearer":
            return [f"Authorization: Bearer {self._access}"] if self._access and step != "login" else []
        headers = []
        if self._cookies:
            headers.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self._cookies.items()))
        if step != "read" and CSRF_COOKIE in self._cookies:
            headers.append(f"X-CSRF-Token: {self._cookies[CSRF_COOKIE]}")
        return headers

    def _body(self, step: StepName) -> bytes:
        if step == "login":
            return self._login_body
        if step == "write":
            return _NOTE
        if self._refresh and step in {"refresh", "logout"}:
            return json.dumps({"refresh_token": self._refresh}).encode()
        return _EMPTY


@dataclass(frozen=True, slots=True)
class _Granted:
    """What the body of a successful login or refresh says; the tokens are "" where cookies carry them."""

    expires_in_s: int
    access: str
    refresh: str


def _set_cookies(response: Response) -> Iterator[tuple[str, str]]:
    for line in response.headers.get("set-cookie", ()):
        name, _, value = line.partition(";")[0].partition("=")
        yield name, value


def _granted(body: bytes) -> _Granted | None:
    """What `body` grants; None when it is no grant."""
    try:
        said = json.loads(body)
        return _Granted(int(said["expires_in"]), said.get("access_token", ""), said.get("refresh_token", ""))
    except (ValueError, KeyError, TypeError):
        return None


def log_in(visitor: Visitor) -> Flow:
    """One login; what the answer grants is adopted."""
    yield from _single(visitor, "login")


def read(visitor: Visitor) -> Flow:
    """Read the profile; where the access credential expired and a refresh credential is held, refresh and try again."""
    response = yield from _single(visitor, "read")
    if response.status == 401 and response.reason == "expired" and visitor.can_refresh:  # noqa: PLR2004 - Unauthorized
        renewed = yield from _single(visitor, "refresh")
        if renewed.status == 200:  # noqa: PLR2004 - OK
            yield from _single(visitor, "read")


def write(visitor: Visitor) -> Flow:
    """Post a note."""
    yield from _single(visitor, "write")


def refresh(visitor: Visitor) -> Flow:
    """Exchange the refresh credential."""
    yield from _single(visitor, "refresh")


def log_out(visitor: Visitor) -> Flow:
    """End the login; the visitor forgets its credentials."""
    yield from _single(visitor, "logout")


def change_login(visitor: Visitor) -> Flow:
    """Log out and in again."""
    yield from _single(visitor, "logout")
    yield from _single(visitor, "login")


def _single(visitor: Visitor, step: StepName) -> Generator[Call, Response, Response]:
    response = yield visitor.call(step)
    visitor.adopt(step, response)
    return response
