"""What a client's defaults cost: the same sessions, and no answer while the server hangs."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace

import pytest

from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.contract import Scheme, StoreDownError
from services.parts import open_parts
from services.redis_client import RedisClient, library_defaults
from services.schemes import redis_session, redis_session_default_retries
from services.settings import Settings, SettingsError
from services.users import User

BOUND_S = 0.3
USER = User("id-1", "somebody", "user", "no hash")


@pytest.fixture(scope="module")
def own(supervisor: Supervisor) -> Valkey:
    """A server that may be hurt."""
    return start_valkey(supervisor, "valkey-to-hang")


@pytest.fixture
def hurt(settings: Settings, own: Valkey) -> Settings:
    """Settings on it."""
    return replace(settings, redis_url=own.url, redis_password_file=own.password_file, store_timeout_s=BOUND_S)


@pytest.fixture
def schemes(hurt: Settings) -> Iterator[tuple[Scheme, Scheme]]:
    """The scheme with its policy, and the one without."""
    parts = open_parts(hurt)
    yield redis_session.SPEC.build(parts), redis_session_default_retries.SPEC.build(parts)
    parts.close()


@contextmanager
def hanging(server: Valkey) -> Iterator[None]:
    """The server says nothing for a while."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def test_a_hung_server_holds_its_requests_beyond_the_bound(schemes: tuple[Scheme, Scheme], own: Valkey) -> None:
    """Where redis-session has said 503, it still waits; it answers when the server does."""
    bounded, patient = schemes
    credential = bounded.issue(USER).credential
    assert patient.verify(credential) == bounded.verify(credential)
    with ThreadPoolExecutor(1) as pool:
        with hanging(own):
            waiting = pool.submit(patient.verify, credential)
            for _ in range(3):
                with pytest.raises(StoreDownError):
                    bounded.verify(credential)
            assert not waiting.done()
        assert waiting.result().user_id == USER.id


def test_a_url_that_is_none_is_a_setting_to_correct(settings: Settings) -> None:
    """The message names the variable, whatever the policy."""
    with pytest.raises(SettingsError, match="AUTHBENCH_REDIS_URL"):
        RedisClient(replace(settings, redis_url="http://127.0.0.1"), library_defaults)


def test_who_does_not_mount_it_does_not_import_its_client() -> None:
    """The library alone takes half a replica's start."""
    program = "import sys, services.catalogue; sys.exit('redis' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
