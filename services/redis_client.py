"""A Redis client that answers within its bound or says the store is down, and sends only what it is told to."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import redis
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, OutOfMemoryError, ReadOnlyError
from redis.retry import Retry

from services.contract import StoreDownError
from services.counting import Count, counted
from services.settings import Settings, SettingsError
from services.spans import around

DOWN = (redis.ConnectionError, redis.TimeoutError, OutOfMemoryError, ReadOnlyError)
"""What it raises when the server is away, hangs, or cannot take a write."""

Word = str | bytes | int

Connect = Callable[[Settings], redis.Redis]
"""How a client reaches its server and what it does when that is away. SettingsError for a URL that is none."""


def bounded(settings: Settings) -> redis.Redis:
    """A bounded pool of connections, opened as they are needed and kept. Nothing is retried.

    RESP2 without client info: a new connection sends no HELLO and no CLIENT SETINFO, so a server's counters show the
    commands of the schemes and nothing else.
    """
    with _named_setting(settings):
        pool = redis.BlockingConnectionPool.from_url(
            settings.redis_url,
            password=_password(settings),
            protocol=2,
            driver_info=None,
            retry=Retry(NoBackoff(), 0),
            socket_timeout=settings.store_timeout_s,
            socket_connect_timeout=settings.store_timeout_s,
            timeout=settings.store_timeout_s,
            max_connections=settings.redis_pool,
        )
        return redis.Redis.from_pool(pool)


def library_defaults(settings: Settings) -> redis.Redis:
    """What redis-py does when nobody says otherwise: it waits for seconds, then tries again, many times."""
    with _named_setting(settings):
        return redis.Redis.from_url(settings.redis_url, password=_password(settings))


class RedisClient:
    """What the schemes ask of Redis, on the connections that `connect` keeps."""

    def __init__(self, settings: Settings, connect: Connect = bounded, count: Count | None = None) -> None:
        self._redis = connect(settings)
        self.execute: Callable[..., Any] = around("redis", counted(self._redis.execute_command, count))
        """As `command`, but raises DOWN as it is: for a hot read, which counts every call."""
        self._exchange = around("redis", counted(self._pipelined, count))

    def command(self, *words: Word) -> Any:  # noqa: ANN401 - any Redis reply
        """The server's reply to one command. StoreDownError when it is away."""
        try:
            return self.execute(*words)
        except DOWN as error:
            raise StoreDownError(store="redis") from error

    def commands(self, many: Iterable[Sequence[Word]]) -> Sequence[Any]:
        """The server's replies to many commands, sent in one round trip. StoreDownError when it is away."""
        try:
            return self._exchange(many)
        except DOWN as error:
            raise StoreDownError(store="redis") from error

    def close(self) -> None:
        """Close every connection."""
        self._redis.connection_pool.disconnect()

    def _pipelined(self, many: Iterable[Sequence[Word]]) -> list[Any]:
        pipeline = self._redis.pipeline(transaction=False)
        send: Callable[..., object] = pipeline.execute_command
        for words in many:
            send(*words)
        return pipeline.execute()


class ScriptCall(NamedTuple):
    """What one run of a script is told."""

    keys: Sequence[str | bytes]
    arguments: Sequence[Word]


class Script:
    """A Lua script the server holds: run by its digest, loaded again only when the server has lost it."""

    def __init__(self, client: RedisClient, text: str) -> None:
        self._client = client
        self._text = text
        self._sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()

    def load(self) -> None:
        """Have the server keep the script, so that the first run is like every other. StoreDownError."""
        self._client.command("SCRIPT", "LOAD", self._text)

    def run(self, keys: Sequence[str | bytes], *arguments: Word) -> Any:  # noqa: ANN401 - any Redis reply
        """What the script returns, in one round trip. StoreDownError."""
        try:
            return self._client.command("EVALSHA", self._sha1, len(keys), *keys, *arguments)
        except NoScriptError:
            self.load()
            return self._client.command("EVALSHA", self._sha1, len(keys), *keys, *arguments)

    def run_many(self, calls: Iterable[ScriptCall]) -> Sequence[Any]:
        """What the script returns each time, loaded and run in one round trip. StoreDownError."""
        running = [("EVALSHA", self._sha1, len(call.keys), *call.keys, *call.arguments) for call in calls]
        return self._client.commands([("SCRIPT", "LOAD", self._text), *running])[1:]


@contextmanager
def _named_setting(settings: Settings) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        message = f"AUTHBENCH_REDIS_URL is {settings.redis_url!r}, expected redis://HOST:PORT/DB; correct it ({error})"
        raise SettingsError(message) from error


def _password(settings: Settings) -> str | None:
    file = settings.redis_password_file
    return file.read_text(encoding="utf-8").strip() if file else None
