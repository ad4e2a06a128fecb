"""A worker of a tree is asked and answers, and whatever goes wrong with it is one line that names the tree."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.gates import protocol
from bench.gates.model import Tree
from bench.gates.protocol import Benchmark, Errand, Offer, Round, Worker, WorkerError
from bench.stack.supervisor import Supervisor
from tests.bench.gates.trees import OURS, hollow

VERIFY = Benchmark("memory-session", "verify")


@pytest.fixture(scope="module")
def worker(supervisor: Supervisor) -> Iterator[Worker]:
    """One of this very tree."""
    with Worker(supervisor, OURS, Errand("base", {})) as worker:
        yield worker


def failing(supervisor: Supervisor, tree: Tree, *, answer_s: float = 20.0) -> str:
    """What is told of a worker of `tree` that is asked for its schemes."""
    errand = Errand("base", {}, answer_s=answer_s, ending_s=0.1)
    with Worker(supervisor, tree, errand) as worker, pytest.raises(WorkerError) as caught:
        worker.hello()
    return str(caught.value)


def test_a_worker_tells_what_its_tree_has(worker: Worker) -> None:
    """By scheme: its stores and its steps; no module beside the script is taken for one of the standard library."""
    assert (protocol.SCRIPT.parent / "statistics.py").exists()
    assert worker.hello()["redis-session"] == Offer(("redis",), ("issue", "verify", "revoke"))


def test_a_worker_makes_the_calls_it_is_asked_for(worker: Worker) -> None:
    """With credentials it made before, slowed or not."""
    worker.open(VERIFY)
    assert worker.stock(10) > 0
    assert worker.round(30).calls == 30
    worker.slow(0.2)
    assert worker.round(5).call_ns > 0


def test_what_a_tree_does_not_have_is_told_by_its_worker(worker: Worker) -> None:
    """The line names the role and the commit; the worker goes on."""
    with pytest.raises(WorkerError, match=r"^base here: scheme 'memory-session' has no step 'renew'; one of: issue"):
        worker.open(Benchmark("memory-session", "renew"))
    worker.open(VERIFY)


def test_code_that_cannot_be_loaded_is_one_line(supervisor: Supervisor, tmp_path: Path) -> None:
    """A tree whose services miss a module says which."""
    (tmp_path / "services").mkdir()
    (tmp_path / "services" / "__init__.py").touch()
    told = failing(supervisor, Tree(tmp_path, OURS.python, "a1b2c3d"))
    assert told.startswith("base a1b2c3d: found its process ended, expected an answer: ModuleNotFoundError: ")
    assert "\n" not in told


def test_code_of_another_tree_is_refused(supervisor: Supervisor, tmp_path: Path) -> None:
    """A directory without services would be measured by those its Python has installed."""
    told = failing(supervisor, Tree(hollow(tmp_path), OURS.python, "a1b2c3d"))
    assert "found services of" in told
    assert told.endswith(f"expected those of {tmp_path}; is it a tree of authbench?")


def test_a_worker_that_hangs_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    """Its time to answer is over at last; it is killed."""
    (tmp_path / "services.py").write_text("import time\ntime.sleep(60)\n")
    told = failing(supervisor, Tree(tmp_path, OURS.python, "a1b2c3d"), answer_s=0.2)
    assert told == "base a1b2c3d: found no answer within 0.2 s, expected one"


def test_a_call_costs_a_share_of_its_round() -> None:
    """And never nothing, as a logarithm is taken of it."""
    assert Round(4, 1000, 2000).call_ns == 250
    assert Round(4, 0, 2000).call_ns > 0


def test_a_benchmark_is_told_by_its_names() -> None:
    """Scheme, then step."""
    assert str(VERIFY) == "memory-session verify"


def test_a_closed_worker_ends_by_itself(supervisor: Supervisor) -> None:
    """It leaves with exit code 0, and asking it again is an error."""
    with Worker(supervisor, OURS, Errand("closed", {})) as worker:
        worker.close()
        with pytest.raises(WorkerError, match="found its process ended"):
            worker.round(1)
        assert worker.process.popen.returncode == 0
