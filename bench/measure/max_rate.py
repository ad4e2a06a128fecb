"""The highest rate under an SLO, arm by arm: searched by one process set, verified by five others, all kept."""

import time
from dataclasses import dataclass
from functools import partial

from bench.analysis.ladder import LADDER, START
from bench.measure import environment
from bench.measure.block import Progress, Surroundings, insist, refused_record
from bench.measure.crew import LoadLostError, generators
from bench.measure.generator import BlockGenerator, Generators
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Loading
from bench.measure.probe_verdict import judge_probe
from bench.measure.proof import Proof, prove
from bench.measure.rate_search import Search
from bench.measure.run import PASSWORD_PROFILE, SPARE_USERS, concluded
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment
from loadtests.plan import ArmPlan, BlockPlan
from services.settings import Settings

CALM_S = 5.0
"""How long a machine that disturbed a probe is left alone."""


def search(run: Search, progress: Progress) -> None:
    """Search and verify the highest rate of every arm. Whatever ends it early, what was measured is kept and marked.

    NotReadyError when the stack does not come up or the disk will not take a record; LoadLostError when a worker does
    not live through it.
    """
    with concluded(run), Supervisor(run.directory.logs) as supervisor:
        run.describe()
        with generators(supervisor, run.spread) as source:
            progress.stage("starting PostgreSQL and making users")
            rig = _rig(run, supervisor, source)
            for process_set in range(run.sets + 1):
                _measure_round(run, process_set, rig, progress)


@dataclass(frozen=True, slots=True)
class _Rig:
    """What is the same for all process sets."""

    foundation: Foundation
    around: Surroundings


def _rig(run: Search, supervisor: Supervisor, source: Generators) -> _Rig:
    settings = Settings(password_profile=PASSWORD_PROFILE)
    users = run.choices.visitors + SPARE_USERS
    foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, users)
    password = foundation.users_password_file.read_text(encoding="utf-8")
    return _Rig(foundation, Surroundings(source, run.catalogue, environment.to_jsonable(run.environment), password))


def _measure_round(run: Search, process_set: int, rig: _Rig, progress: Progress) -> None:
    """Each arm once, alone on the machine, so that a slow hour hits none of them more than the others."""
    for arm in run.order(process_set):
        what = "searching" if not process_set else f"verifying {process_set}/{run.sets}"
        _measure_set(run, arm, process_set, rig, _Named(progress, f"{what}, {arm.id}"))
        if rig.around.generators.lost:
            raise LoadLostError("; ".join(rig.around.generators.lost))
        run.describe()
    run.sets_done = process_set


def _measure_set(run: Search, arm: ArmPlan, process_set: int, rig: _Rig, progress: Progress) -> None:
    """One fresh process set: proven, logged in, then offered rate after rate."""
    plan, around = run.block(arm, process_set), rig.around
    progress.stage("starting its servers")
    with Stack(plan.arms, rig.foundation, seed=plan.seed) as stack:
        bench = ArmBench(stack.arms[arm.id], around.user_password)
        proof = prove(bench, around.catalogue[arm.scheme].traits)
        run.proven(proof)
        progress.proven(proof)
        if not proof.holds:
            _refuse(run, plan, proof, around)
            return
        assignment = Assignment(plan, (bench.address,), around.user_password)
        with around.generators.open(f"generator-{arm.id}-{process_set}", assignment) as generator:
            progress.stage(f"logging in {arm.visitors} visitors")
            insist(generator.log_in())
            _offer(run, plan, _loading(run, plan, bench, generator, around), progress)


def _loading(run: Search, plan: BlockPlan, bench: ArmBench, generator: BlockGenerator, around: Surroundings) -> Loading:
    judged = partial(judge_probe, slo_ms=run.choices.slo_ms)
    return Loading(plan, [bench], generator, around.facts, around.needs_affinity, judged=judged)


def _refuse(run: Search, plan: BlockPlan, proof: Proof, around: Surroundings) -> None:
    """One record says why none of the rates was offered."""
    (cell,) = plan.cells(plan.slices[START])
    reasons = tuple(f"not timed, its proof does not hold: {failure}" for failure in proof.failures)
    run.keep(refused_record(cell, plan, around.facts, reasons))


def _offer(run: Search, plan: BlockPlan, loading: Loading, progress: Progress) -> None:
    """One rate after the other, until the set has shown what it is to show."""
    (arm,) = plan.arms
    while (rung := run.next_rung(arm, plan.index)) is not None:
        if run.was_disturbed(arm):
            progress.stage("waiting for the machine to calm down", seconds=CALM_S)
            time.sleep(CALM_S)
        progress.stage(f"{LADDER[rung]:,g} requests/s", seconds=plan.slices[rung].seconds)
        (record,) = loading.measure(rung)
        run.keep(record)


@dataclass(frozen=True, slots=True)
class _Named:
    """Says of which set progress is told."""

    progress: Progress
    name: str

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """See Progress."""
        self.progress.stage(f"{self.name}: {text}", seconds=seconds)

    def proven(self, proof: Proof) -> None:
        """See Progress."""
        self.progress.proven(proof)
