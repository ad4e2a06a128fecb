"""JWT access tokens: issued with allow-listed claims alone, verified to be from us, for us and valid now."""

import binascii
import json
import math
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from operator import itemgetter
from typing import Any

from jwt import PyJWS
from jwt.exceptions import InvalidSignatureError, InvalidTokenError
from jwt.types import SigOptions

from services.clock import Clock
from services.contract import CredentialTooLongError, Grant, RejectedError, Verified
from services.keys import KeySource
from services.settings import Settings
from services.spans import watch

TOKEN_TYPE = "at+jwt"  # noqa: S105 - the media type of RFC 9068
MAX_CHARS = 8000
"""Longer tokens are neither issued nor looked at: header lines end near 8 KB in common servers."""
EXTRA_CLAIMS = frozenset({"scope", "tenant", "groups"})
"""What a caller may add to a token; nothing that identifies a person."""
PERMISSIONS = "permissions"
"""What the deployment adds to every token: a list of `login_claims` names, which no client chooses."""
OWN_CLAIMS = frozenset({"auth_time", "iat_ms"})
"""What single schemes add themselves: whole numbers, and required in their tokens."""
LOGIN_CLAIMS = frozenset({"iss", "aud", "sub", "role", "sid"}) | EXTRA_CLAIMS | {PERMISSIONS} | OWN_CLAIMS
"""What stays the same as long as the login lasts."""
HEADERS_KEPT = 256
MS_PER_S = 1000

Stamps = Callable[[float], Mapping[str, int]]
"""What a scheme adds to a token made at a time: OWN_CLAIMS, or an `exp` of its own."""

_CLAIMS = itemgetter("sub", "role", "sid", "jti", "iat", "exp", "nbf")
_STRICT: SigOptions = {"verify_signature": True, "enforce_minimum_key_length": True}


@dataclass(frozen=True, slots=True)
class Claims:
    """A verified payload. Times are service-clock seconds since 1970; whole, as we issue them."""

    user_id: str
    role: str
    sid: str
    jti: str
    issued_at_s: int
    expires_at_s: int
    not_before_s: int
    signed: Mapping[str, Any] = field(repr=False)
    """The whole payload."""

    def whole(self, name: str) -> int:
        """The whole number that a scheme's own claim must be. RejectedError("malformed")."""
        value = self.signed.get(name)
        if type(value) is not int:
            raise RejectedError(reason="malformed")
        return value

    @property
    def issued_at_ms(self) -> int:
        """`iat` in finer steps, as `in_milliseconds` stamped it. RejectedError("malformed") where the two disagree."""
        value = self.whole("iat_ms")
        if value // MS_PER_S != self.issued_at_s:
            raise RejectedError(reason="malformed")
        return value

    def verified(self, now_s: float) -> Verified:
        """What an endpoint learns of it."""
        return Verified(self.user_id, self.role, self.sid, int(self.expires_at_s - now_s))


@dataclass(frozen=True, slots=True)
class _Header:
    kid: str
    alg: str
    typ: object


