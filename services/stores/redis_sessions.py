"""Sessions in Redis: every replica knows them, one GETEX reads one and keeps it from going idle.

Two clocks decide. The absolute limit lies in the value and is the service clock's. The idle limit is the key's TTL, as
no other design reads and slides in one command: the deliberate exception to expiry by the service clock. Redis alone
sees the reads of all replicas, so no replica whose clock is wrong can end, or keep alive, the sessions of another.
"""

from collections.abc import Iterable, Iterator, Sequence

from services.clock import Clock
from services.contract import Grant, RejectedError, SessionInfo, StoreDownError, Verified
from services.redis_client import DOWN, RedisClient
from services.settings import Settings
from services.stores.bulk import pieces
from services.stores.redis_records import MS_PER_S, RedisRecords, encoded
from services.stores.sessions import Begun, begin_new

PREFIX = b"session:"
INDEX_PREFIX = "sessions-of:"


class RedisSessions:
    """A SessionStore over RedisRecords."""

    def __init__(self, settings: Settings, clock: Clock, client: RedisClient) -> None:
        self._settings = settings
        self._clock = clock
        self._execute = client.execute
        self._idle_s = settings.session_idle_s
        self._idle_ms = settings.session_idle_s * MS_PER_S
        self._records = RedisRecords(settings, clock, client, PREFIX, INDEX_PREFIX)
        self._key = self._records.key

    def prepare(self) -> None:
        """Have the server hold every script. StoreDownError."""
        self._records.prepare()

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        begun = self._begin(user_id, role)
        self._records.create(begun.credential, begun.record, encoded(begun.record))
        return begun.grant(self._idle_s)

    def create_many(self, people: Iterable[tuple[str, str]]) -> Iterator[Grant]:
        """See SessionStore. The script of `create` for each, many in one round trip."""
        for piece in pieces(people):
            begun = [self._begin(user_id, role) for user_id, role in piece]
            self._records.create_many([(one.credential, one.record, encoded(one.record)) for one in begun])
            yield from (one.grant(self._idle_s) for one in begun)

    def read(self, credential: str) -> Verified:
        """See SessionStore."""
        if not credential:
            raise RejectedError(reason="missing")
        try:
            value = self._execute("GETEX", self._key(credential), "PX", self._idle_ms)
        except DOWN as error:
            raise StoreDownError(store="redis") from error
        if value is None:
            raise RejectedError(reason="unknown")
        user_id, role, sid, _, expires_at_s = value.decode().split("\n")
        remaining_s = float(expires_at_s) - self._clock()
        if remaining_s <= 0:
            raise RejectedError(reason="expired")
        expires_in_s = self._idle_s if remaining_s > self._idle_s else int(remaining_s)
        return Verified(user_id, role, sid, expires_in_s)

    def end(self, credential: str) -> None:
        """See SessionStore."""
        self._records.end(credential)

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """See SessionStore."""
        return self._records.end_all(user_id, keep_sid)

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """See SessionStore."""
        return self._records.of_owner(user_id)

    def _begin(self, user_id: str, role: str) -> Begun:
        return begin_new(self._settings, user_id, role, self._clock())
