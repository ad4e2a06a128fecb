"""Tokens read by jwt.decode with the arguments most people give it: what that accepts is accepted."""

import jwt
from jwt.types import Options

from services.clock import Clock
from services.contract import RejectedError
from services.keys import KeySource
from services.settings import Settings
from services.spans import around
from services.tokens import Claims, claims_of

# The library knows the system's time only; the service's clock is asked instead.
_OPTIONS: Options = {"verify_exp": False, "verify_iat": False, "verify_nbf": False}
_UNREADABLE = (jwt.InvalidTokenError, LookupError, TypeError, ValueError, RecursionError)


class PlainTokens:
    """Reads tokens of one algorithm: no check of `typ`, of a second audience or of a second spelling; thread-safe."""

    def __init__(self, settings: Settings, clock: Clock, keys: KeySource, alg: str) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._alg = alg
        self._decode = around("signature", jwt.decode)

    def read(self, token: str) -> Claims:
        """What a token says that is good now. RejectedError(reason)."""
        try:
            claims = claims_of(self._decoded(token))
        except _UNREADABLE:
            raise RejectedError(reason="malformed" if token else "missing") from None
        if self._clock() >= claims.expires_at_s:
            raise RejectedError(reason="expired")
        return claims

    def _decoded(self, token: str) -> dict[str, object]:
        key = self._keys.verifying(jwt.get_unverified_header(token)["kid"])
        if key is None:
            raise RejectedError(reason="bad-signature")
        audience, issuer = self._settings.audience, self._settings.issuer
        return self._decode(token, key.verification, [self._alg], _OPTIONS, audience=audience, issuer=issuer)
