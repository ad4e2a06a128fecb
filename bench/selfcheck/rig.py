"""A one-arm stack with its generator, as selfchecks disturb it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure.crew import Spread, generators
from bench.measure.generator import BlockGenerator
from bench.measure.laboratory import ArmBench
from bench.measure.run import PASSWORD_PROFILE, SPARE_USERS
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.settings import Settings

ALONE = Spread()


@dataclass(frozen=True, slots=True)
class Rig:
    """One arm under one generator, its visitors logged in."""

    plan: BlockPlan
    bench: ArmBench
    generator: BlockGenerator


@contextmanager
def supervisor() -> Iterator[Supervisor]:
    """Processes of a selfcheck; their logs go with them."""
    with tempfile.TemporaryDirectory(prefix="authbench-selfcheck-") as logs, Supervisor(Path(logs)) as started:
        yield started


@contextmanager
def rig(arm: ArmPlan, *slices: SlicePlan, seed: int = 1, spread: Spread = ALONE) -> Iterator[Rig]:
    """Start everything for `arm` and log its visitors in. NotReadyError."""
    plan = BlockPlan(0, seed, (arm,), slices)
    with supervisor() as started, generators(started, spread) as source:
        settings = Settings(password_profile=PASSWORD_PROFILE)
        foundation = lay_foundation(started, start_postgres(started), settings, arm.visitors + SPARE_USERS)
        password = foundation.users_password_file.read_text(encoding="utf-8")
        with Stack(plan.arms, foundation) as stack:
            bench = ArmBench(stack.arms[arm.id], password)
            assignment = Assignment(plan, (bench.address,), password)
            with source.open("generator", assignment) as generator:
                generator.log_in()
                yield Rig(plan, bench, generator)
