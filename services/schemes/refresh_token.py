"""The hybrid: a short stateless access token, and a refresh token that is looked up, rotated and revocable."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from services.contract import Bound, Grant, Operations, Parts, SchemeSpec, SessionInfo, Traits, Verified
from services.stores.refresh_tokens import Refreshed
from services.tokens import AccessTokens, ending_apart
from services.users import User

ALG = "HS256"
ROTATE = {"begin": 1, "select": 1, "update": 1, "with": 1, "commit": 1}

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=("postgres",),
    needs_affinity=False,
    operations={
        "issue": Operations({"postgres": 1}, {"postgres": {"with": 1}}),
        "verify": Operations(),
        "renew": Operations({"postgres": 5}, {"postgres": ROTATE}),
        "revoke": Operations({"postgres": 1}, {"postgres": {"with": 1}}),
    },
    revoked_within={event: Bound(None) for event in ("logout", "revoke_user", "ban", "password_change")},
    can_list_sessions=True,
    can_limit_sessions=True,
)


class RefreshToken:
    """A Scheme whose renewals end at once when revoked; an access token outlives that until it expires."""

    def __init__(self, parts: Parts) -> None:
        settings, ttl_s = parts.settings, parts.settings.access_ttl_s
        stamps = ending_apart(ttl_s, settings.access_ttl_jitter_ratio)
        self._access = AccessTokens(settings, parts.clock, parts.keys, ALG, ttl_s, stamps)
        self._refresh = parts.refresh_tokens

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Sign an access token and begin a family; one evicted for it renews no more. ValueError on unfit claims."""
        return self._grant(self._refresh.begin(user.id, user.role), claims)

    def verify(self, credential: str) -> Verified:
        """Check signature, type, issuer, audience and times of the access token."""
        return self._access.verify(credential)

    def renew(self, refresh_credential: str) -> Grant:
        """Rotate the refresh token; `claims` given at login are not repeated, the role is the user's of today."""
        return self._grant(self._refresh.rotate(refresh_credential), {})

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """End the family; its access tokens stay valid until they expire."""
        sid = self._access.sid_of(credential) if credential else None
        if sid or refresh_credential:
            self._refresh.revoke(sid, refresh_credential)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's families; their access tokens stay valid until they expire."""
        return self._refresh.revoke_user(user_id, keep_sid)

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:
        """The user's families that can still be renewed."""
        return self._refresh.sessions(user_id)

    def _grant(self, refreshed: Refreshed, claims: Mapping[str, str]) -> Grant:
        access = self._access.issue(refreshed.user_id, refreshed.role, refreshed.sid, claims)
        return replace(access, refresh_credential=refreshed.token, refresh_expires_in_s=refreshed.expires_in_s)


SPEC = SchemeSpec("refresh-token", "short access token, rotated refresh token in PostgreSQL", TRAITS, RefreshToken)
