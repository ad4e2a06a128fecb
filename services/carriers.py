"""How a credential travels: the only file that knows cookies, Authorization headers and the CSRF rules."""

from collections.abc import Callable, Mapping
from typing import Protocol

import falcon

from services.bodies import text
from services.contract import Carrier, Grant, RejectedError
from services.csrf import is_same, login_of, make_token
from services.problems import Problem
from services.spans import watch

SESSION_COOKIE = "__Host-session"
REFRESH_COOKIE = "__Host-refresh"
CSRF_COOKIE = "__Host-csrf"
CSRF_HEADER = "X-CSRF-Token"
NEW_TOKEN_HEADER = "X-New-Token"  # noqa: S105 - the name of a header
NEW_LIFE_HEADER = "X-New-Token-Expires-In"
COOKIE_MAX_BYTES = 4096
TOKEN_MAX = 8192

_ATTRIBUTES = "; Path=/; Secure; SameSite=Lax"
_HIDDEN = "; HttpOnly"
_OWN_SITE = frozenset({"same-origin", "none"})


class HttpCarrier(Protocol):
    """One way to carry credentials in requests and answers. An absent credential is ""."""

    def credential(self, req: falcon.Request) -> str:
        """The credential of `req`. RejectedError when it is ambiguous."""
        ...

    def refresh_credential(self, req: falcon.Request, fields: Mapping[str, object]) -> str:
        """The refresh credential of `req`, whose body is `fields`."""
        ...

    def headers(self, credential: str) -> Mapping[str, str]:
        """What a request of our own has that carries `credential`; nothing without one."""
        ...

    def log_in(self, resp: falcon.Response, grant: Grant) -> None:
        """Hand a fresh login to the client and fill the body."""
        ...

    def renew(self, resp: falcon.Response, grant: Grant) -> None:
        """Hand what a refresh gave to the client and fill the body."""
        ...

    def swap(self, resp: falcon.Response, grant: Grant) -> None:
        """Hand a replacement to the client beside whatever the body says, and tell how many seconds it is good for."""
        ...

    def withdraw(self, resp: falcon.Response) -> None:
        """Make the client forget what it carries, as far as an answer can."""
        ...

    def guard_origin(self, req: falcon.Request) -> None:
        """Problem 403 when another site may have sent `req`."""
        ...

    def guard_token(self, req: falcon.Request, sid: str | None = None) -> None:
        """Problem 403 unless `req` proves that its sender can read our cookies of the login `sid`.

        Without `sid` any login of ours will do: for requests whose own credential may be dead.
        """
        ...


class CookieCarrier:
    """`__Host-` cookies. State changes need the signed CSRF token in the cookie and in a header alike."""

    def __init__(self, csrf_secret: Callable[[], bytes]) -> None:
        self._csrf_secret = csrf_secret

    def credential(self, req: falcon.Request) -> str:
        """The value of the session cookie."""
        return _cookie(req, SESSION_COOKIE)

    def refresh_credential(self, req: falcon.Request, fields: Mapping[str, object]) -> str:  # noqa: ARG002 - the protocol's
        """The value of the refresh cookie; a token in the body is ignored."""
        return _cookie(req, REFRESH_COOKIE)

    def headers(self, credential: str) -> Mapping[str, str]:
        """The session cookie alone."""
        return {"Cookie": f"{SESSION_COOKIE}={credential}"} if credential else {}

    def log_in(self, resp: falcon.Response, grant: Grant) -> None:
        """Set the cookies; the CSRF cookie comes with the login and stays until the logout."""
        self.renew(resp, grant)
        if grant.credential:
            token = make_token(self._csrf_secret(), grant.sid)
            _set_cookie(resp, CSRF_COOKIE, token, _max_age(grant))

    def renew(self, resp: falcon.Response, grant: Grant) -> None:
        """Set the credential cookies, all or none of them."""
        cookies = {SESSION_COOKIE: grant.credential, REFRESH_COOKIE: grant.refresh_credential or ""}
        if any(len(name) + len(value) > COOKIE_MAX_BYTES for name, value in cookies.items()):
            raise Problem(reason="cookie-too-large")
        if grant.credential:
            _set_cookie(resp, SESSION_COOKIE, grant.credential, _HIDDEN)
        if grant.refresh_credential:
            _set_cookie(resp, REFRESH_COOKIE, grant.refresh_credential, _HIDDEN + _max_age(grant))
        resp.media = {"expires_in": grant.expires_in_s}

    def swap(self, resp: falcon.Response, grant: Grant) -> None:
        """Set the session cookie anew; the sid, and so the CSRF token, stays."""
        _set_cookie(resp, SESSION_COOKIE, grant.credential, _HIDDEN)
        resp.set_header(NEW_LIFE_HEADER, str(grant.expires_in_s))

    def withdraw(self, resp: falcon.Response) -> None:
        """Expire all three cookies."""
        for name in (SESSION_COOKIE, REFRESH_COOKIE):
            _set_cookie(resp, name, "", _HIDDEN + "; Max-Age=0")
        _set_cookie(resp, CSRF_COOKIE, "", "; Max-Age=0")

    def guard_origin(self, req: falcon.Request) -> None:
        """Believe Sec-Fetch-Site and Origin where the browser sends them."""
        site = req.env.get("HTTP_SEC_FETCH_SITE", "none")
        origin = req.env.get("HTTP_ORIGIN")
        # The scheme is left out: behind a proxy that ends TLS the service cannot know it.
        is_own = origin is None or origin.partition("://")[2].lower() == req.env.get("HTTP_HOST", "").lower()
        if site not in _OWN_SITE or not is_own:
            raise Problem(reason="cross-site")

    def guard_token(self, req: falcon.Request, sid: str | None = None) -> None:
        """Signed double submit; where no credential came along there is nothing to abuse."""
        if not (self.credential(req) or _cookie(req, REFRESH_COOKIE)):
            return
        token = _cookie(req, CSRF_COOKIE)
        named = login_of(self._csrf_secret(), token) if is_same(token, req.get_header(CSRF_HEADER) or "") else None
        if named is None or (sid is not None and named != sid):
            raise Problem(reason="csrf")


