"""Records in this process's memory: one per credential under its hash, and an index per owner."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

from services.clock import Clock
from services.contract import LimitReachedError, RejectedError, SessionInfo
from services.settings import Settings
from services.stores.credentials import digest
from services.stores.sessions import SessionRecord

SWEEP_MAX = 16
"""How many idle records one login clears away at most, so that no login pays for all the others."""


@dataclass(slots=True)
class _Live:
    record: SessionRecord
    idle_at_s: float
    attached: bytes = field(repr=False)


class MemoryRecords:
    """What sessions and vaults have in common. Records lie in order of their last use, so idle ones are in front."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._live: OrderedDict[bytes, _Live] = OrderedDict()
        self._by_owner: dict[str, dict[bytes, SessionRecord]] = {}

    def create(self, credential: str, record: SessionRecord, attached: bytes = b"") -> None:
        """Keep `record` and what hangs on it. LimitReachedError."""
        key, now_s = digest(credential), self._clock()
        with self._lock:
            self._sweep(now_s)
            self._make_room(record.user_id, now_s)
            self._live[key] = _Live(record, now_s + self._settings.session_idle_s, attached)
            self._by_owner.setdefault(record.user_id, {})[key] = record

    def read(self, credential: str, now_s: float) -> tuple[SessionRecord, bytes]:
        """The record and what hangs on it; reading keeps it from going idle. RejectedError(reason)."""
        if not credential:
            raise RejectedError(reason="missing")
        key = digest(credential)
        with self._lock:
            live = self._live.get(key)
            if live is None:
                raise RejectedError(reason="unknown")
            if _is_over(live, now_s):
                self._remove(key)
                raise RejectedError(reason="expired")
            live.idle_at_s = now_s + self._settings.session_idle_s
            self._live.move_to_end(key)
            return live.record, live.attached

    def attach(self, credential: str, attached: bytes) -> None:
        """Hang something else on a record, whose limits stay; nothing happens when there is none."""
        with self._lock:
            live = self._live.get(digest(credential))
            if live is not None:
                live.attached = attached

    def end(self, credential: str) -> None:
        """Forget one record; nothing happens when there is none."""
        with self._lock:
            self._remove(digest(credential))

    def end_all(self, owner: str, keep_sid: str | None) -> int:
        """Forget every record of `owner` but that of `keep_sid`; the number of live ones among them."""
        with self._lock:
            self._forget_ended(owner, self._clock())
            ending = [key for key, record in self._of(owner).items() if record.sid != keep_sid]
            for key in ending:
                self._remove(key)
        return len(ending)

    def of_owner(self, owner: str) -> Sequence[SessionInfo]:
        """The live records of `owner`, oldest first."""
        with self._lock:
            self._forget_ended(owner, self._clock())
            return [record.info() for record in self._of(owner).values()]

    def _of(self, owner: str) -> dict[bytes, SessionRecord]:
        return self._by_owner.get(owner, {})

    def _make_room(self, owner: str, now_s: float) -> None:
        limit = self._settings.max_sessions
        if not limit:
            return
        self._forget_ended(owner, now_s)
        held = list(self._of(owner))
        if len(held) >= limit and self._settings.session_limit == "refuse":
            raise LimitReachedError
        for key in held[: max(0, len(held) - limit + 1)]:
            self._remove(key)

    def _forget_ended(self, owner: str, now_s: float) -> None:
        for key in [key for key in self._of(owner) if _is_over(self._live[key], now_s)]:
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
            held = self._by_owner[live.record.user_id]
            del held[key]
            if not held:
                del self._by_owner[live.record.user_id]


def _is_over(live: _Live, now_s: float) -> bool:
    return now_s >= min(live.idle_at_s, live.record.expires_at_s)
