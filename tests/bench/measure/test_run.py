"""A whole run, small: everything is kept as soon as it is measured, and run.json says how it ended."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure import environment, rundir
from bench.measure import run as module
from bench.measure.block import Progress
from bench.measure.crew import LoadLostError
from bench.measure.generator import Alone
from bench.measure.profiles import Choices, plan_blocks
from bench.measure.proof import Check, Proof
from bench.measure.run import MeasuredBlock, Run, measure
from bench.stack.supervisor import Supervisor
from loadtests.plan import BlockPlan
from loadtests.record import Record
from services.catalogue import SCHEMES
from tests.bench.measure.conftest import Watched, lying

CHOICES = Choices(schemes=("jwt-hs256",), replicas=(1,), blocks=1, seconds=1, seed=5)


def _run(path: Path) -> Run:
    catalogue = {**SCHEMES, "jwt-hs256": lying()}
    return Run(
        rundir.create_at(path), CHOICES, catalogue, plan_blocks(CHOICES, catalogue), "", environment.describe({})
    )


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Watched]:
    """A run of one block, in which one arm is refused, and what was told of it."""
    run, progress = _run(tmp_path_factory.mktemp("run")), Watched()
    measure(run, progress)
    return run, progress


@pytest.mark.stack
def test_every_cell_has_its_record(finished: tuple[Run, Watched]) -> None:
    """The control and its second entry are timed, the arm whose proof failed is recorded without a sample."""
    run, _ = finished
    timed = {record.header.cell.id: bool(record.samples) for record in run.directory.records()}
    assert timed == {
        "none-bearer-1.cpu-30": True,
        "none-bearer-1-again.cpu-30": True,
        "jwt-hs256-bearer-1.cpu-30": False,
        "none-bearer-1.latency-30": True,
        "none-bearer-1-again.latency-30": True,
        "jwt-hs256-bearer-1.latency-30": False,
    }


@pytest.mark.stack
def test_the_document_tells_the_whole_run(finished: tuple[Run, Watched]) -> None:
    """Complete, with its choices, its blocks, its environment and each arm's proof."""
    run, _ = finished
    run.describe(run.summary())
    document = run.directory.document()
    assert (document["status"], document["blocks_done"], document["choices"]["seed"]) == ("complete", 1, 5)
    assert {proof["arm"] for proof in document["proofs"]} == {arm.id for arm in run.blocks[0].arms}
    assert document["needs_affinity"] == sorted(name for name in SCHEMES if SCHEMES[name].traits.needs_affinity)
    assert {cell["id"] for cell in document["summary"]["cells"]} >= {"none-bearer-1.cpu-30"}


@pytest.mark.stack
def test_progress_names_the_block_and_the_time(finished: tuple[Run, Watched]) -> None:
    """Each stage in its turn; a slice tells how long it takes."""
    _, progress = finished
    assert progress.stages == [
        "starting PostgreSQL and making users 0",
        "block 1/1: starting 3 arms 0",
        "block 1/1: logging in 60 visitors 0",
        "block 1/1: measuring what the servers consume without load 0",
        "block 1/1: cpu cells: 60 requests/s over 2 arms 1",
        "block 1/1: latency cells: 60 requests/s over 2 arms 1",
    ]


class Failing(Watched):
    """Progress that is interrupted at the first stage."""

    def __init__(self, fail: Callable[[], None]) -> None:
        super().__init__()
        self._fail = fail

    def stage(self, text: str, *, seconds: float = 0.0) -> None:  # noqa: ARG002 - the protocol's
        """End the run here."""
        self._fail()


@pytest.mark.parametrize(("error", "status"), [(KeyboardInterrupt, "interrupted"), (LookupError, "failed")])
def test_a_run_that_is_ended_early_is_marked(tmp_path: Path, error: type[BaseException], status: str) -> None:
    """run.json says so; nothing of the run but its directory is left, and that can be read."""

    def fail() -> None:
        raise error

    run = _run(tmp_path / "run")
    with pytest.raises(error):
        measure(run, Failing(fail))
    assert run.directory.document()["status"] == status
    assert run.summary().cells == ()


def test_a_failed_proof_is_not_forgotten(tmp_path: Path) -> None:
    """Of several blocks' proofs the first that does not hold stands, else the last."""
    run = _run(tmp_path / "run")
    first, broken, later = (
        Proof("arm", (Check(name, "", holds=holds),)) for name, holds in (("a", True), ("b", False), ("c", True))
    )
    for proof in (first, broken, later):
        run.proven(proof)
    assert run.proofs == {"arm": broken}


def test_a_run_ends_with_the_block_that_lost_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That block does not count as done, no other is begun, and the error names the worker."""
    started = _run(tmp_path / "run")
    begun: list[int] = []

    def measured(*_: object) -> MeasuredBlock:
        def begin(block: BlockPlan, _: Progress) -> Iterator[Record]:
            begun.append(block.index)
            return iter(())

        return begin

    monkeypatch.setattr(module, "_on_our_own", measured)
    with Supervisor(tmp_path / "logs") as supervisor:
        source = Alone(supervisor)
        source.lost = ("worker 1 of 2 (a) ended",)
        with pytest.raises(LoadLostError, match=r"^worker 1 of 2 \(a\) ended$"):
            module._measure(replace(started, blocks=started.blocks * 2), supervisor, source, Watched())
    assert begun == [0]
    assert started.blocks_done == 0
