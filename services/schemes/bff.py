"""A session outside, tokens inside: the browser holds a cookie, the BFF in Redis what the API takes.

Through the BFF all ends at the next request; what the API alone ends (a ban there) ends with the access token.
"""

from collections.abc import Mapping, Sequence

from services.backchannel import Backchannel
from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.schemes.redis_session import CREATE, END
from services.schemes.refresh_token import RefreshToken
from services.users import User

TRAITS = Traits(
    carriers=("cookie",),
    default_carrier="cookie",
    stores=("redis", "postgres"),
    needs_affinity=False,
    operations={
        "issue": Operations({"postgres": 1, "redis": 1}, {"postgres": {"with": 1}, "redis": CREATE}),
        "verify": Operations({"redis": 1}, {"redis": {"getex": 1}}),
        "revoke": Operations({"redis": 2, "postgres": 1}, {"redis": {"getex": 1, **END}, "postgres": {"with": 1}}),
    },
    revoked_within={event: Bound(0) for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
    can_limit_sessions=True,
)


class Bff:
    """A Scheme over a TokenVault and RefreshToken: what the BFF does over HTTP, in one process."""

    def __init__(self, parts: Parts) -> None:
        self._inner = RefreshToken(parts)
        self._vault = parts.vault("redis")
        self._backchannel = Backchannel(parts.settings, parts.clock, self._vault, self._inner)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Log in at the API and begin a session over its tokens."""
        inner = self._inner.issue(user, claims=claims)
        return self._backchannel.begin(user.id, inner.sid, inner)

    def verify(self, credential: str) -> Verified:
        """Look the session up, renew its access token when that is due, and have it verified."""
        kept = self._backchannel.fresh(credential)
        who = self._inner.verify(kept.tokens.access)
        return Verified(who.user_id, who.role, kept.sid, kept.expires_in_s)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: the BFF renews its tokens by itself, and a session slides by being used."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:  # noqa: ARG002 - it has none
        """End the login at the API, and the session."""
        if credential:
            self._backchannel.end(credential)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's logins at the API, and his sessions."""
        self._inner.revoke_user(user_id, keep_sid=keep_sid)
        return self._vault.end_all(user_id, keep_sid)

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """The user's sessions."""
        return self._vault.of_owner(user_id)


SPEC = SchemeSpec("bff", "cookie outside, tokens inside, kept by a BFF in Redis", TRAITS, Bff, front="bff")
