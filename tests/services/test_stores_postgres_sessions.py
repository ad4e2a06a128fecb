"""Sessions in PostgreSQL: hashed, rarely written, never revived, and free of deadlocks."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from services.clock import Clock
from services.contract import RejectedError, StoreDownError
from services.database import Database, Row, Values
from services.settings import Settings
from services.stores.postgres_sessions import PostgresSessions
from services.users import User

IDLE_S = 1000
TOUCH_S = 60
ABSOLUTE_S = 4000
AT_ONCE = 8

Open = Callable[[Settings], PostgresSessions]


@pytest.fixture
def limits(settings: Settings) -> Settings:
    """Round limits."""
    return replace(settings, session_idle_s=IDLE_S, session_touch_s=TOUCH_S, session_absolute_s=ABSOLUTE_S)


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    """As many connections as a race has runners."""
    database = Database(replace(settings, database_pool=AT_ONCE, store_timeout_s=10))
    yield database
    database.close()


@pytest.fixture
def store(limits: Settings, clock: Clock, database: Database) -> PostgresSessions:
    """A store without a session limit."""
    return PostgresSessions(limits, clock, database)


def row_of(database: Database, sid: str) -> Row | None:
    """All that the database knows of a session."""
    return database.one("SELECT * FROM sessions WHERE sid = %(sid)s", {"sid": sid})


def reason(store: PostgresSessions, credential: str) -> str:
    """Why `credential` is refused, "" if it is not."""
    try:
        store.read(credential)
    except RejectedError as error:
        return error.reason
    return ""


def test_a_dump_holds_no_usable_credential(store: PostgresSessions, database: Database, user: User) -> None:
    """RFC 9700 4.14.1: the hash alone."""
    grant = store.create(user.id, "user")
    assert row_of(database, grant.sid)
    assert grant.credential not in repr(row_of(database, grant.sid))


def test_a_read_is_a_write_once_in_a_while_only(
    store: PostgresSessions, database: Database, user: User, advance: Callable[[float], None]
) -> None:
    """Within `session_touch_s` of the last noted use a read leaves the row as it was; then it notes itself."""
    grant = store.create(user.id, "user")
    before = row_of(database, grant.sid)
    advance(TOUCH_S - 1)
    assert store.read(grant.credential).expires_in_s == IDLE_S - TOUCH_S + 1
    assert row_of(database, grant.sid) == before
    advance(1)
    assert store.read(grant.credential).expires_in_s == IDLE_S
    assert row_of(database, grant.sid) != before


def test_a_short_idle_limit_is_noted_more_often(
    limits: Settings, clock: Clock, database: Database, user: User, advance: Callable[[float], None]
) -> None:
    """A session in steady use never goes idle, however its limits are set."""
    store = PostgresSessions(replace(limits, session_idle_s=30), clock, database)
    grant = store.create(user.id, "user")
    for _ in range(20):
        advance(15)
        store.read(grant.credential)


@effort(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pauses_s=st.lists(st.floats(0, IDLE_S * 1.1), min_size=1, max_size=8))
def test_it_goes_idle_a_little_early_and_never_late(
    limits: Settings, database: Database, user: User, pauses_s: list[float]
) -> None:
    """ASVS 7.3: dead at `session_idle_s` after the last use, alive until `session_touch_s` before that."""
    now_s = used_at_s = began_at_s = 1_800_000_000.0
    store = PostgresSessions(limits, lambda: now_s, database)
    credential = store.create(user.id, "user").credential
    for pause_s in pauses_s:
        now_s += pause_s
        is_over = bool(reason(store, credential))
        end_s = min(used_at_s + IDLE_S, began_at_s + ABSOLUTE_S)
        assert is_over or now_s < end_s
        if is_over:
            assert now_s > end_s - TOUCH_S
            return
        used_at_s = now_s


def test_a_use_does_not_revive_a_session_that_ended_meanwhile(
    limits: Settings, clock: Clock, settings: Settings, user: User, advance: Callable[[float], None]
) -> None:
    """The use is noted after the logout that came between, and there is nothing to note it on."""

    class LoggedOutMeanwhile(Database):
        """Between the two statements of a read the user logs out."""

        def one(self, statement: str, values: Values) -> Row | None:
            """As every Database, and then a logout."""
            row = super().one(statement, values)
            store.end(grant.credential)
            return row

    database = LoggedOutMeanwhile(settings)
    store = PostgresSessions(limits, clock, database)
    grant = store.create(user.id, "user")
    advance(TOUCH_S)
    store.read(grant.credential)
    assert reason(store, grant.credential) == "unknown"
    database.close()


def test_two_replicas_share_sessions(store: PostgresSessions, limits: Settings, clock: Clock, user: User) -> None:
    """What one begins the other reads and ends."""
    grant = store.create(user.id, "user")
    database = Database(replace(limits, replica="other"))
    other = PostgresSessions(limits, clock, database)
    assert other.read(grant.credential).sid == grant.sid
    assert other.end_all(user.id, None) == 1
    assert reason(store, grant.credential) == "unknown"
    database.close()


def test_a_removed_users_sessions_go_with_him(store: PostgresSessions, database: Database, user: User) -> None:
    """Nothing of him is left to open."""
    grant = store.create(user.id, "user")
    database.run("DELETE FROM users WHERE id = %(id)s", {"id": user.id})
    assert reason(store, grant.credential) == "unknown"


@pytest.mark.parametrize(("uses", "over_after_s"), [(0, IDLE_S), (5, ABSOLUTE_S)])
def test_pruning_removes_what_is_over_and_nothing_else(  # noqa: PLR0913, PLR0917 - both limits, and what shows them
    store: PostgresSessions,
    database: Database,
    user: User,
    advance: Callable[[float], None],
    uses: int,
    over_after_s: int,
) -> None:
    """Past the idle or the absolute limit; until then its row says that it expired."""
    grant = store.create(user.id, "user")
    for _ in range(uses):
        advance(over_after_s / (uses + 1))
        store.read(grant.credential)
    store.prune()
    assert row_of(database, grant.sid)
    advance(over_after_s / (uses + 1))
    live = store.create(user.id, "user")
    assert reason(store, grant.credential) == "expired"
    assert store.prune() >= 1
    assert reason(store, grant.credential) == "unknown"
    store.read(live.credential)


def test_pruning_waits_for_nobody(
    store: PostgresSessions, database: Database, user: User, advance: Callable[[float], None]
) -> None:
    """A session that somebody holds is left for the next time."""
    grant = store.create(user.id, "user")
    advance(IDLE_S)
    with database.connection() as connection, connection.transaction():
        connection.execute("SELECT FROM sessions WHERE sid = %(sid)s FOR UPDATE", {"sid": grant.sid})
        store.prune()
    assert row_of(database, grant.sid)
    store.prune()
    assert row_of(database, grant.sid) is None


def test_logins_logouts_and_pruning_at_once_never_block_each_other(
    limits: Settings, clock: Clock, database: Database, user: User
) -> None:
    """Every statement locks sessions in one order, so that no two can wait for each other and none is a 503."""
    store = PostgresSessions(replace(limits, max_sessions=3), clock, database)
    unlimited = PostgresSessions(limits, clock, database)
    acts: tuple[Callable[[], object], ...] = (
        lambda: store.create(user.id, "user"),
        lambda: store.end_all(user.id, None),
        lambda: unlimited.create(user.id, "user"),
        store.prune,
    )
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(acts[number % len(acts)]) for number in range(200)]:
            done.result()
    store.create(user.id, "user")
    assert len(store.of_user(user.id)) <= 3


def test_a_read_says_when_the_store_is_down(limits: Settings, clock: Clock) -> None:
    """ASVS 16.5: 503, never an answer about the credential."""
    away = replace(limits, database_url="postgresql://authbench@127.0.0.1:1/authbench")
    with pytest.raises(StoreDownError):
        PostgresSessions(away, clock, Database(away)).read("credential")
