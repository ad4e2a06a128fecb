"""PostgreSQL connections of a fixed number that answer within their bound or say the store is down."""

import select
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, LiteralString

import psycopg
from psycopg.abc import RV, PQGen
from psycopg.pq import TransactionStatus

from services.contract import StoreDownError
from services.counting import Count
from services.settings import Settings, SettingsError
from services.spans import watch

Row = tuple[Any, ...]
Values = Mapping[str, object]

MS_PER_S = 1000
CONNECT_S = 2
"""The shortest limit libpq knows for connecting; statements are held to `store_timeout_s`."""
_WAKE_S = 0.1


class Connection(psycopg.Connection[Row]):
    """A connection whose every exchange with the server takes at most `bound_s`: a hung server is a down one."""

    bound_s: float = 1.0
    hang_up: select.poll
    """Tells, without a round trip, whether the server has something to say."""

    def wait(self, gen: PQGen[RV], interval: float = _WAKE_S, timeout: float | None = None) -> RV:
        """OperationalError when the server does not answer in time."""
        return super().wait(gen, interval, timeout or self.bound_s)


def counting(count: Count) -> type[Connection]:
    """Connections that tell `count` of their every exchange with the server, connecting apart."""

    class CountedConnection(Connection):
        def wait(self, gen: PQGen[RV], interval: float = _WAKE_S, timeout: float | None = None) -> RV:
            count()
            return super().wait(gen, interval, timeout)

    return CountedConnection


class Database:
    """`settings.database_pool` connections in autocommit, each opened when its turn first comes and then kept.

    They take turns, so all are warm after that many statements. None is retired for its age, as an exited backend
    takes its CPU clock along. One that the server dropped is noticed before use and replaced, so the service recovers
    with the server. Nothing is opened before the first statement, so it may be made before a fork and used after.
    """

    def __init__(self, settings: Settings, count: Count | None = None) -> None:
        self._settings = settings
        self._kind = counting(count) if count else Connection
        self._slots: SimpleQueue[Connection | None] = SimpleQueue()
        for _ in range(settings.database_pool):
            self._slots.put(None)
        watch("postgres", self, "one", "all", "run")

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """A connection of one's own for the block; keep it short. StoreDownError."""
        connection = self._taken()
        try:
            yield connection
        except psycopg.OperationalError as error:
            raise StoreDownError(store="postgres") from error
        finally:
            self._slots.put(_kept(connection))

    def one(self, statement: LiteralString, values: Values) -> Row | None:
        """The first row of one statement in autocommit: the hot read, so as `connection` without its generator.

        StoreDownError.
        """
        connection = self._taken()
        try:
            return connection.execute(statement, values).fetchone()
        except psycopg.OperationalError as error:
            raise StoreDownError(store="postgres") from error
        finally:
            self._slots.put(_kept(connection))

    def all(self, statement: LiteralString, values: Values) -> Sequence[Row]:
        """The rows of one statement in autocommit. StoreDownError."""
        with self.connection() as connection:
            return connection.execute(statement, values).fetchall()

    def run(self, statement: LiteralString, values: Values) -> int:
        """The number of rows one statement in autocommit changed. StoreDownError."""
        with self.connection() as connection:
            return connection.execute(statement, values).rowcount

    def append(self, statement: LiteralString, rows: Iterable[Row]) -> None:
        """Add `rows` by one COPY: all, or none. StoreDownError."""
        with self.connection() as connection, connection.cursor().copy(statement) as copy:
            for row in rows:
                copy.write_row(row)

    def close(self) -> None:
        """Close every connection that is not in use."""
        for _ in range(self._settings.database_pool):
            connection = self._slots.get(timeout=self._settings.store_timeout_s)
            if connection is not None:
                connection.close()
            self._slots.put(None)

    def _taken(self) -> Connection:
        """One that is open; its slot is empty until something is put back."""
        try:
            connection = self._slots.get(timeout=self._settings.store_timeout_s)
        except Empty:
            raise StoreDownError(store="postgres") from None
        try:
            return self._open(connection)
        except BaseException as error:
            self._slots.put(None)
            if isinstance(error, psycopg.OperationalError):
                raise StoreDownError(store="postgres") from error
            raise

    def _open(self, connection: Connection | None) -> Connection:
        if connection is None:
            return connect(self._settings, self._kind)
        if _is_hung_up(connection):
            connection.close()
            return connect(self._settings, self._kind)
        return connection


def connect(settings: Settings, kind: type[Connection] = Connection) -> Connection:
    """A new connection, prepared statements from the first use on. psycopg.OperationalError; SettingsError."""
    try:
        connection = kind.connect(
            settings.database_url,
            password=_password(settings),
            application_name=settings.replica,
            connect_timeout=CONNECT_S,
            options=f"-c statement_timeout={int(settings.store_timeout_s * MS_PER_S)}",
            autocommit=True,
            prepare_threshold=0,
            client_encoding="utf8",
        )
    except psycopg.ProgrammingError as error:
        message = f"AUTHBENCH_DATABASE_URL is {settings.database_url!r}, expected postgresql://USER@HOST:PORT/DATABASE"
        raise SettingsError(message) from error
    connection.bound_s = settings.store_timeout_s
    connection.hang_up = select.poll()
    connection.hang_up.register(connection.fileno(), select.POLLIN)
    return connection


def _password(settings: Settings) -> str | None:
    file = settings.database_password_file
    return file.read_text(encoding="utf-8").strip() if file else None


def _is_hung_up(connection: Connection) -> bool:
    """An idle connection has nothing to say; when it can be read, the server has closed it. Costs no round trip."""
    return bool(connection.hang_up.poll(0))


def _kept(connection: Connection) -> Connection | None:
    """`connection` if it is ready for the next one; a broken or half-used one is closed."""
    if connection.pgconn.transaction_status != TransactionStatus.IDLE:
        connection.close()
        return None
    return connection
