"""The endpoints of a BFF: those of the API, word for word, for browsers that hold a cookie and never a token."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import falcon

from services.answers import listing
from services.backchannel import Backchannel
from services.bodies import read_fields, text
from services.carriers import HttpCarrier
from services.contract import RejectedError
from services.stores.credentials import new_sid
from services.stores.vaults import Kept, TokenVault
from services.upstream import Call, Fields, Path, Upstream


@dataclass(frozen=True, slots=True)
class BffMount:
    """One vault under the carrier of cookies, before the API."""

    carrier: HttpCarrier
    vault: TokenVault
    backchannel: Backchannel
    upstream: Upstream

    def reader(self, req: falcon.Request) -> Kept:
        """Whose session came with `req`. RejectedError, StoreDownError."""
        return self.backchannel.fresh(self.carrier.credential(req))

    def writer(self, req: falcon.Request) -> Kept:
        """Who wants to change something and meant to. Problem 403 where another site may be behind it."""
        self.carrier.guard_origin(req)
        kept = self.reader(req)
        self.carrier.guard_token(req, kept.sid)
        return kept

    def read(self, req: falcon.Request, path: Path) -> bytes:
        """What the API answers to a GET of whoever sent `req`."""
        return self._asked(req, Call("GET", path, self.reader(req).tokens.access))

    def write(self, req: falcon.Request, kept: Kept, path: Path, fields: Fields) -> bytes:
        """What the API answers to a POST of `kept`, whose session came with `req`."""
        return self._asked(req, Call("POST", path, kept.tokens.access, fields))

    def _asked(self, req: falcon.Request, call: Call) -> bytes:
        """A token that the API does not take is renewed once; a session whose tokens it does not take is over."""
        try:
            return self.upstream.ask(call)
        except RejectedError:
            credential = self.carrier.credential(req)
            kept = self.backchannel.instead_of(call.access, credential)
        try:
            return self.upstream.ask(replace(call, access=kept.tokens.access))
        except RejectedError:
            self.vault.end(credential)
            raise


class Endpoint:
    """A resource of one mount."""

    def __init__(self, mount: BffMount) -> None:
        self._mount = mount


class Login(Endpoint):
    """POST: user name and password for a session."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Log in at the API in place of the login the browser came with, and begin a session under a new sid."""
        mount = self._mount
        mount.carrier.guard_origin(req)
        fields = read_fields(req)
        name, previous = text(fields, "username"), mount.carrier.credential(req)
        grant = mount.upstream.log_in(name, text(fields, "password"), mount.backchannel.held(previous))
        if previous:
            mount.vault.end(previous)
        mount.carrier.log_in(resp, mount.backchannel.begin(name, new_sid(), grant))


class Profile(Endpoint):
    """GET: the hot read."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As the API answers it."""
        resp.data = self._mount.read(req, "profile")


class NoteList(Endpoint):
    """POST: a state change."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Keep a note at the API."""
        fields = read_fields(req)
        resp.data = self._mount.write(req, self._mount.writer(req), "notes", _texts(fields, "text"))
        resp.status = falcon.HTTP_201


class Refresh(Endpoint):
    """POST: nothing a browser could exchange."""

    def on_post(self, req: falcon.Request, _resp: falcon.Response) -> None:
        """Never: tokens are renewed behind the BFF, and a session slides by being used."""
        self._mount.carrier.guard_origin(req)
        read_fields(req)
        self._mount.carrier.guard_token(req)
        raise RejectedError(reason="not-renewable")


class Logout(Endpoint):
    """POST: the end of this login."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End whatever came along; 200 also for an unknown or expired credential (RFC 7009, 2.2)."""
        mount = self._mount
        mount.carrier.guard_origin(req)
        read_fields(req)
        mount.carrier.guard_token(req)
        credential = mount.carrier.credential(req)
        if credential:
            mount.backchannel.end(credential)
        mount.carrier.withdraw(resp)
        resp.media = {}


class LogoutEverywhere(Endpoint):
    """POST: the end of every login of this user."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer how many sessions were ended."""
        read_fields(req)
        kept = self._mount.writer(req)
        self._mount.write(req, kept, "logout-everywhere", {})
        ended = self._mount.vault.end_all(kept.owner, None)
        self._mount.carrier.withdraw(resp)
        resp.media = {"ended": ended}


class Password(Endpoint):
    """POST: a new password."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change it at the API and end the user's other sessions."""
        fields = read_fields(req)
        kept = self._mount.writer(req)
        self._mount.write(req, kept, "password", _texts(fields, "password", "new_password"))
        resp.media = {"ended": self._mount.vault.end_all(kept.owner, kept.sid)}


class Sessions(Endpoint):
    """GET: where this user is logged in through this BFF."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Sessions, not the logins at the API behind them."""
        kept = self._mount.reader(req)
        resp.media = listing(self._mount.vault.of_owner(kept.owner), kept.sid)


class AdminRevoke(Endpoint):
    """POST: an administrator ends every login of a user."""

    path: Literal["admin/revoke", "admin/ban"] = "admin/revoke"

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The API decides who may; answer how many sessions were ended."""
        fields = read_fields(req)
        self._mount.write(req, self._mount.writer(req), self.path, _texts(fields, "username"))
        resp.media = {"ended": self._mount.vault.end_all(text(fields, "username"), None)}


class AdminBan(AdminRevoke):
    """POST: an administrator shuts a user out."""

    path = "admin/ban"


def _texts(fields: Mapping[str, object], *names: str) -> Fields:
    """Those of `fields` that are text; the API says what is wrong with the others."""
    return {name: value for name in names if isinstance(value := fields.get(name), str)}


ENDPOINTS: Mapping[str, type[Endpoint]] = {
    "login": Login,
    "profile": Profile,
    "notes": NoteList,
    "refresh": Refresh,
    "logout": Logout,
    "logout-everywhere": LogoutEverywhere,
    "password": Password,
    "sessions": Sessions,
    "admin/revoke": AdminRevoke,
    "admin/ban": AdminBan,
}
"""What is served under /{scheme}/cookie."""
