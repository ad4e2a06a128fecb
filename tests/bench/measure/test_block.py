"""A block: an arm that cannot be proven is recorded and not timed, and nobody is measured who could not log in."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.measure.block import Surroundings, insist, load, run_block
from bench.measure.generator import Alone
from bench.measure.laboratory import ArmBench
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.supervisor import Supervisor
from loadtests.orders import LoggedIn
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.catalogue import SCHEMES
from tests.bench.measure.conftest import Watched, lying

ARM = ArmPlan("liar", "jwt-hs256", "bearer", 1, "roundrobin", "steady", 24)
PLAN = BlockPlan(2, 1, (ARM,), (SlicePlan("cpu", 30, 1, pinned=False), SlicePlan("latency", 30, 1, pinned=False)))


@pytest.mark.stack
def test_an_arm_whose_proof_fails_is_not_timed(foundation: Foundation) -> None:
    """One INVALID record a cell with the failure in it; with no arm left no load is generated at all."""
    password = foundation.users_password_file.read_text(encoding="utf-8")
    around = Surroundings(
        Alone(foundation.supervisor), {**SCHEMES, "jwt-hs256": lying()}, {"kernel": "Linux"}, password
    )
    progress = Watched()
    records = list(run_block(PLAN, foundation, around, progress))
    assert [record.header.cell.id for record in records] == ["liar.cpu-30", "liar.latency-30"]
    reason = "not timed, its proof does not hold: a revoked credential is answered 401: answered 200, expected 401"
    for record in records:
        assert record.footer is not None
        assert (record.footer.verdict, record.footer.reasons, record.samples) == ("INVALID", (reason,), ())
    assert [proof.arm for proof in progress.proofs] == ["liar"]
    assert progress.stages == ["starting 1 arms 0"]


def test_visitors_who_could_not_log_in_stop_the_run() -> None:
    """Measured without them a cell would lack its load; the reasons are told."""
    insist(LoggedIn(24, ()))
    with pytest.raises(NotReadyError, match="found 401 invalid-login, 503 store-down, expected 200; look at"):
        insist(LoggedIn(22, ("401 invalid-login", "503 store-down")))


@pytest.mark.stack
def test_schemes_bound_to_a_replica_are_known(foundation: Foundation) -> None:
    """From the traits, and nowhere else."""
    bound = {name for name, spec in SCHEMES.items() if spec.traits.needs_affinity}
    assert Surroundings(Alone(foundation.supervisor), SCHEMES, {}, "").needs_affinity == bound
    assert {"memory-session", "none"} & bound == {"memory-session"}


class Bereaved(Alone):
    """A source of load that has lost somebody."""

    lost = ("worker 1 of 2 (a) ended",)


@pytest.mark.stack
def test_nothing_is_loaded_without_a_lost_worker(benches: Mapping[str, ArmBench], supervisor: Supervisor) -> None:
    """Every cell that is left has an INVALID record, which says who was lost and what to do."""
    bench = benches["none"]
    plan = replace(PLAN, arms=(bench.plan,))
    around = Surroundings(Bereaved(supervisor), SCHEMES, {}, bench.password)
    records = list(load(plan, [bench], around, Watched()))
    assert [record.header.cell.id for record in records] == ["none.cpu-30", "none.latency-30"]
    for record in records:
        assert record.footer is not None
        (reason,) = record.footer.reasons
        assert reason.startswith("not loaded: worker 1 of 2 (a) ended, expected it to live through the run")
        assert (record.footer.verdict, record.samples) == ("INVALID", ())


def test_who_could_not_log_in_for_a_lost_worker_does_not_stop_the_run() -> None:
    """The cells say so themselves."""
    insist(LoggedIn(12, ("0 refused",), ("worker 1 of 2 (a) ended",)))
