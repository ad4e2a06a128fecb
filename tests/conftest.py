"""Real servers for every test that wants one: started once, owned by a supervisor, gone at the end."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.postgres import PostgresCluster, start_postgres
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.settings import Settings
from tests.fleet import Fleet, fleet_of

_numbers = count()


@dataclass(frozen=True, slots=True)
class Database:
    """A database of one test: as `Settings.database_url` and `database_password_file` want it."""

    name: str
    url: str
    password_file: Path


@pytest.fixture(scope="session")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """Owns the servers of the whole test session."""
    with Supervisor(tmp_path_factory.mktemp("logs")) as supervisor:
        yield supervisor


@pytest.fixture(scope="session")
def valkey(supervisor: Supervisor) -> Valkey:
    """A running Valkey shared by all tests: .url, .port, .password_file, .client()."""
    return start_valkey(supervisor, "valkey")


@pytest.fixture(scope="session")
def postgres(supervisor: Supervisor) -> PostgresCluster:
    """A running PostgreSQL shared by all tests; take `database` for one of your own."""
    return start_postgres(supervisor)


@pytest.fixture(scope="session")
def foundation(supervisor: Supervisor, postgres: PostgresCluster) -> Foundation:
    """Keys, twenty seeded users and a database to copy: what `Stack` starts arms on."""
    return lay_foundation(supervisor, postgres, Settings(password_profile="harness"), users=20)


@pytest.fixture
def database(postgres: PostgresCluster) -> Iterator[Database]:
    """A fresh, empty database, dropped afterwards."""
    name = f"test_{next(_numbers)}"
    postgres.create_database(name)
    yield Database(name, postgres.url(name), postgres.password_file)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def crowd(supervisor: Supervisor, postgres: PostgresCluster) -> Foundation:
    """As `foundation`, with users enough that every test of the service can have its own."""
    return lay_foundation(supervisor, postgres, Settings(password_profile="harness"), users=4000)


@pytest.fixture(scope="session")
def fleet(crowd: Foundation) -> Iterator[Fleet]:
    """The service as a production deployment would run it; leave its clocks as they were."""
    with fleet_of(crowd) as fleet:
        yield fleet
