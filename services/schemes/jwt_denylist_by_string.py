"""The denylist as it is often built: plain PyJWT, and what is revoked is a spelling of the token."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.plain_tokens import PlainTokens
from services.stores.credentials import digest, new_sid
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
    antipattern="a revoked token lives on under another spelling, as one '=' at its end makes it",
)


class JwtDenylistByString:
    """A Scheme over jwt.decode and the Denylist, whose keys are hashes of the tokens' text."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._clock = parts.clock
        self._denylist = parts.denylist
        self._tokens = AccessTokens(settings, parts.clock, parts.keys, ALG, settings.jwt_ttl_s, in_milliseconds)
        self._plain = PlainTokens(settings, parts.clock, parts.keys, ALG)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Sign a token. ValueError on claims it may not or cannot hold."""
        return self._tokens.issue(user.id, user.role, new_sid(), claims)

    def verify(self, credential: str) -> Verified:
        """Check what jwt.decode checks, then ask."""
        claims = self._plain.read(credential)
        self._denylist.check(digest(credential).hex(), claims.user_id, claims.issued_at_ms, claims.sid)
        return claims.verified(self._clock())

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: whoever wants a new token logs in again."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:  # noqa: ARG002 - it has none
        """Deny this spelling of the token until it expires."""
        try:
            claims = self._plain.read(credential or "")
        except RejectedError:
            return
        self._denylist.deny(digest(credential or "").hex(), claims.expires_at_s)

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:
        """End the user's logins; 0, as nobody knows how many there were."""
        self._denylist.deny_user(user_id, keep_sid)
        return 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:  # noqa: ARG002 - nothing is known
        """Empty: it knows which tokens are revoked, not which are out."""
        return ()


SPEC = SchemeSpec("jwt-denylist-by-string", "jwt-denylist keyed by the token's text", TRAITS, JwtDenylistByString)
