"""Sessions in this process's memory: nothing is faster, no other replica knows them, a restart forgets them."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from services.clock import Clock
from services.contract import Grant, LimitReachedError, RejectedError, SessionInfo, Verified
from services.settings import Settings
from services.stores.credentials import digest, new_credential, new_sid
from services.stores.sessions import SessionRecord, begin

SWEEP_MAX = 16
"""How many idle sessions one login clears away at most, so that no login pays for all the others."""


@dataclass(slots=True)
class _Live:
    record: SessionRecord
    idle_at_s: float


class MemorySessions:
    """A SessionStore in a dict. Sessions lie in order of their last use, so idle ones are found at its front."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._live: OrderedDict[bytes, _Live] = OrderedDict()
        self._by_user: dict[str, dict[bytes, SessionRecord]] = {}

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        credential, now_s = new_credential(), self._clock()
        record = begin(self._settings, user_id, role, new_sid(), now_s)
        with self._lock:
            self._sweep(now_s)
            self._make_room(user_id, now_s)
            key = digest(credential)
            self._live[key] = _Live(record, now_s + self._settings.session_idle_s)
            self._by_user.setdefault(user_id, {})[key] = record
        return Grant(credential, max(1, record.expires_in_s(now_s, self._settings.session_idle_s)), record.sid)

    def read(self, credential: str) -> Verified:
        """See SessionStore."""
        if not credential:
            raise RejectedError(reason="missing")
        key, now_s, idle_s = digest(credential), self._clock(), self._settings.session_idle_s
        with self._lock:
            live = self._live.get(key)
            if live is None:
                raise RejectedError(reason="unknown")
            if _is_over(live, now_s):
                self._remove(key)
                raise RejectedError(reason="expired")
            live.idle_at_s = now_s + idle_s
            self._live.move_to_end(key)
        record = live.record
        return Verified(record.user_id, record.role, record.sid, record.expires_in_s(now_s, idle_s))

    def end(self, credential: str) -> None:
        """See SessionStore."""
        with self._lock:
            self._remove(digest(credential))

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """See SessionStore."""
        with self._lock:
            self._forget_ended(user_id, self._clock())
            ending = [key for key, record in self._of(user_id).items() if record.sid != keep_sid]
            for key in ending:
                self._remove(key)
        return len(ending)

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """See SessionStore."""
        with self._lock:
            self._forget_ended(user_id, self._clock())
            return [record.info() for record in self._of(user_id).values()]

    def _of(self, user_id: str) -> dict[bytes, SessionRecord]:
        return self._by_user.get(user_id, {})

    def _make_room(self, user_id: str, now_s: float) -> None:
        limit = self._settings.max_sessions
        if not limit:
            return
        self._forget_ended(user_id, now_s)
        held = list(self._of(user_id))
        if len(held) >= limit and self._settings.session_limit == "refuse":
            raise LimitReachedError
        for key in held[: max(0, len(held) - limit + 1)]:
            self._remove(key)

    def _forget_ended(self, user_id: str, now_s: float) -> None:
        for key in [key for key in self._of(user_id) if _is_over(self._live[key], now_s)]:
            self._remove(key)

    def _sweep(self, now_s: float) -> None:
        for _ in range(min(SWEEP_MAX, len(self._live))):
            key = next(iter(self._live))
            if not _is_over(self._live[key], now_s):
                return
            self._remove(key)

    def _remove(self, key: bytes) -> None:
        live = self._live.pop(key, None)
        if live is not None:
            held = self._by_user[live.record.user_id]
            del held[key]
            if not held:
                del self._by_user[live.record.user_id]


def _is_over(live: _Live, now_s: float) -> bool:
    return now_s >= min(live.idle_at_s, live.record.expires_at_s)
