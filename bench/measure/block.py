"""One block: all arms started afresh, proven, logged in, then loaded side by side, slice after slice."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Protocol

from bench.measure.generator import GeneratorProcess
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Loading, refused_record
from bench.measure.proof import Proof, prove
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.stack import Stack
from loadtests.assignment import Assignment, Target
from loadtests.orders import LoggedIn
from loadtests.plan import BlockPlan
from loadtests.record import Record
from services.contract import SchemeSpec


class Progress(Protocol):
    """Told what is happening while it happens."""

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Something begins; `seconds` is how long it is known to take, 0 when that is not known."""
        ...

    def proven(self, proof: Proof) -> None:
        """An arm's proof is complete."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for every block of a run."""

    foundation: Foundation
    catalogue: Mapping[str, SchemeSpec]
    facts: Mapping[str, object]
    """The environment as records state it."""

    @property
    def user_password(self) -> str:
        """What opens every seeded account."""
        return self.foundation.users_password_file.read_text(encoding="utf-8")

    @property
    def needs_affinity(self) -> frozenset[str]:
        """Schemes whose credential works only on the replica that issued it."""
        return frozenset(name for name, spec in self.catalogue.items() if spec.traits.needs_affinity)


def run_block(plan: BlockPlan, around: Surroundings, progress: Progress) -> Iterator[Record]:
    """Measure one block; yields each record as soon as it is judged.

    An arm whose proof does not hold is not timed: its records say so. NotReadyError when the stack does not come up.
    """
    progress.stage(f"starting {len(plan.arms)} arms")
    with Stack(plan.arms, around.foundation, seed=plan.seed) as stack:
        benches = [ArmBench(stack.arms[arm.id], around.user_password) for arm in plan.arms]
        proofs = [_prove(bench, around, progress) for bench in benches]
        for proof in proofs:
            yield from _not_timed(plan, proof, around)
        kept = [bench for bench, proof in zip(benches, proofs, strict=True) if proof.holds]
        if kept:
            yield from _load(replace(plan, arms=tuple(bench.plan for bench in kept)), kept, around, progress)


def _prove(bench: ArmBench, around: Surroundings, progress: Progress) -> Proof:
    proof = prove(bench, around.catalogue[bench.plan.scheme].traits)
    progress.proven(proof)
    return proof


def _not_timed(plan: BlockPlan, proof: Proof, around: Surroundings) -> Iterator[Record]:
    if not proof.holds:
        cells = (cell for piece in plan.slices for cell in plan.cells(piece) if cell.arm == proof.arm)
        reasons = tuple(f"not timed, its proof does not hold: {failure}" for failure in proof.failures)
        yield from (refused_record(cell, plan, around.facts, reasons) for cell in cells)


def _load(plan: BlockPlan, benches: Sequence[ArmBench], around: Surroundings, progress: Progress) -> Iterator[Record]:
    targets = tuple(Target(*bench.address) for bench in benches)
    assignment = Assignment(plan, targets, around.user_password)
    with ExitStack() as entered:
        process = GeneratorProcess(around.foundation.supervisor, f"generator-{plan.index}", assignment)
        generator = entered.enter_context(process)
        progress.stage(f"logging in {sum(arm.visitors for arm in plan.arms)} visitors")
        _insist(generator.log_in())
        loading = Loading(plan, benches, generator, around.facts, around.needs_affinity)
        progress.stage("measuring what the servers consume without load")
        loading.measure_idle()
        for number, piece in enumerate(plan.slices):
            total = piece.rate_rps * len(plan.arms)
            progress.stage(
                f"{piece.purpose} cells: {total:g} requests/s over {len(plan.arms)} arms", seconds=piece.seconds
            )
            yield from loading.measure(number)


def _insist(logged_in: LoggedIn) -> None:
    if logged_in.failures:
        found = ", ".join(logged_in.failures)
        message = f"not every visitor could log in: found {found}, expected 200; look at the replicas' logs of the run"
        raise NotReadyError(message)