class BearerCarrier:
    """`Authorization: Bearer`; browsers never add it by themselves, so there is nothing to forge."""

    def credential(self, req: falcon.Request) -> str:
        """What follows `Bearer`, in any case; "" for every other scheme of authentication."""
        kind, _, credential = req.env.get("HTTP_AUTHORIZATION", "").partition(" ")
        return credential if kind.lower() == "bearer" else ""

    def refresh_credential(self, req: falcon.Request, fields: Mapping[str, object]) -> str:  # noqa: ARG002 - the protocol's
        """The body's `refresh_token`."""
        return text(fields, "refresh_token", most=TOKEN_MAX) if "refresh_token" in fields else ""

    def headers(self, credential: str) -> Mapping[str, str]:
        """As `credential` reads it."""
        return {"Authorization": f"Bearer {credential}"} if credential else {}

    def log_in(self, resp: falcon.Response, grant: Grant) -> None:
        """Put the tokens into the body."""
        self.renew(resp, grant)

    def renew(self, resp: falcon.Response, grant: Grant) -> None:
        """Put the tokens into the body; a scheme with nothing to carry has none."""
        tokens: dict[str, str | int] = {"token_type": "Bearer", "expires_in": grant.expires_in_s}
        if grant.credential:
            tokens["access_token"] = grant.credential
        if grant.refresh_credential:
            tokens["refresh_token"] = grant.refresh_credential
        resp.media = tokens

    def swap(self, resp: falcon.Response, grant: Grant) -> None:
        """Put the replacement into a header of its own."""
        resp.set_header(NEW_TOKEN_HEADER, grant.credential)
        resp.set_header(NEW_LIFE_HEADER, str(grant.expires_in_s))

    def withdraw(self, resp: falcon.Response) -> None:
        """An answer cannot make a client forget a token."""

    def guard_origin(self, req: falcon.Request) -> None:
        """Nothing to check."""

    def guard_token(self, req: falcon.Request, sid: str | None = None) -> None:
        """Nothing to check."""


def open_carrier(name: Carrier, csrf_secret: Callable[[], bytes]) -> HttpCarrier:
    """The carrier called `name`; `csrf_secret` is asked at each use, so that a rotated key ring takes effect."""
    carrier = CookieCarrier(csrf_secret) if name == "cookie" else BearerCarrier()
    watch("carrier", carrier, "credential", "log_in", "renew", "swap", "withdraw", "guard_origin", "guard_token")
    return carrier


def challenge(uri_template: str) -> str:
    """The WWW-Authenticate of a 401 under `uri_template`: what a client should have sent there."""
    return 'Cookie realm="authbench"' if "/cookie/" in uri_template else 'Bearer realm="authbench"'


def _cookie(req: falcon.Request, name: str) -> str:
    """The value of the cookie `name`, "" without one. Two of that name are refused: one of them was planted."""
    start = name + "="
    pairs = [pair.lstrip(" ") for pair in req.env.get("HTTP_COOKIE", "").split(";")]
    values = [pair for pair in pairs if pair.startswith(start)]
    if len(values) > 1:
        raise RejectedError(reason="malformed")
    return values[0][len(start) :] if values else ""


def _set_cookie(resp: falcon.Response, name: str, value: str, attributes: str) -> None:
    resp.append_header("Set-Cookie", f"{name}={value}{_ATTRIBUTES}{attributes}")


def _max_age(grant: Grant) -> str:
    """Cookies of a login that can be refreshed outlive the browser; the session cookie never does by itself."""
    return f"; Max-Age={grant.refresh_expires_in_s}" if grant.refresh_expires_in_s else ""
