"""What the plugin's tests need: the authorization server as a stack starts it, and services that ask it."""
# ruff: noqa: INP001 - test folders are found by path, not imported

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opaque_token.scheme import SPEC

from bench.stack.helper_services import RunningHelper, start_helpers
from bench.stack.supervisor import Supervisor
from services import key_file
from services.contract import Scheme
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.users import User

SOURCES = Path(__file__).parents[1]
Starting = Callable[[], RunningHelper]


@pytest.fixture(scope="session")
def keys_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key ring, from which both sides derive the client's secret."""
    path = tmp_path_factory.mktemp("keys") / "keys.json"
    key_file.generate(path)
    return path


@pytest.fixture(scope="session")
def start_server(tmp_path_factory: pytest.TempPathFactory, keys_file: Path) -> Iterator[Starting]:
    """Starts an authorization server of one's own, to be hurt; it need not be installed."""
    with Supervisor(tmp_path_factory.mktemp("logs")) as supervisor, pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(SOURCES), prepend=os.pathsep)
        yield lambda: start_helpers(supervisor, "tests", [SPEC], Settings(keys_file=keys_file))[0]


@pytest.fixture(scope="session")
def server(start_server: Starting) -> RunningHelper:
    """The authorization server that tests share."""
    return start_server()


@pytest.fixture
def settings(server: RunningHelper, keys_file: Path) -> Settings:
    """What a replica is told."""
    return Settings(keys_file=keys_file, helpers=(server.address,), store_timeout_s=5.0)


@pytest.fixture
def now_s() -> list[float]:
    """The time by the clock of the replica, to be replaced in place; the server's is the system's."""
    return [1_900_000_000.25]


@pytest.fixture
def parts(settings: Settings, now_s: list[float]) -> ServiceParts:
    """What the scheme is built from; no store is opened."""
    return open_parts(settings, lambda: now_s[0])


@pytest.fixture
def scheme(parts: ServiceParts) -> Scheme:
    """The scheme on one replica."""
    return SPEC.build(parts)


@pytest.fixture
def other_replica(settings: Settings, parts: ServiceParts) -> Scheme:
    """The scheme on a second one."""
    return SPEC.build(open_parts(replace(settings, replica="other"), parts.clock))


@pytest.fixture
def user(request: pytest.FixtureRequest) -> User:
    """A user nobody else has."""
    return User(f"id-{request.node.nodeid}", "ada", "admin", "no hash")
