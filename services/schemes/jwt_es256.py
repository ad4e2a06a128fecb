"""Stateless tokens under an elliptic curve key pair: as RS256, with a signature a quarter as long."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.stores.credentials import new_sid
from services.tokens import AccessTokens
from services.users import User

ALG = "ES256"

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=(),
    needs_affinity=False,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(None) for event in ("logout", "revoke_user", "ban", "password_change")},
)


class JwtEs256:
    """A Scheme whose credential says it all; it asks no store and so learns of no revocation."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._tokens = AccessTokens(settings, parts.clock, parts.keys, ALG, settings.jwt_ttl_s)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Sign a token. ValueError on claims it may not or cannot hold."""
        return self._tokens.issue(user.id, user.role, new_sid(), claims)

    def verify(self, credential: str) -> Verified:
        """Check signature, type, issuer, audience and times."""
        return self._tokens.verify(credential)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: whoever wants a new token logs in again."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """Nothing: the token stays valid until it expires."""

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:  # noqa: ARG002 - nothing to end
        """Ends nothing: every token stays valid until it expires."""
        return 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:  # noqa: ARG002 - nothing is known
        """Empty: nobody knows which tokens are out."""
        return ()


SPEC = SchemeSpec("jwt-es256", "stateless token, elliptic curve key pair (P-256)", TRAITS, JwtEs256)