class AccessTokens:
    """Issues and verifies the access tokens of one algorithm; thread-safe, touches no store.

    A token lives at least `ttl_s` and less than a second longer: its times are whole seconds, and `expires_in_s` is a
    promise. `leeway_s` of the settings is added to exp and taken from iat and nbf when they are checked.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - whom, when, with what and for how long
        self,
        settings: Settings,
        clock: Clock,
        keys: KeySource,
        alg: str,
        ttl_s: int,
        stamps: Stamps = lambda _now_s: {},
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._keys = keys
        self._alg = alg
        self._ttl_s = ttl_s
        self._stamps = stamps
        named = [permission(number) for number in range(settings.login_claims)]
        self._permitted: Mapping[str, list[str]] = {PERMISSIONS: named} if named else {}
        self._jws = PyJWS(algorithms=[alg])
        watch("signature", self._jws, "encode", "decode")
        # a ring without a key to sign with is found at start-up, not at the first login
        keys.signing(alg)

    def issue(self, user_id: str, role: str, sid: str, extra: Mapping[str, str]) -> Grant:
        """A token for one login. ValueError on a claim outside EXTRA_CLAIMS, CredentialTooLongError."""
        if not extra.keys() <= EXTRA_CLAIMS:
            message = f"claims {sorted(extra.keys() - EXTRA_CLAIMS)} not allowed; use {sorted(EXTRA_CLAIMS)}"
            raise ValueError(message)
        now_s = self._clock()
        lasting: dict[str, Any] = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": user_id,
            "role": role,
            "sid": sid,
        }
        said = dict(extra) | dict(self._permitted) | dict(self._stamps(now_s))
        return self._granted(lasting | self._fresh(now_s) | said, now_s)

    def reissue(self, claims: Claims, now_s: float, expires_at_s: int) -> Grant:
        """Another token for the login of `claims`, to end then: whatever was said at the login stays."""
        lasting = {name: value for name, value in claims.signed.items() if name in LOGIN_CLAIMS}
        return self._granted(lasting | self._fresh(now_s) | {"exp": expires_at_s}, now_s)

    def verify(self, token: str) -> Verified:
        """Whose request this is. RejectedError(reason)."""
        now_s = self._clock()
        return self.read(token, now_s).verified(now_s)

    def read(self, token: str, now_s: float) -> Claims:
        """What a token says that is good at `now_s`. RejectedError(reason)."""
        claims = self._signed(token)
        if now_s >= claims.expires_at_s + self._settings.leeway_s:
            raise RejectedError(reason="expired")
        return claims

    def sid_of(self, token: str) -> str | None:
        """The login a token was issued for, expired or not; None when we did not issue it."""
        try:
            return self._signed(token).sid
        except RejectedError:
            return None

    def _fresh(self, now_s: float) -> dict[str, str | int]:
        return {
            "jti": secrets.token_urlsafe(16),
            "iat": math.floor(now_s),
            "exp": math.ceil(now_s) + self._ttl_s,
        }

    def _granted(self, payload: Mapping[str, Any], now_s: float) -> Grant:
        key = self._keys.signing(self._alg)
        text = json.dumps(payload, separators=(",", ":")).encode()
        token = self._jws.encode(text, key.signing, self._alg, {"typ": TOKEN_TYPE, "kid": key.kid})
        if len(token) > MAX_CHARS:
            message = f"token of {len(token)} characters, at most {MAX_CHARS}; give it fewer claims"
            raise CredentialTooLongError(message)
        return Grant(token, int(payload["exp"] - now_s), payload["sid"])

    def _signed(self, token: str) -> Claims:
        if not token:
            raise RejectedError(reason="missing")
        # "=" is a second spelling of the same token, and so of the same signature
        if len(token) > MAX_CHARS or "=" in token or not token.isascii():
            raise RejectedError(reason="malformed")
        header = _header(token.partition(".")[0])
        if header.typ != TOKEN_TYPE:
            raise RejectedError(reason="wrong-type")
        return self._checked(self._decoded(token, header))

    def _decoded(self, token: str, header: _Header) -> dict[str, Any]:
        key = self._keys.verifying(header.kid)
        # one key, one algorithm: never the one the token asks for
        if key is None or not key.alg == self._alg == header.alg:
            raise RejectedError(reason="bad-signature")
        try:
            payload = self._jws.decode(token, key.verification, [self._alg], _STRICT)
        except InvalidSignatureError:
            raise RejectedError(reason="bad-signature") from None
        except InvalidTokenError:
            raise RejectedError(reason="malformed") from None
        return _object(payload)

    def _checked(self, payload: dict[str, Any]) -> Claims:
        if payload.get("iss") != self._settings.issuer:
            raise RejectedError(reason="wrong-issuer")
        if payload.get("aud") != self._settings.audience:
            raise RejectedError(reason="wrong-audience")
        claims = claims_of(payload)
        if max(claims.issued_at_s, claims.not_before_s) > self._clock() + self._settings.leeway_s:
            raise RejectedError(reason="not-yet-valid")
        return claims


def claims_of(payload: Mapping[str, Any]) -> Claims:
    """What `payload` says. RejectedError("malformed") when a claim is missing or of another kind."""
    try:
        named: tuple[str, str, str, str, int, int, int] = _CLAIMS({"nbf": payload["iat"], **payload})
    except KeyError:
        raise RejectedError(reason="malformed") from None
    claims = Claims(*named, signed=payload)
    if not _is_typed(claims):
        raise RejectedError(reason="malformed")
    return claims


def permission(number: int) -> str:
    """One of the names in PERMISSIONS, 18 characters: 28 of a token, with what JSON and base64 add."""
    return f"orders.read.eu-{number:03}"


def ending_apart(ttl_s: int, jitter_ratio: float) -> Stamps:
    """The Stamps of tokens that live between (1 - `jitter_ratio`) x `ttl_s` and `ttl_s`, in whole seconds.

    Drawn evenly for each one, so that what was issued together does not end together.
    """
    lives = math.floor(ttl_s * jitter_ratio) + 1
    return lambda now_s: {"exp": math.ceil(now_s) + ttl_s - secrets.randbelow(lives)}


def in_milliseconds(now_s: float) -> Mapping[str, int]:
    """The Stamps of tokens whose issue must be told from others of the same second."""
    second = math.floor(now_s)  # apart, so that no product of floats rounds up into the next one
    return {"iat_ms": second * MS_PER_S + int((now_s - second) * MS_PER_S)}


def _is_typed(claims: Claims) -> bool:
    """Text is text and a time a whole number: true, 1e400 and NaN are JSON or pass for it."""
    return (
        type(claims.user_id) is type(claims.role) is type(claims.sid) is type(claims.jti) is str
        and type(claims.issued_at_s) is type(claims.expires_at_s) is type(claims.not_before_s) is int
    )


@lru_cache(maxsize=HEADERS_KEPT)
def _header(segment: str) -> _Header:
    """The parsed first segment. All tokens of a key share it, so it is parsed once; jku, jwk, x5u, x5c are not read."""
    try:
        fields = _object(urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))
    except binascii.Error:
        raise RejectedError(reason="malformed") from None
    kid, alg = fields.get("kid"), fields.get("alg")
    if not isinstance(kid, str) or not isinstance(alg, str) or "crit" in fields:
        raise RejectedError(reason="malformed")
    return _Header(kid, alg, fields.get("typ"))


def _object(text: bytes) -> dict[str, Any]:
    """A JSON object without duplicate names. RejectedError("malformed")."""
    try:
        value = json.loads(text, object_pairs_hook=_distinct)
    except (ValueError, RecursionError):
        raise RejectedError(reason="malformed") from None
    if not isinstance(value, dict):
        raise RejectedError(reason="malformed")
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two readers that pick different duplicates see two different tokens under one signature."""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        message = "duplicate name"
        raise ValueError(message)
    return fields
