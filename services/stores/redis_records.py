"""Records in Redis: one per credential under its hash, and an index per owner that scripts keep at one with them."""

from collections.abc import Iterable, Sequence

from services.clock import Clock
from services.contract import LimitReachedError, SessionInfo
from services.redis_client import RedisClient, Script, ScriptCall
from services.settings import Settings
from services.stores.credentials import digest
from services.stores.sessions import SessionRecord

MS_PER_S = 1000
LINES = 5
"""Lines, because the hot read pays for every step: splitting them is several times cheaper than JSON."""

# The index of an owner is a sorted set of record keys by absolute deadline. Each script first drops what is over:
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

# The record comes first: a server that is full refuses the first write of a script, and lets every later one pass.
_CREATE = (
    """
local key, record, idle_ms, deadline_ms = KEYS[2], ARGV[2], ARGV[3], ARGV[4]
redis.call('SET', key, record, 'PX', idle_ms)
"""
    + _LIVE
    + """
local limit, policy, absolute_ms = tonumber(ARGV[5]), ARGV[6], ARGV[7]
local excess = limit > 0 and #live - limit + 1 or 0
if excess > 0 and policy == 'refuse' then
  redis.call('DEL', key)
  return 0
end
for i = 1, excess do
  redis.call('DEL', live[i])
  redis.call('ZREM', index, live[i])
end
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

_OF_OWNER = _LIVE + "return records"


class RedisRecords:
    """What sessions and vaults have in common, under key prefixes of their own. Any method: StoreDownError.

    A value is the record in five lines (owner, role, sid, time of creation, absolute deadline), and after a sixth
    line break whatever hangs on it.
    """

    def __init__(self, settings: Settings, clock: Clock, client: RedisClient, prefix: bytes, index_prefix: str) -> None:
        self._settings = settings
        self._clock = clock
        self._prefix = prefix
        self._index_prefix = index_prefix
        self._create = Script(client, _CREATE)
        self._end = Script(client, _END)
        self._end_all = Script(client, _END_ALL)
        self._of_owner = Script(client, _OF_OWNER)

    def prepare(self) -> None:
        """Have the server hold every script."""
        for script in (self._create, self._end, self._end_all, self._of_owner):
            script.load()

    def create(self, credential: str, record: SessionRecord, value: bytes) -> None:
        """Keep `value`, which begins with `record`. LimitReachedError."""
        call = self._creation(credential, record, value)
        if not self._create.run(call.keys, *call.arguments):
            raise LimitReachedError

    def create_many(self, many: Iterable[tuple[str, SessionRecord, bytes]]) -> None:
        """As `create` for each, all in one round trip. LimitReachedError when any of them was refused."""
        if not all(self._create.run_many([self._creation(*one) for one in many])):
            raise LimitReachedError

    def end(self, credential: str) -> None:
        """Forget one record; nothing happens when there is none."""
        self._end.run((self.key(credential),), self._index_prefix)

    def end_all(self, owner: str, keep_sid: str | None) -> int:
        """Forget every record of `owner` but that of `keep_sid`; the number of live ones among them."""
        return int(self._end_all.run((self._index_prefix + owner,), _ms(self._clock()), keep_sid or ""))

    def of_owner(self, owner: str) -> Sequence[SessionInfo]:
        """The live records of `owner`, oldest first."""
        values = self._of_owner.run((self._index_prefix + owner,), _ms(self._clock()))
        return sorted((decoded(value)[0].info() for value in values), key=lambda session: session.created_at_s)

    def key(self, credential: str) -> bytes:
        """Where the record of `credential` lies."""
        return self._prefix + digest(credential)

    def _creation(self, credential: str, record: SessionRecord, value: bytes) -> ScriptCall:
        """What the script is told: to index, and to keep, one record."""
        settings = self._settings
        return ScriptCall(
            (self._index_prefix + record.user_id, self.key(credential)),
            (
                _ms(self._clock()),
                value,
                settings.session_idle_s * MS_PER_S,
                _ms(record.expires_at_s),
                settings.max_sessions,
                settings.session_limit,
                settings.session_absolute_s * MS_PER_S,
            ),
        )


def encoded(record: SessionRecord) -> bytes:
    """The five lines of `record`."""
    return (f"{record.user_id}\n{record.role}\n{record.sid}\n{record.created_at_s}\n{record.expires_at_s}").encode()


def decoded(value: bytes) -> tuple[SessionRecord, bytes]:
    """The record of a value, and what hangs on it."""
    lines = value.split(b"\n", LINES)
    user_id, role, sid, created_at_s, expires_at_s = (line.decode() for line in lines[:LINES])
    return SessionRecord(user_id, role, sid, float(created_at_s), float(expires_at_s)), b"".join(lines[LINES:])


def _ms(seconds: float) -> int:
    return int(seconds * MS_PER_S)
