"""Many sessions at once: nothing a store keeps tells them from sessions begun one by one, and nothing piles up."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count, islice

import pytest
from psycopg.errors import ForeignKeyViolation

from services.clock import Clock
from services.contract import Grant, LimitReachedError, StoreDownError
from services.database import Database
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.bulk import PIECE, pieces
from services.stores.credentials import digest
from services.stores.memory_sessions import MemorySessions
from services.stores.postgres_sessions import PostgresSessions
from services.stores.redis_sessions import RedisSessions
from services.stores.sessions import SessionStore
from services.users import User

ROLE = "user"
AWAY = Settings(redis_url="redis://127.0.0.1:1/0", database_url="postgresql://authbench@127.0.0.1:1/authbench")

Open = Callable[[Settings], SessionStore]


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A client of an empty Redis."""
    client = RedisClient(settings)
    client.command("FLUSHALL")
    yield client
    client.close()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """Connections to the test's database."""
    database = Database(settings)
    yield database
    database.close()


@pytest.fixture(params=["memory", "redis", "postgres"])
def open_store(request: pytest.FixtureRequest, clock: Clock, client: RedisClient, database: Database) -> Open:
    """A store of each kind under given settings."""
    every: dict[str, Open] = {
        "memory": lambda settings: MemorySessions(settings, clock),
        "redis": lambda settings: RedisSessions(settings, clock, client),
        "postgres": lambda settings: PostgresSessions(settings, clock, database),
    }
    return every[request.param]


def one_of_many(store: SessionStore, user_id: str) -> Grant:
    """A session that began in a stream."""
    (grant,) = store.create_many([(user_id, ROLE)])
    return grant


@pytest.mark.parametrize(("length", "expected"), [(0, []), (2, [2]), (3, [3]), (7, [3, 3, 1])])
def test_pieces_hold_every_one_once_and_in_order(length: int, expected: list[int]) -> None:
    """None is empty, and all but the last are full."""
    cut = list(pieces(range(length), 3))
    assert [len(piece) for piece in cut] == expected
    assert [number for piece in cut for number in piece] == list(range(length))


def test_people_are_taken_as_their_grants_are(open_store: Open, settings: Settings, user: User) -> None:
    """An endless stream begins as many sessions as are asked for, rounded up to one round trip."""
    taken = count()
    store = open_store(settings)
    grants = list(islice(store.create_many((user.id, ROLE) for _ in taken), 3))
    assert len({grant.credential for grant in grants}) == 3
    assert 3 <= next(taken) <= PIECE + 1
    for grant in grants:
        assert store.read(grant.credential).sid == grant.sid


def test_grants_come_in_the_order_of_people(open_store: Open, settings: Settings, user: User) -> None:
    """Each opens the session of whom it was begun for, across round trips."""
    store = open_store(settings)
    roles = [f"role-{number}" for number in range(PIECE + 2)]
    grants = list(store.create_many((user.id, role) for role in roles))
    assert [store.read(grant.credential).role for grant in grants[-3:]] == roles[-3:]
    assert store.read(grants[0].credential).role == roles[0]
    assert len(grants) == len(roles)


def test_the_limit_refuses_and_ends_the_stream(open_store: Open, settings: Settings, user: User) -> None:
    """Policy refuse holds for sessions that begin together."""
    store = open_store(replace(settings, max_sessions=2, session_limit="refuse"))
    with pytest.raises(LimitReachedError):
        list(store.create_many([(user.id, ROLE)] * 5))
    assert len(store.of_user(user.id)) == 2


def test_redis_cannot_tell_how_a_session_began(settings: Settings, clock: Clock, client: RedisClient) -> None:
    """The same keys, values, index entries and lifetimes, but for the credential and the sid."""
    store = RedisSessions(settings, clock, client)

    def kept(grant: Grant, user_id: str) -> object:
        key, index = b"session:" + digest(grant.credential), "sessions-of:" + user_id
        value = client.command("GET", key).replace(grant.sid.encode(), b"sid").replace(user_id.encode(), b"user")
        assert client.command("ZRANGE", index, 0, -1) == [key]
        for name, life_s in ((key, settings.session_idle_s), (index, settings.session_absolute_s)):
            assert life_s - 60 < client.command("TTL", name) <= life_s
        return value, client.command("ZSCORE", index, key), client.command("OBJECT", "ENCODING", index)

    assert kept(store.create("id-a", ROLE), "id-a") == kept(one_of_many(store, "id-b"), "id-b")
    assert len(client.command("KEYS", "*")) == 4


def test_postgres_cannot_tell_how_a_session_began(
    settings: Settings, clock: Clock, database: Database, user: User
) -> None:
    """The same row, but for the hash and the sid."""
    store = PostgresSessions(settings, clock, database)

    def kept(grant: Grant) -> object:
        row = database.one(
            "SELECT to_jsonb(sessions) - 'sid' - 'token_hash' FROM sessions WHERE token_hash = %(hash)s",
            {"hash": digest(grant.credential)},
        )
        assert row
        return row[0]

    assert kept(store.create(user.id, ROLE)) == kept(one_of_many(store, user.id))


def test_memory_cannot_tell_how_a_session_began(settings: Settings, clock: Clock) -> None:
    """The same record and the same lifetime, but for the sid."""
    store = MemorySessions(settings, clock)

    def kept(grant: Grant) -> object:
        live = store._records._live[digest(grant.credential)]
        return replace(live.record, sid=""), live.idle_at_s

    assert kept(store.create("id", ROLE)) == kept(one_of_many(store, "id"))


def test_redis_is_asked_once_for_many(settings: Settings, clock: Clock) -> None:
    """As many round trips as pieces."""
    trips: list[None] = []
    client = RedisClient(settings, count=lambda: trips.append(None))
    store = RedisSessions(settings, clock, client)
    assert len(list(store.create_many((f"id-{number}", ROLE) for number in range(PIECE + 1)))) == PIECE + 1
    client.close()
    assert len(trips) == 2


def test_redis_takes_many_after_it_has_lost_its_scripts(settings: Settings, clock: Clock, client: RedisClient) -> None:
    """A restart between two round trips costs the sessions it forgot, and nothing of those that follow."""
    store = RedisSessions(settings, clock, client)
    client.command("SCRIPT", "FLUSH")
    store.read(one_of_many(store, "id").credential)


def test_postgres_keeps_a_round_trip_whole_or_not_at_all(
    settings: Settings, clock: Clock, database: Database, user: User
) -> None:
    """A user who does not exist leaves none of those who came with him, and the connection as it was."""
    store = PostgresSessions(settings, clock, database)
    with pytest.raises(ForeignKeyViolation):
        list(store.create_many([(user.id, ROLE), ("nobody", ROLE)]))
    assert store.of_user(user.id) == []


@pytest.mark.parametrize("kind", ["redis", "postgres"])
def test_a_store_that_is_away_says_so(kind: str, clock: Clock) -> None:
    """ASVS 16.5: 503, for many as for one."""
    every: dict[str, Callable[[], SessionStore]] = {
        "redis": lambda: RedisSessions(AWAY, clock, RedisClient(AWAY)),
        "postgres": lambda: PostgresSessions(AWAY, clock, Database(AWAY)),
    }
    with pytest.raises(StoreDownError) as down:
        list(every[kind]().create_many([("id", ROLE)]))
    assert down.value.store == kind
