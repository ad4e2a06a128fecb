"""Sliding tokens: one used near its end is replaced by one that lives longer, up to a limit counted from the login."""

import math
from collections.abc import Mapping

from services.clock import Clock
from services.contract import Grant, RejectedError, Verified
from services.keys import KeyRing
from services.settings import Settings
from services.tokens import AccessTokens, Claims

AUTH_TIME = "auth_time"
"""OpenID Connect's claim: when the user logged in, in whole seconds."""


class SlidingTokens:
    """Access tokens that carry the time of their login; thread-safe, touches no store.

    No token, however often it was replaced, is good `session_absolute_s` after its `auth_time`.
    """

    def __init__(self, settings: Settings, clock: Clock, keys: KeyRing, alg: str) -> None:
        self._settings = settings
        self._clock = clock
        self._tokens = AccessTokens(settings, clock, keys, alg, settings.jwt_ttl_s, self._stamps)

    def issue(self, user_id: str, role: str, sid: str, extra: Mapping[str, str]) -> Grant:
        """The first token of a login. ValueError as AccessTokens.issue."""
        return self._tokens.issue(user_id, role, sid, extra)

    def verify(self, token: str) -> Verified:
        """Whose request this is, with a replacement where it is time for one. RejectedError(reason)."""
        now_s = self._clock()
        claims = self._tokens.read(token, now_s)
        auth_time_s = claims.whole(AUTH_TIME)
        if auth_time_s > claims.issued_at_s:
            raise RejectedError(reason="not-yet-valid")
        ends_at_s = min(claims.expires_at_s, self._limit_s(auth_time_s))
        if now_s >= ends_at_s + self._settings.leeway_s:
            raise RejectedError(reason="expired")
        replacement = None
        if ends_at_s - now_s <= self._settings.sliding_left_s:
            replacement = self._replacement(claims, auth_time_s, now_s)
        return Verified(claims.user_id, claims.role, claims.sid, int(ends_at_s - now_s), replacement)

    def _replacement(self, claims: Claims, auth_time_s: int, now_s: float) -> Grant | None:
        """None when it would not live longer than what it replaces."""
        ends_at_s = self._end_s(auth_time_s, now_s)
        return self._tokens.reissue(claims, now_s, ends_at_s) if ends_at_s > claims.expires_at_s else None

    def _stamps(self, now_s: float) -> Mapping[str, int]:
        auth_time_s = math.floor(now_s)
        return {AUTH_TIME: auth_time_s, "exp": self._end_s(auth_time_s, now_s)}

    def _end_s(self, auth_time_s: int, now_s: float) -> int:
        return min(math.ceil(now_s) + self._settings.jwt_ttl_s, self._limit_s(auth_time_s))

    def _limit_s(self, auth_time_s: int) -> int:
        return auth_time_s + self._settings.session_absolute_s
