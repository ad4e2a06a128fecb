"""What the services need to run: settings on real servers, a clock that stands until it is moved, a fresh user."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from services import keys
from services.clock import Clock
from services.parts import ServiceParts, open_parts
from services.seed import seed
from services.settings import Settings
from services.users import User

PASSWORD = "correct horse"
STARTED_S = 1_800_000_000.25

_numbers = count()


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key ring with one active key per algorithm."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.generate(path)
    return path


@pytest.fixture(scope="session")
def settings(postgres: PostgresCluster, valkey: Valkey, keys_file: Path) -> Settings:
    """Settings on running servers; all tests that take them share one database and seed their own users."""
    postgres.create_database("services")
    settings = Settings(
        replica="test",
        database_url=postgres.url("services"),
        database_password_file=postgres.password_file,
        redis_url=valkey.url,
        redis_password_file=valkey.password_file,
        keys_file=keys_file,
        password_profile="harness",
    )
    seed(settings, users=1, password=PASSWORD)
    return settings


@pytest.fixture
def now_s() -> list[float]:
    """The time that `clock` tells, to be replaced in place."""
    return [STARTED_S]


@pytest.fixture
def clock(now_s: list[float]) -> Clock:
    """A clock that stands still until `advance` moves it."""
    return lambda: now_s[0]


@pytest.fixture
def advance(now_s: list[float]) -> Callable[[float], None]:
    """Move `clock` by so many seconds."""

    def move(seconds: float) -> None:
        now_s[0] += seconds

    return move


@pytest.fixture(scope="session")
def read_once(keys_file: Path) -> keys.KeyRing:
    """The ring of `keys_file`, which nobody changes: to check its RSA key takes longer than most tests."""
    return keys.KeyRing(keys_file)


@pytest.fixture
def parts(settings: Settings, clock: Clock, read_once: keys.KeyRing) -> Iterator[ServiceParts]:
    """The parts of one replica."""
    parts = open_parts(settings, clock)
    parts._once("keys", lambda: read_once)
    yield parts
    parts.close()


@pytest.fixture
def user(parts: ServiceParts) -> User:
    """A user nobody else has."""
    user = User(f"id-{next(_numbers)}", f"someone-{next(_numbers)}", "user", "no hash")
    values = {"id": user.id, "name": user.name, "role": user.role, "hash": user.password_hash}
    parts.database.run("INSERT INTO users VALUES (%(id)s, %(name)s, %(role)s, %(hash)s, false)", values)
    return user
