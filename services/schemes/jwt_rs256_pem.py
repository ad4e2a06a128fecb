"""An anti-pattern: jwt-rs256 with keys handed to the library as PEM text, which it parses at every call."""

from collections.abc import Mapping, Sequence

from services.contract import Bound, Grant, Operations, Parts, RejectedError, SchemeSpec, SessionInfo, Traits, Verified
from services.pem_keys import PemKeys
from services.stores.credentials import new_sid
from services.tokens import AccessTokens
from services.users import User

ALG = "RS256"

TRAITS = Traits(
    carriers=("bearer", "cookie"),
    default_carrier="bearer",
    stores=(),
    needs_affinity=False,
    operations={"issue": Operations(), "verify": Operations(), "revoke": Operations()},
    revoked_within={event: Bound(None) for event in ("logout", "revoke_user", "ban", "password_change")},
    antipattern="hands the library PEM text at every call, to be parsed and checked anew; a key object made once does",
)


class JwtRs256Pem:
    """A Scheme whose credential says it all; it asks no store and so learns of no revocation."""

    def __init__(self, parts: Parts) -> None:
        settings = parts.settings
        self._tokens = AccessTokens(settings, parts.clock, PemKeys(parts.keys), ALG, settings.jwt_ttl_s)

    def issue(self, user: User, *, claims: Mapping[str, str] = {}) -> Grant:
        """Parse the private key and sign a token. ValueError on claims it may not or cannot hold."""
        return self._tokens.issue(user.id, user.role, new_sid(), claims)

    def verify(self, credential: str) -> Verified:
        """Parse the public key; check signature, type, issuer, audience and times."""
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


SPEC = SchemeSpec("jwt-rs256-pem", "jwt-rs256 that parses its PEM keys at every call", TRAITS, JwtRs256Pem)
