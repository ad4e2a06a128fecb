"""The endpoints every scheme has, word for word the same: only the scheme behind them and the carrier differ."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count

import falcon

from services.answers import listing
from services.bodies import read_fields, text
from services.carriers import HttpCarrier
from services.contract import Parts, RejectedError, Scheme, Verified
from services.passwords import Passwords
from services.problems import Problem
from services.users import User

PROFILE = b'{"name":"Ada Lovelace","city":"London","language":"en","theme":"light","plan":"standard","unread":3}'
"""What the hot read answers, encoded once: the same bytes under every scheme."""

PASSWORD_LEAST = 8


class Notes:
    """The state a replica changes: the last `most` notes, in its memory."""

    def __init__(self, most: int) -> None:
        self._texts: deque[str] = deque(maxlen=most)
        self._numbers = count(1)

    def add(self, note: str) -> int:
        """Keep `note`, drop the oldest when full; its number."""
        self._texts.append(note)
        return next(self._numbers)


@dataclass(frozen=True, slots=True)
class Mount:
    """One scheme under one carrier, with what the endpoints need besides."""

    scheme: Scheme
    carrier: HttpCarrier
    parts: Parts
    passwords: Passwords
    notes: Notes

    def reader(self, req: falcon.Request) -> Verified:
        """Who sent `req`. RejectedError, StoreDownError."""
        return self.scheme.verify(self.carrier.credential(req))

    def writer(self, req: falcon.Request) -> Verified:
        """Who wants to change something and meant to. Problem 403 where another site may be behind it."""
        self.carrier.guard_origin(req)
        who = self.reader(req)
        self.carrier.guard_token(req, who.sid)
        return who

    def target(self, req: falcon.Request) -> tuple[Verified, User]:
        """An administrator and the user he means. Problem 403 for everybody else."""
        fields = read_fields(req)
        who = self.writer(req)
        if who.role != "admin":
            raise Problem(reason="not-admin")
        user = self.parts.users.by_name(text(fields, "username"))
        if user is None:
            raise Problem(reason="no-such-user")
        return who, user

    def hand_over(self, resp: falcon.Response, who: Verified) -> None:
        """Send the replacement for a credential along. The last step, so that no refusal ever carries one."""
        if who.replacement is not None:
            self.carrier.swap(resp, who.replacement)

    def presented(self, req: falcon.Request, fields: Mapping[str, object]) -> tuple[str | None, str | None]:
        """Both credentials of `req`, None for each that is absent."""
        return self.carrier.credential(req) or None, self.carrier.refresh_credential(req, fields) or None


class Endpoint:
    """A resource of one mount."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount


class Login(Endpoint):
    """POST: user name and password for a grant."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """End the login the client came with, so that a planted credential dies, and begin one under a new sid."""
        mount = self._mount
        mount.carrier.guard_origin(req)
        fields = read_fields(req)
        user = self._user(text(fields, "username"), text(fields, "password"))
        credential, refresh_credential = mount.presented(req, fields)
        if credential or refresh_credential:
            mount.scheme.revoke(credential, refresh_credential)
        mount.carrier.log_in(resp, mount.scheme.issue(user))

    def _user(self, name: str, password: str) -> User:
        """The same path for an unknown name, a wrong password and a right one; only the right one learns of a ban."""
        user = self._mount.parts.users.by_name(name)
        if not self._mount.passwords.matches(user.password_hash if user else None, password) or user is None:
            raise Problem(reason="invalid-login")
        if user.banned:
            raise RejectedError(reason="banned")
        return user


class Profile(Endpoint):
    """GET: the hot read."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """A fixed body for whoever is logged in."""
        who = self._mount.reader(req)
        resp.data = PROFILE
        self._mount.hand_over(resp, who)


class NoteList(Endpoint):
    """POST: a state change."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Keep a note."""
        fields = read_fields(req)
        who = self._mount.writer(req)
        resp.media = {"number": self._mount.notes.add(text(fields, "text"))}
        resp.status = falcon.HTTP_201
        self._mount.hand_over(resp, who)


class Refresh(Endpoint):
    """POST: the refresh credential for a new grant."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Renew. Cookies change only on success, so that losing a race never clears the winner's."""
        mount = self._mount
        mount.carrier.guard_origin(req)
        refresh_credential = mount.carrier.refresh_credential(req, read_fields(req))
        mount.carrier.guard_token(req)
        grant = mount.scheme.renew(refresh_credential)
        mount.carrier.guard_token(req, grant.sid)
        mount.carrier.renew(resp, grant)


class Logout(Endpoint):
    """POST: the end of this login."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Revoke whatever came along; 200 also for an unknown or expired credential (RFC 7009, 2.2)."""
        mount = self._mount
        mount.carrier.guard_origin(req)
        fields = read_fields(req)
        mount.carrier.guard_token(req)
        credential, refresh_credential = mount.presented(req, fields)
        if credential or refresh_credential:
            mount.scheme.revoke(credential, refresh_credential)
        mount.carrier.withdraw(resp)
        resp.media = {}


class LogoutEverywhere(Endpoint):
    """POST: the end of every login of this user."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer how many were ended: 0 where the scheme cannot."""
        read_fields(req)
        who = self._mount.writer(req)
        ended = self._mount.scheme.revoke_user(who.user_id)
        self._mount.carrier.withdraw(resp)
        resp.media = {"ended": ended}


class Password(Endpoint):
    """POST: a new password."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Change it and end the user's other logins."""
        fields = read_fields(req)
        who = self._mount.writer(req)
        users = self._mount.parts.users
        new = text(fields, "new_password", least=PASSWORD_LEAST)
        user = users.by_id(who.user_id)
        if user is None:
            raise RejectedError(reason="unknown")
        if not self._mount.passwords.matches(user.password_hash, text(fields, "password")):
            raise Problem(reason="wrong-password")
        users.set_password(user.id, self._mount.passwords.hash(new))
        resp.media = {"ended": self._mount.scheme.revoke_user(user.id, keep_sid=who.sid)}
        self._mount.hand_over(resp, who)


class Sessions(Endpoint):
    """GET: where this user is logged in."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """As far as the scheme can know it."""
        who = self._mount.reader(req)
        resp.media = listing(self._mount.scheme.sessions(who.user_id), who.sid)
        self._mount.hand_over(resp, who)


class AdminRevoke(Endpoint):
    """POST: an administrator ends every login of a user."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer how many were ended: 0 where the scheme cannot."""
        who, user = self._mount.target(req)
        resp.media = {"ended": self._mount.scheme.revoke_user(user.id)}
        self._mount.hand_over(resp, who)


class AdminBan(Endpoint):
    """POST: an administrator shuts a user out."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Block login and renewal first, then end every login: in the other order one could begin in between."""
        who, user = self._mount.target(req)
        self._mount.parts.users.ban(user.id)
        resp.media = {"ended": self._mount.scheme.revoke_user(user.id)}
        self._mount.hand_over(resp, who)


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
"""What is served under /{scheme}/{carrier}."""
