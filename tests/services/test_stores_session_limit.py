"""The limit on the logins of a user that refresh tokens continue: decided under one lock, over what still lives."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Literal

import pytest

from services.clock import Clock
from services.contract import LimitReachedError, RejectedError
from services.database import Database
from services.settings import Settings
from services.stores.refresh_tokens import Refreshed, RefreshTokenStore
from services.users import User

TOGETHER = 10
LIMIT = 3

Policy = Literal["evict-oldest", "refuse"]
Open = Callable[[Policy], RefreshTokenStore]


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """As many connections as there are simultaneous logins."""
    database = Database(replace(settings, database_pool=TOGETHER, store_timeout_s=10))
    yield database
    database.close()


@pytest.fixture
def open_store(settings: Settings, clock: Clock, database: Database) -> Open:
    """A store of at most LIMIT logins a user, of 1000 idle seconds each."""
    limited = replace(settings, max_sessions=LIMIT, refresh_idle_s=1000)
    return lambda policy: RefreshTokenStore(replace(limited, session_limit=policy), clock, database)


def outcome(store: RefreshTokenStore, token: str) -> str:
    """`ok`, or why `token` is refused."""
    try:
        store.rotate(token)
    except RejectedError as error:
        return error.reason
    return "ok"


def fill(store: RefreshTokenStore, user: User, advance: Callable[[float], None]) -> list[Refreshed]:
    """As many logins as the limit allows, one second apart."""
    logins = []
    for _ in range(LIMIT):
        logins.append(store.begin(user.id, user.role))
        advance(1)
    return logins


def test_the_oldest_login_makes_way(open_store: Open, user: User, advance: Callable[[float], None]) -> None:
    """By its login, not by its last rotation; it is revoked as a logout would revoke it."""
    store = open_store("evict-oldest")
    oldest, *younger = fill(store, user, advance)
    successor = store.rotate(oldest.token)
    newest = store.begin(user.id, user.role)
    assert outcome(store, successor.token) == "revoked"
    assert [session.sid for session in store.sessions(user.id)] == [login.sid for login in (*younger, newest)]


def test_an_evicted_login_leaves_no_sealed_successor(
    open_store: Open, user: User, database: Database, advance: Callable[[float], None]
) -> None:
    """What its parent could open is erased at once."""
    store = open_store("evict-oldest")
    oldest, *_ = fill(store, user, advance)
    store.rotate(oldest.token)
    store.begin(user.id, user.role)
    statement = "SELECT count(*) FROM refresh_tokens WHERE sid = %(sid)s AND sealed IS NOT NULL"
    assert database.one(statement, {"sid": oldest.sid}) == (0,)


@pytest.mark.parametrize("over", ["revoked", "idle"])
def test_a_login_beyond_the_limit_is_refused_until_one_is_over(
    open_store: Open, user: User, advance: Callable[[float], None], over: str
) -> None:
    """Policy refuse: nothing begins and nothing ends; what cannot be renewed any more does not count."""
    store = open_store("refuse")
    first, *_ = fill(store, user, advance)
    with pytest.raises(LimitReachedError):
        store.begin(user.id, user.role)
    assert len(store.sessions(user.id)) == LIMIT
    if over == "revoked":
        store.revoke(first.sid, None)
    else:
        advance(1000 - LIMIT)
    store.begin(user.id, user.role)
    with pytest.raises(LimitReachedError):
        store.begin(user.id, user.role)


def test_another_users_logins_do_not_count(open_store: Open, user: User, database: Database) -> None:
    """The limit is everyone's own."""
    store = open_store("refuse")
    values = {"id": f"{user.id}-other"}
    database.run("INSERT INTO users VALUES (%(id)s, %(id)s, 'user', 'no hash', false)", values)
    for _ in range(LIMIT):
        store.begin(values["id"], "user")
    store.begin(user.id, user.role)


@pytest.mark.parametrize("policy", ["evict-oldest", "refuse"])
def test_simultaneous_logins_leave_exactly_the_limit(
    open_store: Open, user: User, advance: Callable[[float], None], policy: Policy
) -> None:
    """ASVS 7.1.2: 50 logins at once, by the list and by trying every token."""
    store = open_store(policy)
    together = threading.Barrier(TOGETHER)

    def log_in(_number: int) -> Refreshed | None:
        together.wait()
        try:
            return store.begin(user.id, user.role)
        except LimitReachedError:
            return None

    with ThreadPoolExecutor(TOGETHER) as pool:
        logins = [login for login in pool.map(log_in, range(50)) if login]
    assert len(store.sessions(user.id)) == LIMIT
    advance(1)
    assert [outcome(store, login.token) for login in logins].count("ok") == LIMIT


def test_logins_rotations_and_logouts_at_once_never_block_each_other(
    open_store: Open, user: User, advance: Callable[[float], None]
) -> None:
    """Families are locked in one order, so that no two can wait for each other and none is a 503."""
    store = open_store("evict-oldest")
    logins = fill(store, user, advance)
    acts: tuple[Callable[[], object], ...] = (
        lambda: store.begin(user.id, user.role),
        lambda: outcome(store, logins[0].token),
        lambda: outcome(store, store.begin(user.id, user.role).token),
        lambda: store.revoke_user(user.id, None),
        store.prune,
    )
    with ThreadPoolExecutor(TOGETHER) as pool:
        for done in [pool.submit(acts[number % len(acts)]) for number in range(200)]:
            done.result()
    assert len(store.sessions(user.id)) <= LIMIT
