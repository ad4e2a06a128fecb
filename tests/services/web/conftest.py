"""The service over real stores, in this process and behind gunicorn, and users nobody else uses."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest

from bench.stack.postgres import PostgresCluster
from bench.stack.valkey import Valkey
from services import keys
from services.app import assemble
from services.catalogue import SCHEMES
from services.parts import ServiceParts, open_parts
from services.seed import seed, user_name
from services.settings import Settings, to_environment
from tests.services.web.client import Client, Send, in_process, over_tcp

DATABASE = "web_tests"
USERS = 1500
PASSWORD = "correct horse battery staple"
MOUNTS = [(spec.name, carrier) for spec in SCHEMES.values() for carrier in spec.traits.carriers]
GUARDED = [mount for mount in MOUNTS if mount[0] != "none"]
COOKIES = [mount for mount in GUARDED if mount[1] == "cookie"]
JWT = [mount for mount in GUARDED if mount[0].startswith(("jwt-", "refresh-"))]
REVOCABLE = [mount for mount in GUARDED if SCHEMES[mount[0]].traits.revoked_within["logout"].seconds == 0]
STATELESS = [mount for mount in GUARDED if mount not in REVOCABLE]

_numbers = count()


class MovableClock:
    """System time plus `ahead_s`, or standing still at `stands_at_s`."""

    ahead_s = 0.0
    stands_at_s: float | None = None

    def __call__(self) -> float:
        """Seconds since 1970 as the service sees them."""
        return time.time() + self.ahead_s if self.stands_at_s is None else self.stands_at_s


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
    app = assemble(parts, SCHEMES.values())
    try:
        yield Service(parts, clock, in_process(app))
    finally:
        parts.close()


@pytest.fixture(scope="session")
def service(settings: Settings) -> Iterator[Service]:
    """The service as a production deployment would run it; leave its clock alone."""
    with serving(settings) as service:
        yield service


@pytest.fixture
def own_service(settings: Settings) -> Iterator[Service]:
    """A replica whose clock a test may move."""
    with serving(settings) as service:
        yield service


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
