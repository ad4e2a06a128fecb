"""One suite for every session store: what SessionStore promises, whatever keeps the sessions."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count
from typing import Any, Literal

import pytest

from services.clock import Clock
from services.contract import Grant, LimitReachedError, RejectedError
from services.database import Database
from services.redis_client import RedisClient
from services.settings import Settings
from services.stores.memory_sessions import MemorySessions
from services.stores.postgres_sessions import PostgresSessions
from services.stores.redis_sessions import RedisSessions
from services.stores.sessions import SessionStore

IDLE_S = 100
ABSOLUTE_S = 250
TOGETHER = 10

_numbers = count()

Open = Callable[[Settings], SessionStore]


@pytest.fixture
def limits(settings: Settings) -> Settings:
    """Short limits, so that a test can pass them in few steps."""
    return replace(settings, session_idle_s=IDLE_S, session_absolute_s=ABSOLUTE_S)


@pytest.fixture
def client(settings: Settings) -> Iterator[RedisClient]:
    """A Redis client."""
    client = RedisClient(settings)
    yield client
    client.close()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """As many connections as there are simultaneous logins."""
    database = Database(replace(settings, database_pool=TOGETHER, store_timeout_s=10))
    yield database
    database.close()


class Bulk:
    """A store whose every session begins as one of many: who passes this suite cannot tell it from `create`."""

    def __init__(self, store: SessionStore) -> None:
        self._store = store

    def create(self, user_id: str, role: str) -> Grant:
        """The one session of a stream of one."""
        (grant,) = self._store.create_many([(user_id, role)])
        return grant

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever else a store can do
        return getattr(self._store, name)


@pytest.fixture(params=["memory", "redis", "postgres"])
def open_single(request: pytest.FixtureRequest, clock: Clock, client: RedisClient, database: Database) -> Open:
    """A store of each kind under given settings."""
    every: dict[str, Open] = {
        "memory": lambda settings: MemorySessions(settings, clock),
        "redis": lambda settings: RedisSessions(settings, clock, client),
        "postgres": lambda settings: PostgresSessions(settings, clock, database),
    }
    return every[request.param]


@pytest.fixture(params=["one by one", "in bulk"])
def open_store(request: pytest.FixtureRequest, open_single: Open) -> Open:
    """A store whose sessions begin either way."""
    return open_single if request.param == "one by one" else lambda settings: Bulk(open_single(settings))


@pytest.fixture
def store(open_store: Open, limits: Settings) -> SessionStore:
    """A store without a session limit."""
    return open_store(limits)


@pytest.fixture
def pass_time(advance: Callable[[float], None], client: RedisClient) -> Callable[[float], None]:
    """Let so many seconds go by for the service clock, and for the clock Redis counts idle time with."""

    def elapse(seconds: float) -> None:
        advance(seconds)
        for key in client.command("KEYS", "session*"):
            left_ms = client.command("PTTL", key)
            client.command("PEXPIRE", key, int(left_ms - seconds * 1000))

    return elapse


@pytest.fixture
def user_id(database: Database) -> str:
    """Somebody nobody else is; his bystander is somebody, too."""
    user_id = f"session-user-{next(_numbers)}"
    for some_id in (user_id, f"{user_id}-bystander"):
        database.run("INSERT INTO users VALUES (%(id)s, %(id)s, 'user', 'no hash', false)", {"id": some_id})
    return user_id


def reason(store: SessionStore, credential: str) -> str:
    """Why `credential` is refused."""
    with pytest.raises(RejectedError) as refused:
        store.read(credential)
    return refused.value.reason


def test_a_session_says_whose_it_is(store: SessionStore, user_id: str) -> None:
    """What was begun can be read, under the same sid."""
    grant = store.create(user_id, "admin")
    verified = store.read(grant.credential)
    assert (verified.user_id, verified.role, verified.sid) == (user_id, "admin", grant.sid)
    assert grant.expires_in_s == verified.expires_in_s == IDLE_S


def test_a_credential_is_long_unique_and_not_the_sid(store: SessionStore, user_id: str) -> None:
    """ASVS 7.2.3: 256 random bits; the sid, which is no secret, is something else."""
    grants = [store.create(user_id, "user") for _ in range(50)]
    assert len({grant.credential for grant in grants} | {grant.sid for grant in grants}) == 100
    assert all(len(grant.credential) == 43 for grant in grants)


def test_a_sid_authenticates_nobody(store: SessionStore, user_id: str) -> None:
    """It shows in lists and logs."""
    assert reason(store, store.create(user_id, "user").sid) == "unknown"


@pytest.mark.parametrize(
    ("credential", "expected"),
    [("", "missing"), ("planted", "unknown"), ("\ud800\0", "unknown"), ("x" * 9000, "unknown")],
)
def test_a_planted_credential_is_refused(store: SessionStore, credential: str, expected: str) -> None:
    """ASVS 7.2.4: only what the store made itself opens it."""
    assert reason(store, credential) == expected


def test_a_session_that_is_not_used_goes_idle(
    store: SessionStore, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """ASVS 7.3: the idle limit."""
    credential = store.create(user_id, "user").credential
    pass_time(IDLE_S)
    assert reason(store, credential) in {"expired", "unknown"}


def test_use_keeps_a_session_from_going_idle_but_not_from_its_end(
    store: SessionStore, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """ASVS 7.3: sliding, and never past the absolute limit, which expires_in_s foretells."""
    credential = store.create(user_id, "user").credential
    for _ in range(3):
        pass_time(IDLE_S * 0.8)
        remaining_s = store.read(credential).expires_in_s
    assert remaining_s == ABSOLUTE_S - 3 * IDLE_S * 0.8
    pass_time(remaining_s)
    assert reason(store, credential) == "expired"


def test_ending_is_idempotent_and_ends_one(store: SessionStore, user_id: str) -> None:
    """RFC 7009 2.2: an unknown credential is ended like any other; the user's other session lives on."""
    ended, other = store.create(user_id, "user"), store.create(user_id, "user")
    for _ in range(2):
        store.end(ended.credential)
    store.end("unknown")
    assert reason(store, ended.credential) == "unknown"
    assert [session.sid for session in store.of_user(user_id)] == [other.sid]


