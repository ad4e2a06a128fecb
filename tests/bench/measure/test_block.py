"""A block: an arm that cannot be proven is recorded and not timed, and nobody is measured who could not log in."""

import pytest

from bench.measure.block import Surroundings, _insist, run_block
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from loadtests.orders import LoggedIn
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.catalogue import SCHEMES
from tests.bench.measure.conftest import Watched, lying

ARM = ArmPlan("liar", "jwt-hs256", "bearer", 1, "roundrobin", "steady", 24)
PLAN = BlockPlan(2, 1, (ARM,), (SlicePlan("cpu", 30, 1, pinned=False), SlicePlan("latency", 30, 1, pinned=False)))


@pytest.mark.stack
def test_an_arm_whose_proof_fails_is_not_timed(foundation: Foundation) -> None:
    """One INVALID record a cell with the failure in it; with no arm left no load is generated at all."""
    around = Surroundings(foundation, {**SCHEMES, "jwt-hs256": lying()}, {"kernel": "Linux"})
    progress = Watched()
    records = list(run_block(PLAN, around, progress))
    assert [record.header.cell.id for record in records] == ["liar.cpu-30", "liar.latency-30"]
    reason = "not timed, its proof does not hold: a revoked credential is answered 401: answered 200, expected 401"
    for record in records:
        assert record.footer is not None
        assert (record.footer.verdict, record.footer.reasons, record.samples) == ("INVALID", (reason,), ())
    assert [proof.arm for proof in progress.proofs] == ["liar"]
    assert progress.stages == ["starting 1 arms 0"]


def test_visitors_who_could_not_log_in_stop_the_run() -> None:
    """Measured without them a cell would lack its load; the reasons are told."""
    _insist(LoggedIn(24, ()))
    with pytest.raises(NotReadyError, match="found 401 invalid-login, 503 store-down, expected 200; look at"):
        _insist(LoggedIn(22, ("401 invalid-login", "503 store-down")))


@pytest.mark.stack
def test_schemes_bound_to_a_replica_are_known(foundation: Foundation) -> None:
    """From the traits, and nowhere else."""
    bound = {name for name, spec in SCHEMES.items() if spec.traits.needs_affinity}
    assert Surroundings(foundation, SCHEMES, {}).needs_affinity == bound
    assert {"memory-session", "none"} & bound == {"memory-session"}
