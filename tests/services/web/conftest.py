"""What the web tests share: logins on the running fleet, and the service in this process or behind gunicorn alone."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from bench.stack.foundation import Foundation
from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from services import keys
from services.app import assemble
from services.catalogue import SCHEMES
from services.keys import KeyRing
from services.parts import ServiceParts, open_parts
from services.seed import seed, user_name
from services.settings import Settings, to_environment
from tests.fleet import Fleet
from tests.services.web.client import Client, Send, in_process, over_tcp
from tests.services.web.mounts import Mount

DATABASE = "web_tests"
USERS = 400
PASSWORD = "correct horse battery staple"

_numbers = count()

Holders = Callable[[Mount], Client]
"""A user agent at a mount, logged in there by whoever came first; it may be tampered with, its login may not end."""


@pytest.fixture(scope="session")
def holder(fleet: Fleet) -> Holders:
    """For tests that only read with it, in the time that the clocks tell by themselves."""
    kept: dict[Mount, Client] = {}

    def twin(mount: Mount) -> Client:
        if mount not in kept:
            kept[mount] = fleet.logged_in(*mount)
        return kept[mount].twin()

    return twin


@pytest.fixture(scope="session")
def ring(crowd: Foundation) -> KeyRing:
    """The keys of the fleet: what only the service should have."""
    assert crowd.settings.keys_file is not None
    return KeyRing(crowd.settings.keys_file)


@pytest.fixture
def skew(fleet: Fleet) -> Iterator[Callable[[float], None]]:
    """Move the clocks of the fleet to so many seconds from system time, until the test is over."""
    yield fleet.skew
    fleet.skew(0.0)


class MovableClock:
    """System time, or standing still at `stands_at_s`."""

    stands_at_s: float | None = None

    def __call__(self) -> float:
        """Seconds since 1970 as the service sees them."""
        return time.time() if self.stands_at_s is None else self.stands_at_s


@dataclass(frozen=True, slots=True)
class Service:
    """One replica in this process."""

    parts: ServiceParts
    clock: MovableClock
    send: Send

    def client(self, scheme: str, carrier: str) -> Client:
        """A fresh user agent."""
        return Client(self.send, scheme, carrier)

    def logged_in(self, scheme: str, carrier: str, name: str = "") -> Client:
        """A user agent of `name`, or of a user of its own, who is logged in."""
        client = self.client(scheme, carrier)
        assert client.log_in(name or new_user(), PASSWORD).status == 200
        return client


@pytest.fixture(scope="session")
def settings(valkey: Valkey, postgres: PostgresCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Real stores, seeded, with a password profile that does not dominate the tests."""
    ring = tmp_path_factory.mktemp("keys") / "keys.json"
    keys.generate(ring)
    postgres.create_database(DATABASE)
    told = Settings(
        replica="tests",
        database_url=postgres.url(DATABASE),
        database_password_file=postgres.password_file,
        redis_url=valkey.url,
        redis_password_file=valkey.password_file,
        keys_file=ring,
        password_profile="harness",
    )
    seed(told, USERS, PASSWORD)
    yield told
    postgres.drop_database(DATABASE)


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """The service as `settings` say, with a clock of its own."""
    clock = MovableClock()
    parts = open_parts(settings, clock)
    app = assemble(parts, [spec for spec in SCHEMES.values() if spec.front == "api"])
    try:
        yield Service(parts, clock, in_process(app))
    finally:
        parts.close()


@pytest.fixture(scope="session")
def service(settings: Settings) -> Iterator[Service]:
    """For what is not about what a client sees; leave its clock alone."""
    with serving(settings) as service:
        yield service


@pytest.fixture
def own_service(service: Service) -> Iterator[Service]:
    """A service whose clock a test may stop."""
    yield service
    service.clock.stands_at_s = None


@dataclass(frozen=True, slots=True)
class Replica:
    """A gunicorn master and its one worker."""

    master: subprocess.Popen[bytes]
    port: int
    send: Send


@contextmanager
def replica(settings: Settings, logs: Path, worker_class: str = "gthread") -> Iterator[Replica]:
    """A gunicorn master and its worker on a socket of ours; its output goes to `logs`."""
    with socket.create_server(("127.0.0.1", 0)) as listener, logs.open("wb") as log:
        port = listener.getsockname()[1]
        told = {"AUTHBENCH_BIND": f"fd://{listener.fileno()}", "AUTHBENCH_WORKER_CLASS": worker_class}
        master = subprocess.Popen(
            [sys.executable, "-m", "gunicorn", "-c", "python:services.gunicorn_conf"],
            env={**os.environ, **to_environment(settings), **told},
            stdout=log,
            stderr=log,
            pass_fds=(listener.fileno(),),
        )
    try:
        send = over_tcp(port)
        assert send("GET", "/healthz", {}, b"").status == 200, logs.read_text()
        yield Replica(master, port, send)
    finally:
        master.kill()
        master.wait()


def new_user() -> str:
    """A user nobody else uses; tests log in as many without knowing of each other."""
    number = next(_numbers)
    assert number < USERS, f"{USERS} users are spent; raise USERS"
    return user_name(number)
