"""Sessions in this process's memory: nothing is faster, no other replica knows them, a restart forgets them."""

from collections.abc import Sequence

from services.clock import Clock
from services.contract import Grant, SessionInfo, Verified
from services.settings import Settings
from services.stores.credentials import new_credential, new_sid
from services.stores.memory_records import MemoryRecords
from services.stores.sessions import begin


class MemorySessions:
    """A SessionStore over MemoryRecords."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._records = MemoryRecords(settings, clock)

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        credential, now_s = new_credential(), self._clock()
        record = begin(self._settings, user_id, role, new_sid(), now_s)
        self._records.create(credential, record)
        return Grant(credential, max(1, record.expires_in_s(now_s, self._settings.session_idle_s)), record.sid)

    def read(self, credential: str) -> Verified:
        """See SessionStore."""
        now_s = self._clock()
        record, _ = self._records.read(credential, now_s)
        expires_in_s = record.expires_in_s(now_s, self._settings.session_idle_s)
        return Verified(record.user_id, record.role, record.sid, expires_in_s)

    def end(self, credential: str) -> None:
        """See SessionStore."""
        self._records.end(credential)

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """See SessionStore."""
        return self._records.end_all(user_id, keep_sid)

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """See SessionStore."""
        return self._records.of_owner(user_id)
