"""An opaque access token: it says nothing by itself, so every use of it asks the authorization server (RFC 7662)."""

import math
from collections.abc import Mapping, Sequence

from opaque_token.client import SERVER, AuthorizationServer
from opaque_token.tokens import Login, is_token
from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.stores.credentials import new_sid
from services.users import User

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=(),
    needs_affinity=False,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(0) for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
)


class OpaqueToken:
    """A Scheme whose server knows what is revoked; what has expired is decided here, by the service clock."""

    def __init__(self, parts: Parts) -> None:
        self._clock = parts.clock
        self._ttl_s = parts.settings.access_ttl_s
        self._server = AuthorizationServer(parts)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:  # noqa: ARG002 - the login is fixed
        """Have a token issued."""
        now_s, sid = self._clock(), new_sid()
        login = Login(user.id, user.name, user.role, sid, math.floor(now_s), math.ceil(now_s) + self._ttl_s)
        return Grant(self._server.issue(login), self._ttl_s, sid)

    def verify(self, credential: str) -> Verified:
        """Ask what the token stands for."""
        if not credential:
            raise RejectedError(reason="missing")
        if not is_token(credential):
            raise RejectedError(reason="malformed")
        login, now_s = self._server.introspect(credential), self._clock()
        if login is None:
            raise RejectedError(reason="unknown")
        if now_s >= login.exp:
            raise RejectedError(reason="expired")
        return Verified(login.sub, login.role, login.sid, int(login.exp - now_s))

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: there is no refresh credential."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:  # noqa: ARG002 - it has none
        """End the token."""
        if credential and is_token(credential):
            self._server.revoke(credential)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's tokens."""
        return self._server.revoke_user(user_id, keep_sid or "")

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """The user's tokens that have not expired."""
        now_s = self._clock()
        return [SessionInfo(one.sid, one.iat, one.exp) for one in self._server.logins(user_id) if one.exp > now_s]


SPEC = SchemeSpec("opaque-token", "opaque token, introspected at each use", TRAITS, OpaqueToken, helpers=(SERVER,))
