"""The server every generator loads: a bare Falcon app that stamps each arrival and knows who is logged in.

Its endpoints, carriers and problem documents are the service's own, below a scheme that only looks a credential up in
a set. So a generator that forgets a cookie, a token or what a new login granted is refused, and that is seen.
"""

import secrets
from collections.abc import Callable, Iterable
from typing import Any

import falcon

from bench.generator.stamps import CODES, Stamps
from services.answers import App, Health
from services.bodies import read_fields
from services.carriers import HttpCarrier, challenge, open_carrier
from services.contract import Carrier, Grant, RejectedError
from services.endpoints import PROFILE
from services.problems import Problem, install

SCHEME = "bare"
CARRIERS: tuple[Carrier, ...] = ("cookie", "bearer")
LIFE_S = 3600

Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Door:
    """Who is logged in under one carrier."""

    def __init__(self, carrier: HttpCarrier, stamps: Stamps) -> None:
        self.carrier = carrier
        self._stamps = stamps
        self._live: set[str] = set()

    def log_in(self, resp: falcon.Response) -> None:
        """Whoever asks."""
        credential = secrets.token_urlsafe(32)
        self._live.add(credential)
        self.carrier.log_in(resp, Grant(credential, LIFE_S, sid=secrets.token_urlsafe(16)))

    def check(self, req: falcon.Request) -> str:
        """The live credential of `req`. RejectedError, marked."""
        credential = self.carrier.credential(req)
        if credential not in self._live:
            self._stamps.mark("refused")
            raise RejectedError("unknown" if credential else "missing")
        return credential

    def check_meant(self, req: falcon.Request) -> str:
        """As `check`, and proof that a cookie's owner meant it. RejectedError or Problem, marked."""
        credential = self.check(req)
        try:
            self.carrier.guard_token(req)
        except Problem:
            self._stamps.mark("refused")
            raise
        return credential

    def log_out(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The credential is live no more. RejectedError or Problem, marked."""
        self._live.discard(self.check_meant(req))
        self.carrier.withdraw(resp)


class Endpoint:
    """A resource behind one door."""

    def __init__(self, door: Door) -> None:
        self._door = door


class Login(Endpoint):
    """POST: a fresh credential for anybody."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The body is read as the service reads it."""
        read_fields(req)
        self._door.log_in(resp)


class Profile(Endpoint):
    """GET: the bytes of the service's hot read."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Only for somebody who is logged in."""
        self._door.check(req)
        resp.data = PROFILE


class Notes(Endpoint):
    """POST: what the service answers to a note; nothing is kept."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Only for somebody who is logged in and meant it."""
        read_fields(req)
        self._door.check_meant(req)
        resp.media = {"number": 1}
        resp.status = falcon.HTTP_201


class Logout(Endpoint):
    """POST: the credential is worth nothing afterwards."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Stricter than the service, which also lets strangers out: here they are generators that lost a credential."""
        read_fields(req)
        self._door.log_out(req, resp)
        resp.media = {}


class Marks:
    """GET /stamps: what was stamped since they were asked for last."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps

    def on_get(self, _req: falcon.Request, resp: falcon.Response) -> None:
        """See `Stamps.hand_over`."""
        resp.content_type = "application/octet-stream"
        resp.data = self._stamps.hand_over()


def create_app() -> Wsgi:
    """Stamped before Falcon sees a request."""
    stamps = Stamps()
    app = App(SCHEME)
    install(app, challenge)
    app.add_route("/healthz", Health())
    app.add_route("/stamps", Marks(stamps))
    secret = secrets.token_bytes(32)
    for name in CARRIERS:
        door, prefix = Door(open_carrier(name, lambda: secret), stamps), f"/{SCHEME}/{name}"
        app.add_route(f"{prefix}/login", Login(door))
        app.add_route(f"{prefix}/profile", Profile(door))
        app.add_route(f"{prefix}/notes", Notes(door))
        app.add_route(f"{prefix}/logout", Logout(door))
    return _stamped(app, stamps)


def _stamped(app: Wsgi, stamps: Stamps) -> Wsgi:
    def serve(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        step = environ["PATH_INFO"].rpartition("/")[2]
        if step in CODES:
            stamps.mark(step)
        return app(environ, start_response)

    return serve
