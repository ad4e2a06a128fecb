"""A rig starts what the calls ask and nothing else, and gives every worker stores that nobody has used."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.gates import rig as rig_module
from bench.gates.protocol import Benchmark
from bench.gates.rig import Rig, open_rig
from bench.gates.tree import Trees
from bench.stack.errors import NotReadyError
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from tests.bench.gates.trees import OURS

TREES = Trees(OURS, OURS)
BFF = Benchmark("bff", "revoke")


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One with both stores."""
    with open_rig(TREES, [BFF]) as rig:
        yield rig


def test_a_call_without_a_store_starts_none() -> None:
    """A gate on tokens alone is quick; an unknown scheme asks nothing, either."""
    with open_rig(TREES, [Benchmark("jwt-hs256", "verify"), Benchmark("jwt-hs265", "verify")]) as rig:
        assert (rig.valkey, rig.database, rig.servers) == (None, None, ())
        assert rig.lacking(TREES, Benchmark("jwt-hs265", "verify")) == OURS
        assert rig.lacking(TREES, Benchmark("jwt-hs256", "verify")) is None


@pytest.mark.stack
def test_two_workers_share_no_store(rig: Rig) -> None:
    """Each has its own Redis numbers and its own copy of the database, which is gone afterwards."""
    assert rig.database is not None
    assert len(rig.servers) == 2
    with rig.errands(TREES, BFF) as (base, candidate):
        urls = [errand.environment["AUTHBENCH_DATABASE_URL"] for errand in (base, candidate)]
        assert urls[0] != urls[1]
        assert base.environment["AUTHBENCH_REDIS_URL"].endswith("/0")
        assert candidate.environment["AUTHBENCH_REDIS_URL"].endswith("/1")
    left = rig.database.cluster.execute("SELECT datname FROM pg_database WHERE datname LIKE 'pair-%%'")
    assert left == []


@pytest.mark.stack
def test_a_pair_leaves_nothing_to_the_next(rig: Rig) -> None:
    """Sessions of the pair before are gone when the next one begins."""
    assert rig.valkey is not None
    with rig.valkey.client() as client:
        client.set("left", "behind")
        with rig.errands(TREES, BFF):
            assert client.dbsize() == 0


def test_a_module_that_fails_is_told(supervisor: Supervisor, tmp_path: Path) -> None:
    """A seed or a key ring that cannot be made is one line: which, of what, and why."""
    process = supervisor.start(Command("services.seed", ("/bin/sh", "-c", "echo no disk; exit 3"), tmp_path))
    with pytest.raises(NotReadyError, match=r"^services\.seed of .*: found 'no disk', expected success$"):
        rig_module._finish(process)
