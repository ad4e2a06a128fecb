"""Tokens that can be taken back: the signature is checked, then Redis is asked; the hop is back."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.stores.credentials import new_sid
from services.tokens import AccessTokens, in_milliseconds
from services.users import User

ALG = "HS256"

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=("redis",),
    needs_affinity=False,
    operations={
        "issue": Operations(),
        "verify": Operations({"redis": 1}, {"redis": {"mget": 1}}),
        "revoke": Operations({"redis": 1}, {"redis": {"set": 1}}),
    },
    revoked_within={event: Bound(0) for event in ("logout", "revoke_user", "ban", "password_change")},
)


class JwtDenylist:
    """A Scheme over AccessTokens and the Denylist, whose keys are the tokens' `jti`; revocation reaches everywhere."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._clock = parts.clock
        self._denylist = parts.denylist
        self._tokens = AccessTokens(settings, parts.clock, parts.keys, ALG, settings.jwt_ttl_s, in_milliseconds)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Sign a token. ValueError on claims it may not or cannot hold."""
        return self._tokens.issue(user.id, user.role, new_sid(), claims)

    def verify(self, credential: str) -> Verified:
        """Check the token itself first, so that nobody makes us ask Redis with a forged one; then ask."""
        now_s = self._clock()
        claims = self._tokens.read(credential, now_s)
        self._denylist.check(claims.jti, claims.user_id, claims.issued_at_ms, claims.sid)
        return claims.verified(now_s)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: whoever wants a new token logs in again."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:  # noqa: ARG002 - it has none
        """Deny the token until it expires; one that is not ours, or has expired, needs no denying."""
        try:
            claims = self._tokens.read(credential or "", self._clock())
        except RejectedError:
            return
        self._denylist.deny(claims.jti, claims.expires_at_s)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's logins; 0, as nobody knows how many there were."""
        self._denylist.deny_user(user_id, keep_sid)
        return 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:  # noqa: ARG002 - nothing is known
        """Empty: it knows which tokens are revoked, not which are out."""
        return ()


SPEC = SchemeSpec("jwt-denylist", "token that Redis may name as revoked, one MGET a request", TRAITS, JwtDenylist)
