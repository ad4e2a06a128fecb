"""Sessions in Redis: every replica knows them, one GETEX reads one and keeps it from going idle.

Two clocks decide. The absolute limit lies in the value and is the service clock's. The idle limit is the key's TTL, as
no other design reads and slides in one command: the deliberate exception to expiry by the service clock. Redis alone
sees the reads of all replicas, so no replica whose clock is wrong can end, or keep alive, the sessions of another.
"""

from collections.abc import Sequence

from services.clock import Clock
from services.contract import Grant, LimitReachedError, RejectedError, SessionInfo, StoreDownError, Verified
from services.redis_client import DOWN, RedisClient, Script
from services.settings import Settings
from services.stores.credentials import digest, new_credential, new_sid
from services.stores.sessions import SessionRecord, begin

MS_PER_S = 1000
PREFIX = b"session:"
INDEX_PREFIX = "sessions-of:"

# The index of a user is a sorted set of session keys by absolute deadline. Each script first drops what is over:
# past its deadline by the service clock, or gone idle, so that MGET finds nothing.
_LIVE = """
local index, now_ms = KEYS[1], ARGV[1]
redis.call('ZREMRANGEBYSCORE', index, '-inf', now_ms)
local keys, live, records = redis.call('ZRANGE', index, 0, 4095), {}, {}
local values = redis.call('MGET', index, unpack(keys))
for i, key in ipairs(keys) do
  if values[i + 1] then
    live[#live + 1], records[#records + 1] = key, values[i + 1]
  else
    redis.call('ZREM', index, key)
  end
end
"""

_CREATE = (
    _LIVE
    + """
local key, record, idle_ms, deadline_ms = KEYS[2], ARGV[2], ARGV[3], ARGV[4]
local limit, policy, absolute_ms = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local excess = limit > 0 and #live - limit + 1 or 0
if excess > 0 and policy == 'refuse' then return 0 end
for i = 1, excess do
  redis.call('DEL', live[i])
  redis.call('ZREM', index, live[i])
end
redis.call('SET', key, record, 'PX', idle_ms)
redis.call('ZADD', index, deadline_ms, key)
redis.call('PEXPIRE', index, absolute_ms)
return 1
"""
)

_END = """
local record = redis.call('GETDEL', KEYS[1])
if record then redis.call('ZREM', ARGV[1] .. string.match(record, '^[^\\n]*'), KEYS[1]) end
"""

_END_ALL = (
    _LIVE
    + """
local ended = 0
for i, key in ipairs(live) do
  if string.match(records[i], '^[^\\n]*\\n[^\\n]*\\n([^\\n]*)') ~= ARGV[2] then
    redis.call('DEL', key)
    redis.call('ZREM', index, key)
    ended = ended + 1
  end
end
return ended
"""
)

_OF_USER = _LIVE + "return records"


class RedisSessions:
    """A SessionStore in Redis. A record is five lines: user, role, sid, time of creation, absolute deadline.

    Lines, because the hot read pays for every step: splitting them is several times cheaper than JSON.
    """

    def __init__(self, settings: Settings, clock: Clock, client: RedisClient) -> None:
        self._settings = settings
        self._clock = clock
        self._execute = client.execute
        self._idle_s = settings.session_idle_s
        self._idle_ms = settings.session_idle_s * MS_PER_S
        self._create = Script(client, _CREATE)
        self._end = Script(client, _END)
        self._end_all = Script(client, _END_ALL)
        self._of_user = Script(client, _OF_USER)

    def prepare(self) -> None:
        """Have the server hold every script. StoreDownError."""
        for script in (self._create, self._end, self._end_all, self._of_user):
            script.load()

    def create(self, user_id: str, role: str) -> Grant:
        """See SessionStore."""
        settings, credential, now_s = self._settings, new_credential(), self._clock()
        record = begin(settings, user_id, role, new_sid(), now_s)
        created = self._create.run(
            (INDEX_PREFIX + user_id, _key(credential)),
            _ms(now_s),
            _encoded(record),
            self._idle_ms,
            _ms(record.expires_at_s),
            settings.max_sessions,
            settings.session_limit,
            settings.session_absolute_s * MS_PER_S,
        )
        if not created:
            raise LimitReachedError
        return Grant(credential, max(1, record.expires_in_s(now_s, self._idle_s)), record.sid)

    def read(self, credential: str) -> Verified:
        """See SessionStore."""
        if not credential:
            raise RejectedError(reason="missing")
        try:
            value = self._execute("GETEX", _key(credential), "PX", self._idle_ms)
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
        self._end.run((_key(credential),), INDEX_PREFIX)

    def end_all(self, user_id: str, keep_sid: str | None) -> int:
        """See SessionStore."""
        return int(self._end_all.run((INDEX_PREFIX + user_id,), _ms(self._clock()), keep_sid or ""))

    def of_user(self, user_id: str) -> Sequence[SessionInfo]:
        """See SessionStore."""
        values = self._of_user.run((INDEX_PREFIX + user_id,), _ms(self._clock()))
        return sorted((_decoded(value).info() for value in values), key=lambda session: session.created_at_s)


def _key(credential: str) -> bytes:
    return PREFIX + digest(credential)


def _ms(seconds: float) -> int:
    return int(seconds * MS_PER_S)


def _encoded(record: SessionRecord) -> str:
    return f"{record.user_id}\n{record.role}\n{record.sid}\n{record.created_at_s}\n{record.expires_at_s}"


def _decoded(value: bytes) -> SessionRecord:
    user_id, role, sid, created_at_s, expires_at_s = value.decode().split("\n")
    return SessionRecord(user_id, role, sid, float(created_at_s), float(expires_at_s))
