"""Revoked tokens in Redis: single ones by name, and all of a user up to a time; one MGET asks for both."""

import math

from services.clock import Clock
from services.contract import RejectedError, StoreDownError
from services.redis_client import DOWN, RedisClient, Script
from services.settings import Settings

MS_PER_S = 1000

_DENIED = "denied:"
_NOT_BEFORE = "not-before:"

# A user's record is three lines: not-before, the login it spares, and the not-before that login must itself have
# survived, so that sparing never revives. Time never runs back: replicas whose clocks differ may write in any order.
_DENY_USER = """
local now_ms, kept, life_ms = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local before_ms, floor_ms = now_ms, 0
local record = redis.call('GET', KEYS[1])
if record then
  local old_ms, old_kept, old_floor_ms = string.match(record, '^(%d+)\\n([^\\n]*)\\n(%d+)$')
  before_ms = math.max(now_ms, tonumber(old_ms))
  floor_ms = tonumber(old_kept == kept and old_floor_ms or old_ms)
end
local value = string.format('%.0f\\n%s\\n%.0f', before_ms, kept, floor_ms)
redis.call('SET', KEYS[1], value, 'PX', string.format('%.0f', before_ms - now_ms + life_ms))
"""


class Denylist:
    """Which tokens are revoked although they are signed and not expired; thread-safe.

    The service clock writes every time in it; the TTL of a key collects it once no token it speaks of can be good.
    """

    def __init__(self, settings: Settings, clock: Clock, client: RedisClient) -> None:
        self._settings = settings
        self._clock = clock
        self._client = client
        self._execute = client.execute
        self._deny_user = Script(client, _DENY_USER)

    def prepare(self) -> None:
        """Have the server hold the script. StoreDownError."""
        self._deny_user.load()

    def deny(self, name: str, expires_at_s: float) -> None:
        """Refuse the token called `name` until it expires by itself. StoreDownError."""
        left_s = expires_at_s + self._settings.leeway_s - self._clock()
        self._client.command("SET", _DENIED + name, "", "PX", max(1, math.ceil(left_s * MS_PER_S)))

    def deny_user(self, user_id: str, keep_sid: str | None) -> None:
        """Refuse every token the user has been issued until now, but that of the login `keep_sid`. StoreDownError."""
        now_ms = int(self._clock() * MS_PER_S)
        # an expiry is rounded up to whole seconds
        life_s = self._settings.jwt_ttl_s + 1 + self._settings.leeway_s
        self._deny_user.run((_NOT_BEFORE + user_id,), now_ms, keep_sid or "", math.ceil(life_s * MS_PER_S))

    def check(self, name: str, user_id: str, issued_at_ms: int, sid: str) -> None:
        """Return when a token is not revoked. RejectedError("revoked"), StoreDownError."""
        try:
            denied, record = self._execute("MGET", _DENIED + name, _NOT_BEFORE + user_id)
        except DOWN as error:
            raise StoreDownError(store="redis") from error
        if denied is not None or (record is not None and issued_at_ms <= _not_before_ms(record, sid)):
            raise RejectedError(reason="revoked")


def _not_before_ms(record: bytes, sid: str) -> int:
    """The last millisecond of which a token of the login `sid` is refused."""
    before_ms, kept, floor_ms = record.decode().split("\n")
    return int(floor_ms if kept == sid else before_ms)
