"""Stateless tokens that slide: who stays active stays logged in, who goes idle does not, and nobody is thrown out."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.sliding import SlidingTokens
from services.stores.credentials import new_sid
from services.users import User

ALG = "HS256"

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=(),
    needs_affinity=False,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(None) for event in ("logout", "revoke_user", "ban", "password_change")},
)


class JwtSliding:
    """A Scheme whose credential says it all, and hands out its own successor; a stolen one slides as well."""

    def __init__(self, parts: Parts) -> None:
        self._tokens = SlidingTokens(parts.settings, parts.clock, parts.keys, ALG)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Sign a token. ValueError on claims it may not or cannot hold."""
        return self._tokens.issue(user.id, user.role, new_sid(), claims)

    def verify(self, credential: str) -> Verified:
        """Check signature, type, issuer, audience and times; near its end, sign the token that replaces it."""
        return self._tokens.verify(credential)

    def renew(self, refresh_credential: str) -> Grant:  # noqa: ARG002 - it has none
        """Never: a token slides by being used."""
        raise RejectedError(reason="not-renewable")

    def revoke(self, credential: str | None, refresh_credential: str | None) -> None:
        """Nothing: the token stays valid until it expires, and may be slid to the absolute limit."""

    def revoke_user(self, user_id: str, *, keep_sid: str | None = None) -> int:  # noqa: ARG002 - nothing to end
        """Ends nothing: every token stays valid until it expires, and may be slid to the absolute limit."""
        return 0

    def sessions(self, user_id: str) -> Sequence[SessionInfo]:  # noqa: ARG002 - nothing is known
        """Empty: nobody knows which tokens are out."""
        return ()


SPEC = SchemeSpec("jwt-sliding", "stateless token, replaced when it is used near its end", TRAITS, JwtSliding)
