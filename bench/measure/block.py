"""One block: all arms started afresh, proven, logged in, then loaded side by side, slice after slice."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Protocol

from bench.measure.generator import Generators
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Loading, Rates, Subject
from bench.measure.proof import Proof, prove
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation
from bench.stack.source import Source
from bench.stack.stack import Stack
from loadtests.assignment import Assignment
from loadtests.deliveries import worker_lost
from loadtests.orders import LoggedIn
from loadtests.plan import BlockPlan, CellPlan, SlicePlan
from loadtests.record import Counts, Footer, Header, Record
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

    generators: Generators
    catalogue: Mapping[str, SchemeSpec]
    facts: Mapping[str, object]
    """The environment as records state it."""
    user_password: str = field(repr=False)
    """What opens every seeded account."""

    @property
    def needs_affinity(self) -> frozenset[str]:
        """Schemes whose credential works only on the replica that issued it."""
        return frozenset(name for name, spec in self.catalogue.items() if spec.traits.needs_affinity)


def run_block(
    plan: BlockPlan,
    foundation: Foundation,
    around: Surroundings,
    progress: Progress,
    *,
    sources: Mapping[str, Source] = MappingProxyType({}),
) -> Iterator[Record]:
    """Measure one block on arms of our own; yields each record as soon as it is judged.

    An arm whose proof does not hold is not timed: its records say so. `sources`: what the services of an arm run from,
    where it is not what is installed here; such an arm is not proven, as our traits are not a promise of other code.
    NotReadyError when the stack does not come up.
    """
    progress.stage(f"starting {len(plan.arms)} arms")
    with Stack(plan.arms, foundation, seed=plan.seed, sources=sources) as stack:
        benches = [ArmBench(stack.arms[arm.id], around.user_password) for arm in plan.arms]
        proofs = [_prove(bench, around, progress) for bench in benches if bench.plan.id not in sources]
        for proof in proofs:
            yield from not_timed(plan, proof, around)
        liars = {proof.arm for proof in proofs if not proof.holds}
        kept = [bench for bench in benches if bench.plan.id not in liars]
        if kept:
            yield from load(replace(plan, arms=tuple(bench.plan for bench in kept)), kept, around, progress)


def _prove(bench: ArmBench, around: Surroundings, progress: Progress) -> Proof:
    proof = prove(bench, around.catalogue[bench.plan.scheme].traits)
    progress.proven(proof)
    return proof


def not_timed(plan: BlockPlan, proof: Proof, around: Surroundings) -> Iterator[Record]:
    """An INVALID record for every cell of an arm whose proof does not hold; none where it does."""
    if not proof.holds:
        cells = (cell for piece in plan.slices for cell in plan.cells(piece) if cell.arm == proof.arm)
        reasons = tuple(f"not timed, its proof does not hold: {failure}" for failure in proof.failures)
        yield from (refused_record(cell, plan, around.facts, reasons) for cell in cells)


def load(
    plan: BlockPlan,
    benches: Sequence[Subject],
    around: Surroundings,
    progress: Progress,
    *,
    idle: Mapping[str, Rates] | None = None,
) -> Iterator[Record]:
    """Load the arms of `plan`, whose `benches` stand in the same order, with visitors of their own.

    `idle`: what each arm's processes consume without load; None: it is measured. NotReadyError when not all visitors
    can log in.
    """
    targets = tuple(bench.address for bench in benches)
    assignment = Assignment(plan, targets, around.user_password)
    with around.generators.open(f"generator-{plan.index}", assignment) as generator:
        progress.stage(f"logging in {sum(arm.visitors for arm in plan.arms)} visitors")
        insist(generator.log_in())
        loading = Loading(plan, benches, generator, around.facts, around.needs_affinity)
        if idle is None:
            progress.stage("measuring what the servers consume without load")
            loading.measure_idle()
        else:
            loading.assume_idle(idle)
        for number, piece in enumerate(plan.slices):
            if around.generators.lost:
                yield from _not_loaded(plan, piece, around)
                continue
            total = piece.rate_rps * len(plan.arms)
            progress.stage(
                f"{piece.purpose} cells: {total:g} requests/s over {len(plan.arms)} arms", seconds=piece.seconds
            )
            yield from loading.measure(number)


def _not_loaded(plan: BlockPlan, piece: SlicePlan, around: Surroundings) -> Iterator[Record]:
    reasons = tuple(f"not loaded: {worker_lost(lost)}" for lost in around.generators.lost)
    yield from (refused_record(cell, plan, around.facts, reasons) for cell in plan.cells(piece))


def insist(logged_in: LoggedIn) -> None:
    """NotReadyError where a visitor could not log in, though no worker was lost."""
    if logged_in.failures and not logged_in.lost:
        found = ", ".join(logged_in.failures)
        message = f"not every visitor could log in: found {found}, expected 200; look at the logs of the services"
        raise NotReadyError(message)


def refused_record(cell: CellPlan, block: BlockPlan, facts: Mapping[str, object], reasons: tuple[str, ...]) -> Record:
    """The record of a cell that was not timed because its arm's proof did not hold."""
    company = tuple(sorted(arm.id for arm in block.arms))
    footer = Footer(
        Counts(0, 0, 0, None),
        "INVALID",
        reasons,
        disturbed=False,
        idle_cpu_ns_per_s={},
        store_commands=None,
        generator_cpu_ratio=None,
        loop_lag_ns=None,
    )
    return Record(Header(cell, block.index, company, facts), footer=footer)
