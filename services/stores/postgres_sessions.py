"""Sessions in PostgreSQL: one SELECT reads one, and only now and then is a use worth a write."""

from collections.abc import Iterable, Iterator, Sequence

from services.clock import Clock
from services.contract import Grant, RejectedError, SessionInfo, Verified
from services.database import Database, Row, Values
from services.settings import Settings
from services.stores import session_sql as sql
from services.stores.bulk import pieces
from services.stores.credentials import digest
from services.stores.session_limit import Limited, begin_login
from services.stores.sessions import Begun, begin_new

TOUCHES_PER_IDLE = 10
"""However short the idle limit, a use is written down at least this often within it."""

_LIMITED = Limited(sql.INSERT, sql.COUNT, sql.EVICT)


class PostgresSessions:
    """A SessionStore in a table. Both limits are the service clock's.

    A use is written down only when the last one noted is `session_touch_s`, or a tenth of `session_idle_s` if that is
    less, in the past: a read is normally no write. A session may go idle that much early, never late.
    """

    def __init__(self, settings: Settings, clock: Clock, database: Database) -> None:
        self._settings = settings
        self._clock = clock
        self._database = database
        self._idle_s = settings.session_idle_s
        self._touch_s = min(settings.session_touch_s, settings.session_idle_s / TOUCHES_PER_IDLE)

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        begun = self._begin(user_id, role)
        record = begun.record
        session = {"hash": digest(begun.credential), "sid": record.sid, "role": role, "expires_at": record.expires_at_s}
        values = {**session, **self._live(user_id, record.created_at_s)}
        begin_login(self._database, self._settings, _LIMITED, values)
        return begun.grant(self._idle_s)

    def create_many(self, people: Iterable[tuple[str, str]]) -> Iterator[Grant]:
        """See SessionStore. By COPY; a limit asks for a decision about each, so that with one it is one by one."""
        if self._settings.max_sessions:
            yield from (self.create(user_id, role) for user_id, role in people)
            return
        for piece in pieces(people):
            begun = [self._begin(user_id, role) for user_id, role in piece]
            self._database.append(sql.COPY, (_row(one) for one in begun))
            yield from (one.grant(self._idle_s) for one in begun)

    def read(self, credential: str) -> Verified:
        """See SessionStore."""
        if not credential:
            raise RejectedError(reason="missing")
        key, now_s = digest(credential), self._clock()
        row = self._database.one(sql.READ, {"hash": key})
        if row is None:
            raise RejectedError(reason="unknown")
        user_id, role, sid, _, expires_at_s, used_at_s = row
        left_s = min(used_at_s + self._idle_s, expires_at_s) - now_s
        if left_s <= 0:
            raise RejectedError(reason="expired")
        if now_s >= used_at_s + self._touch_s:
            self._database.run(sql.TOUCH, {"hash": key, "now": now_s, "due": now_s - self._touch_s})
            left_s = min(self._idle_s, expires_at_s - now_s)
        return Verified(user_id, role, sid, int(left_s))

    def end(self, credential: str) -> None:
        """See SessionStore."""
        self._database.run(sql.END, {"hash": digest(credential)})

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """See SessionStore."""
        row = self._database.one(sql.END_ALL, {**self._live(user_id, self._clock()), "keep_sid": keep_sid or ""})
        return row[0] if row else 0

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """See SessionStore."""
        return [SessionInfo(*row) for row in self._database.all(sql.OF_USER, self._live(user_id, self._clock()))]

    def prune(self) -> int:
        """Remove sessions that are over; their number."""
        return self._database.run(sql.PRUNE, self._live("", self._clock()))

    def _begin(self, user_id: str, role: str) -> Begun:
        return begin_new(self._settings, user_id, role, self._clock())

    def _live(self, user_id: str, now_s: float) -> Values:
        """What decides which sessions of a user live."""
        return {"user_id": user_id, "now": now_s, "idle_from": now_s - self._idle_s}


def _row(begun: Begun) -> Row:
    """As `sql.COPY` lists its columns; the beginning counts as the first use."""
    key, record = digest(begun.credential), begun.record
    times = (record.created_at_s, record.expires_at_s, record.created_at_s)
    return (key, record.sid, record.user_id, record.role, *times)
