"""What schemes are built from, opened on first use: a process that mounts no Redis scheme never calls Redis."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from services.catalogue import chosen
from services.clock import Clock, open_clock
from services.contract import Store
from services.counting import UNCOUNTED, RoundTrips
from services.database import Database
from services.keys import KeyRing, open_ring
from services.settings import Settings, SettingsError
from services.stores.memory_sessions import MemorySessions
from services.stores.memory_vault import MemoryVault
from services.stores.postgres_sessions import PostgresSessions
from services.stores.refresh_tokens import RefreshTokenStore
from services.stores.sessions import SessionStore
from services.stores.vaults import TokenVault
from services.users import UserStore

if TYPE_CHECKING:
    from services.redis_client import RedisClient
    from services.stores.denylist import Denylist
    from services.stores.redis_sessions import RedisSessions
    from services.stores.redis_vault import RedisVault

Part = TypeVar("Part")


class ServiceParts:
    """The Parts of one process; may be made before a fork, as nothing is connected before the first call.

    What needs the Redis client is imported where it is opened: the library alone takes half a replica's start, so only
    who needs it imports it.
    """

    def __init__(self, settings: Settings, clock: Clock, round_trips: RoundTrips = UNCOUNTED) -> None:
        self.settings = settings
        self.clock = clock
        self.round_trips = round_trips
        self.database = Database(settings, round_trips.postgres)
        self.users = UserStore(self.database)
        self.refresh_tokens = RefreshTokenStore(settings, clock, self.database)
        self._opened: dict[str, object] = {}
        self._lock = threading.RLock()

    @property
    def keys(self) -> KeyRing:
        """The key ring of `keys_file`. SettingsError when there is none that can be used."""
        return self._once("keys", lambda: open_ring(self.settings))

    @property
    def denylist(self) -> "Denylist":
        """Revoked tokens in Redis."""
        from services.stores.denylist import Denylist  # noqa: PLC0415 - see the class

        return self._once("denylist", lambda: Denylist(self.settings, self.clock, self._redis()))

    def sessions(self, store: Store) -> SessionStore:
        """Sessions kept in `store`."""
        match store:
            case "memory":
                return self._once("memory sessions", lambda: MemorySessions(self.settings, self.clock))
            case "postgres":
                return self._once(
                    "postgres sessions", lambda: PostgresSessions(self.settings, self.clock, self.database)
                )
            case "redis":
                return self._redis_sessions()

    def vault(self, store: Store) -> TokenVault:
        """Tokens of BFF sessions kept in `store`. ValueError for a store that keeps none."""
        match store:
            case "memory":
                return self._once("memory vault", lambda: MemoryVault(self.settings, self.clock))
            case "redis":
                return self._redis_vault()
            case _:
                message = f"no token vault in store {store!r}; one of: memory, redis"
                raise ValueError(message)

    def helper_url(self, name: str) -> str:
        """Where the helper service called `name` listens. SettingsError."""
        told = dict(helper.split("=", 1) for helper in self.settings.helpers)
        if name not in told:
            message = f"AUTHBENCH_HELPERS tells of {sorted(told)}, expected {name!r} as well; add {name}=URL"
            raise SettingsError(message)
        return told[name]

    def check_ready(self) -> None:
        """Return when every store that the mounted schemes need answers, users included. StoreDownError."""
        self.database.one("SELECT 1", {})
        if any("redis" in spec.traits.stores for spec in chosen(self.settings.schemes)):
            self._redis().command("PING")
            self._redis_sessions().prepare()

    def close(self) -> None:
        """Close every connection that is not in use."""
        self.database.close()
        if "redis" in self._opened:
            self._redis().close()

    def _redis(self) -> "RedisClient":
        from services.redis_client import RedisClient  # noqa: PLC0415 - see the class

        return self._once("redis", lambda: RedisClient(self.settings, count=self.round_trips.redis))

    def _redis_sessions(self) -> "RedisSessions":
        from services.stores.redis_sessions import RedisSessions  # noqa: PLC0415 - see the class

        return self._once("redis sessions", lambda: RedisSessions(self.settings, self.clock, self._redis()))

    def _redis_vault(self) -> "RedisVault":
        from services.stores.redis_vault import RedisVault  # noqa: PLC0415 - see the class

        return self._once("redis vault", lambda: RedisVault(self.settings, self.clock, self._redis()))

    def _once(self, name: str, make: Callable[[], Part]) -> Part:
        with self._lock:
            if name not in self._opened:
                self._opened[name] = make()
            return cast("Part", self._opened[name])


def open_parts(settings: Settings, clock: Clock | None = None, *, round_trips: RoundTrips = UNCOUNTED) -> ServiceParts:
    """The parts of a process; `clock` None: the one of `clock_file`, or system time. OSError, SettingsError."""
    return ServiceParts(settings, clock or open_clock(settings.clock_file), round_trips)
