"""What schemes are built from, opened on first use: a process that mounts no Redis scheme never calls Redis."""

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.catalogue import chosen
from services.clock import Clock, offset_clock, system_clock
from services.contract import Store
from services.database import Database
from services.keys import KeyRing
from services.settings import Settings, SettingsError
from services.stores.memory_sessions import MemorySessions
from services.stores.refresh_tokens import RefreshTokenStore
from services.stores.sessions import SessionStore
from services.users import UserStore

if TYPE_CHECKING:
    from services.redis_client import RedisClient
    from services.stores.redis_sessions import RedisSessions


@dataclass(slots=True)
class _Opened:
    """What is open so far."""

    keys: KeyRing | None = None
    redis: "RedisClient | None" = None
    memory_sessions: MemorySessions | None = None
    redis_sessions: "RedisSessions | None" = None
    lock: threading.RLock = field(default_factory=threading.RLock)


class ServiceParts:
    """The Parts of one process; may be made before a fork, as nothing is connected before the first call."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.database = Database(settings)
        self.users = UserStore(self.database)
        self.refresh_tokens = RefreshTokenStore(settings, clock, self.database)
        self._opened = _Opened()

    @property
    def keys(self) -> KeyRing:
        """The key ring of `keys_file`. SettingsError when there is none that can be used."""
        with self._opened.lock:
            if self._opened.keys is None:
                self._opened.keys = _key_ring(self.settings)
            return self._opened.keys

    def sessions(self, store: Store) -> SessionStore:
        """Sessions kept in `store`. ValueError for a store that keeps none."""
        match store:
            case "memory":
                return self._memory_sessions()
            case "redis":
                return self._redis_sessions()
            case _:
                message = f"no sessions in store {store!r}; one of: memory, redis"
                raise ValueError(message)

    def check_ready(self) -> None:
        """Return when every store that the mounted schemes need answers, users included. StoreDownError."""
        self.database.one("SELECT 1", {})
        if any("redis" in spec.traits.stores for spec in chosen(self.settings.schemes)):
            self._redis_sessions().prepare()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.database.close()
        if self._opened.redis is not None:
            self._opened.redis.close()

    def _memory_sessions(self) -> MemorySessions:
        with self._opened.lock:
            if self._opened.memory_sessions is None:
                self._opened.memory_sessions = MemorySessions(self.settings, self.clock)
            return self._opened.memory_sessions

    def _redis_sessions(self) -> "RedisSessions":
        """The client library alone takes half a replica's start, so only who needs it imports it."""
        from services.redis_client import RedisClient  # noqa: PLC0415 - see above
        from services.stores.redis_sessions import RedisSessions  # noqa: PLC0415 - see above

        with self._opened.lock:
            if self._opened.redis_sessions is None:
                self._opened.redis = RedisClient(self.settings)
                self._opened.redis_sessions = RedisSessions(self.settings, self.clock, self._opened.redis)
            return self._opened.redis_sessions


def open_parts(settings: Settings, clock: Clock | None = None) -> ServiceParts:
    """The parts of a process; `clock` None: the one of `clock_file`, or system time. OSError, SettingsError."""
    if clock is None:
        clock = offset_clock(settings.clock_file) if settings.clock_file else system_clock
    return ServiceParts(settings, clock)


def _key_ring(settings: Settings) -> KeyRing:
    if settings.keys_file is None:
        message = "AUTHBENCH_KEYS_FILE is unset, expected a key ring; write one with python -m services.keys PATH"
        raise SettingsError(message)
    return KeyRing(settings.keys_file)
