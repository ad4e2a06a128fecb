"""The floor of every call of a session store: the bare client's command, its bytes alone, the bare statement."""

from collections.abc import Callable, Mapping

from bench.micro.bare import postgres_connection, redis_client, resp, wire
from bench.micro.case import Bare
from bench.micro.laboratory import Laboratory, StoreName
from services.clock import system_clock
from services.settings import Settings
from services.stores import session_sql as sql
from services.stores.credentials import digest
from services.stores.redis_records import MS_PER_S, encoded
from services.stores.redis_sessions import PREFIX
from services.stores.sessions import begin_new
from services.users import User

Floors = Callable[[Laboratory, Settings], tuple[Bare, ...]]
Values = Mapping[str, object]


def in_memory(_laboratory: Laboratory, _settings: Settings) -> tuple[Bare, ...]:
    """A digest and a dict."""
    kept: dict[bytes, str] = {}

    def keep(credential: str) -> str:
        kept[digest(credential)] = credential
        return credential

    return (Bare("library", "digest + dict", lambda credential: kept[digest(credential)], keep),)


def getex(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """The client's GETEX, and its bytes alone. Both are told the key, which a store has to hash."""
    client = laboratory.ending.enter_context(redis_client(settings))
    ask = laboratory.ending.enter_context(wire(settings))
    idle_ms = settings.session_idle_s * MS_PER_S

    def request(credential: str) -> bytes:
        return resp(b"GETEX", key(credential), b"PX", b"%d" % idle_ms)

    return (
        Bare("library", "redis-py GETEX", lambda name: client.getex(name, px=idle_ms), key),
        Bare("wire", "GETEX on a raw socket", ask, request),
    )


def redis_set(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """SET of the same record with its lifetime: no index, no limit."""
    client = laboratory.ending.enter_context(redis_client(settings))
    idle_ms = settings.session_idle_s * MS_PER_S

    def record(user: User) -> tuple[bytes, bytes]:
        begun = begin_new(settings, user.id, user.role, system_clock())
        return key(begun.credential), encoded(begun.record)

    return (Bare("library", "redis-py SET", lambda given: client.set(given[0], given[1], px=idle_ms), record),)


def getdel(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """GETDEL: no index."""
    client = laboratory.ending.enter_context(redis_client(settings))
    return (Bare("library", "redis-py GETDEL", client.getdel, key),)


def select(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """The same SELECT, prepared, in autocommit."""
    connection = laboratory.ending.enter_context(postgres_connection(settings))
    return (Bare("library", "psycopg SELECT", lambda values: connection.execute(sql.READ, values).fetchone(), _row),)


def insert(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """The same INSERT: all that a session in PostgreSQL is."""
    connection = laboratory.ending.enter_context(postgres_connection(settings))

    def row(user: User) -> Values:
        begun = begin_new(settings, user.id, user.role, system_clock())
        record = begun.record
        session = {"hash": digest(begun.credential), "sid": record.sid, "user_id": user.id, "role": user.role}
        return {**session, "expires_at": record.expires_at_s, "now": record.created_at_s}

    return (Bare("library", "psycopg INSERT", lambda values: connection.execute(sql.INSERT, values), row),)


def select_and_update(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """The same two statements."""
    connection = laboratory.ending.enter_context(postgres_connection(settings))

    def touch(values: Values) -> object:
        connection.execute(sql.READ, values).fetchone()
        return connection.execute(sql.TOUCH, values)

    def used(credential: str) -> Values:
        now_s = system_clock()
        return {**_row(credential), "now": now_s, "due": now_s}

    return (Bare("library", "psycopg SELECT + UPDATE", touch, used),)


def delete(laboratory: Laboratory, settings: Settings) -> tuple[Bare, ...]:
    """The same DELETE."""
    connection = laboratory.ending.enter_context(postgres_connection(settings))
    return (Bare("library", "psycopg DELETE", lambda values: connection.execute(sql.END, values), _row),)


def key(credential: str) -> bytes:
    """Where Redis holds the session of a credential."""
    return PREFIX + digest(credential)


def _row(credential: str) -> Values:
    return {"hash": digest(credential)}


def _no_floor(_laboratory: Laboratory, _settings: Settings) -> tuple[Bare, ...]:
    """A dict that is written to says nothing."""
    return ()


def _of(memory: Floors, redis: Floors, postgres: Floors) -> Mapping[StoreName, Floors]:
    return {
        "memory": memory,
        "Valkey over TCP": redis,
        "Valkey over a Unix socket": redis,
        "PostgreSQL": postgres,
    }


GET = _of(in_memory, getex, select)
SET = _of(_no_floor, redis_set, insert)
TOUCH = _of(in_memory, getex, select_and_update)
TAKE = _of(_no_floor, getdel, delete)
