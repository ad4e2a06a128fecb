"""Sessions in this process's memory: nothing is faster, no other replica knows them, a restart forgets them."""

from collections.abc import Iterable, Iterator, Sequence

from services.clock import Clock
from services.contract import Grant, SessionInfo, Verified
from services.settings import Settings
from services.stores.memory_records import MemoryRecords
from services.stores.sessions import begin_new


class MemorySessions:
    """A SessionStore over MemoryRecords."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._records = MemoryRecords(settings, clock)

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        begun = begin_new(self._settings, user_id, role, self._clock())
        self._records.create(begun.credential, begun.record)
        return begun.grant(self._settings.session_idle_s)

    def create_many(self, people: Iterable[tuple[str, str]]) -> Iterator[Grant]:
        """See SessionStore. One by one: there is no round trip to save."""
        return (self.create(user_id, role) for user_id, role in people)

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
