"""Keys are changed under running replicas, and nobody who is logged in or logs in meanwhile is refused."""

import shutil
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from bench.stack.foundation import Foundation
from services.keys import RECHECK_S, KeyRing, add, promote, retire
from tests.fleet import Fleet, fleet_of
from tests.services.web.client import Client

SCHEME = "jwt-es256"
OTHER = "jwt-hs256"
DEADLINE_S = 30.0


@pytest.fixture(scope="module")
def ring_file(crowd: Foundation, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring that may be changed; other tests stand on the crowd's."""
    assert crowd.settings.keys_file is not None
    return Path(shutil.copy(crowd.settings.keys_file, tmp_path_factory.mktemp("rotated") / "keys.json"))


@pytest.fixture(scope="module")
def rotating(crowd: Foundation, ring_file: Path) -> Iterator[Fleet]:
    """Two replicas on that ring."""
    with fleet_of(crowd, replace(crowd.settings, keys_file=ring_file)) as fleet:
        yield fleet


def logs_in_and_reads(fleet: Fleet, user: str, done: threading.Event) -> list[int]:
    """The status of each login and of reads with it on both replicas, again and again until `done`."""
    seen = []
    while not done.is_set():
        client = fleet.client(SCHEME, "bearer")
        seen += [client.log_in(user, fleet.password).status]
        seen += [client.get("profile").status for _ in range(4)]
    return seen


def is_refused_soon(client: Client) -> bool:
    """Whether every replica comes to refuse `client`; they look once a second."""
    end = time.monotonic() + DEADLINE_S
    refused = 0
    while refused < 8 and time.monotonic() < end:
        refused = refused + 1 if client.get("profile").status == 401 else 0
        time.sleep(RECHECK_S / 20)
    return refused == 8


def test_a_rotation_with_overlap_refuses_nobody(rotating: Fleet, ring_file: Path) -> None:
    """Add, promote and, once its tokens are gone, retire: only what the old key signed is refused, and only then."""
    old, bystander = rotating.logged_in(SCHEME, "bearer"), rotating.logged_in(OTHER, "bearer")
    kid = KeyRing(ring_file).signing("ES256").kid
    done = threading.Event()
    with ThreadPoolExecutor(2) as threads:
        seen = [threads.submit(logs_in_and_reads, rotating, rotating.new_user(), done) for _ in range(2)]
        try:
            added = add(ring_file, "ES256")
            promote(ring_file, added)
            time.sleep(2 * RECHECK_S)
        finally:
            done.set()
    statuses = [status for one in seen for status in one.result()]
    assert len(statuses) > 20
    assert set(statuses) == {200}
    fresh = rotating.logged_in(SCHEME, "bearer")
    assert [client.get("profile").status for client in (old, fresh) for _ in range(4)] == [200] * 8

    retire(ring_file, kid)
    assert is_refused_soon(old)
    assert old.answers[-1].reason == "bad-signature"
    assert [client.get("profile").status for client in (bystander, fresh) for _ in range(4)] == [200] * 8
    published = fresh.send("GET", "/.well-known/jwks.json", {}, b"").json["keys"]
    assert isinstance(published, list)
    assert added in {key["kid"] for key in published}
    assert kid not in {key["kid"] for key in published}