def test_ending_all_ends_a_users_sessions_everywhere(store: SessionStore, user_id: str) -> None:
    """ASVS 7.4.5: forced logout, of this user alone, and the number says how many."""
    credentials = [store.create(user_id, "user").credential for _ in range(3)]
    bystander = store.create(user_id + "-bystander", "user")
    assert store.end_all(user_id, None) == 3
    assert store.end_all(user_id, None) == 0
    assert {reason(store, credential) for credential in credentials} == {"unknown"}
    store.read(bystander.credential)


def test_ending_all_but_one_keeps_that_one(store: SessionStore, user_id: str) -> None:
    """ASVS 7.4.3: after a password change only the session that made it lives."""
    first, kept, last = (store.create(user_id, "user") for _ in range(3))
    assert store.end_all(user_id, kept.sid) == 2
    store.read(kept.credential)
    assert {reason(store, grant.credential) for grant in (first, last)} == {"unknown"}


def test_a_users_sessions_are_listed_oldest_first(
    store: SessionStore, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """Live ones only: what went idle or ended is not shown."""
    idle, first = store.create(user_id, "user"), store.create(user_id, "user")
    pass_time(IDLE_S * 0.8)
    store.read(first.credential)
    last = store.create(user_id, "user")
    pass_time(IDLE_S * 0.8)
    listed = store.of_user(user_id)
    assert [session.sid for session in listed] == [first.sid, last.sid]
    assert listed[0].expires_at_s - listed[0].created_at_s == ABSOLUTE_S
    assert idle.sid not in {session.sid for session in listed}
    assert store.of_user("nobody") == []


def test_sessions_past_their_end_are_not_listed(
    store: SessionStore, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """However recently they were used."""
    credential = store.create(user_id, "user").credential
    for _ in range(3):
        pass_time(IDLE_S * 0.8)
        store.read(credential)
    pass_time(IDLE_S * 0.8)
    assert store.of_user(user_id) == []
    assert store.end_all(user_id, None) == 0


def test_the_oldest_session_makes_way(
    open_store: Open, limits: Settings, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """Policy evict-oldest: the limit holds, and the newest login always succeeds."""
    store = open_store(replace(limits, max_sessions=2))
    grants = []
    for _ in range(3):
        grants.append(store.create(user_id, "user"))
        pass_time(1)
    oldest, older, newest = grants
    assert reason(store, oldest.credential) == "unknown"
    assert [session.sid for session in store.of_user(user_id)] == [older.sid, newest.sid]


def test_a_login_beyond_the_limit_is_refused(
    open_store: Open, limits: Settings, user_id: str, pass_time: Callable[[float], None]
) -> None:
    """Policy refuse: nothing ends, nothing begins, until a session is over."""
    store = open_store(replace(limits, max_sessions=2, session_limit="refuse"))
    grants = [store.create(user_id, "user") for _ in range(2)]
    with pytest.raises(LimitReachedError):
        store.create(user_id, "user")
    for grant in grants:
        store.read(grant.credential)
    store.end(grants[0].credential)
    store.create(user_id, "user")
    pass_time(IDLE_S)
    store.create(user_id, "user")


@pytest.mark.parametrize("policy", ["evict-oldest", "refuse"])
def test_simultaneous_logins_leave_at_most_the_limit(
    open_store: Open, limits: Settings, user_id: str, policy: Literal["evict-oldest", "refuse"]
) -> None:
    """ASVS 7.1.2: 50 logins at once, decided atomically."""
    store = open_store(replace(limits, max_sessions=3, session_limit=policy))
    together = threading.Barrier(TOGETHER)

    def log_in(_number: int) -> str | None:
        together.wait()
        try:
            return store.create(user_id, "user").credential
        except LimitReachedError:
            return None

    with ThreadPoolExecutor(TOGETHER) as pool:
        credentials = [credential for credential in pool.map(log_in, range(50)) if credential]
    live = [credential for credential in credentials if is_live(store, credential)]
    assert len(live) == len(store.of_user(user_id)) == 3


def is_live(store: SessionStore, credential: str) -> bool:
    """Whether it still opens its session."""
    try:
        store.read(credential)
    except RejectedError:
        return False
    return True
