"""PostgreSQL connections: a fixed number, bounded waits, and recovery with the server."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from bench.stack.postgres import PostgresCluster
from services.contract import StoreDownError
from services.database import Database, connect
from services.settings import Settings, SettingsError


@pytest.fixture
def own(database, settings: Settings) -> Settings:  # noqa: ANN001 - the type lives in a conftest
    """Settings on a database of one test."""
    return replace(settings, database_url=database.url, store_timeout_s=0.3, database_pool=2)


@pytest.fixture
def pool(own: Settings) -> Iterator[Database]:
    """Two connections at most."""
    pool = Database(own)
    yield pool
    pool.close()


def name_of(settings: Settings) -> str:
    """The database's name."""
    return settings.database_url.rsplit("/", 1)[1]


def test_nothing_is_opened_before_the_first_statement(pool: Database, own: Settings, postgres: PostgresCluster) -> None:
    """It may be made before a fork."""
    assert postgres.backends(name_of(own)) == ()
    assert pool.one("SELECT 1", {}) == (1,)


def test_connections_are_as_many_as_the_pool_and_stay(pool: Database, own: Settings, postgres: PostgresCluster) -> None:
    """Their CPU clocks can be read after the load: no backend comes or goes."""
    for _ in range(2):
        pool.one("SELECT 1", {})
    before = postgres.backends(name_of(own))
    for _ in range(20):
        pool.one("SELECT 1", {})
    assert postgres.backends(name_of(own)) == before
    assert len(before) == 2


def test_a_connection_carries_the_replicas_name(pool: Database) -> None:
    """PostgreSQL's own views tell replicas apart."""
    assert pool.all("SELECT current_setting('application_name')", {}) == [("test",)]


def test_the_server_gives_up_when_the_client_does(pool: Database) -> None:
    """A statement that is too slow ends on both sides, and the connection serves on."""
    with pytest.raises(StoreDownError):
        pool.run("SELECT pg_sleep(10)", {})
    assert pool.one("SELECT 1", {}) == (1,)


def test_a_pool_in_use_says_the_store_is_down(pool: Database) -> None:
    """The wait for a connection is bounded as well."""
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(pool.connection())
        with pytest.raises(StoreDownError):
            pool.one("SELECT 1", {})


def test_a_hung_server_is_a_down_one(pool: Database, own: Settings, postgres: PostgresCluster) -> None:
    """A frozen backend costs a bounded wait, inside a transaction too, and its connection is given up."""
    pool.one("SELECT 1", {})
    (frozen,) = postgres.backends(name_of(own))
    pool.one("SELECT 1", {})
    os.kill(frozen, signal.SIGSTOP)
    try:
        with pytest.raises(StoreDownError), pool.connection() as connection, connection.transaction():
            connection.execute("SELECT 1")
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert [pool.one("SELECT 1", {}) for _ in range(4)] == [(1,)] * 4


def test_dropped_connections_are_replaced_before_use(pool: Database, own: Settings, postgres: PostgresCluster) -> None:
    """After a restart no request pays for a connection that died while idle."""
    for _ in range(2):
        pool.one("SELECT 1", {})
    old = postgres.backends(name_of(own))
    for pid in old:
        postgres.execute("SELECT pg_terminate_backend(%s::int, 5000)", str(pid))
    assert [pool.one("SELECT 1", {}) for _ in range(2)] == [(1,)] * 2
    assert not set(old) & set(postgres.backends(name_of(own)))


def test_a_connection_that_dies_in_use_is_given_up(pool: Database, postgres: PostgresCluster) -> None:
    """The request gets a 503, the next one a connection."""

    def use_and_lose() -> None:
        with pool.connection() as connection:
            postgres.execute("SELECT pg_terminate_backend(%s::int, 5000)", str(connection.info.backend_pid))
            connection.execute("SELECT 1")

    with pytest.raises(StoreDownError):
        use_and_lose()
    assert pool.one("SELECT 1", {}) == (1,)


def test_a_server_that_is_away_is_down(settings: Settings) -> None:
    """Refused, not waited for."""
    pool = Database(replace(settings, database_url="postgresql://authbench@127.0.0.1:1/authbench"))
    with pytest.raises(StoreDownError) as down:
        pool.one("SELECT 1", {})
    assert down.value.store == "postgres"


def test_a_wrong_statement_is_not_a_down_store(pool: Database) -> None:
    """A bug stays an error, and the connection serves on."""
    with pytest.raises(psycopg.errors.SyntaxError):
        pool.one("SELEC 1", {})
    assert pool.one("SELECT 1", {}) == (1,)


def test_half_a_transaction_is_never_handed_on(pool: Database) -> None:
    """A connection left inside one is closed."""
    for _ in range(2):
        with pool.connection() as connection:
            connection.execute("BEGIN")
    assert pool.one("SELECT pg_current_xact_id_if_assigned()", {}) == (None,)


def test_a_bad_url_is_a_setting_to_correct(settings: Settings) -> None:
    """The message names the variable."""
    with pytest.raises(SettingsError, match="AUTHBENCH_DATABASE_URL"):
        connect(replace(settings, database_url="postgresql://[", database_password_file=Path(os.devnull)))


def test_a_password_is_optional(settings: Settings) -> None:
    """Without a file none is sent, and a server that wants one refuses."""
    with pytest.raises(psycopg.OperationalError):
        connect(replace(settings, database_password_file=None))
