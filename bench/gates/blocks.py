"""Blocks of fresh servers from two trees, each measured once and when it is first asked for."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.gates.cells import ROLES, Asked, Block, Role, arm_id, plan_block, read_block
from bench.gates.model import CellName, Tree
from bench.gates.tree import Trees
from bench.measure.block import Surroundings, run_block
from bench.measure.crew import Spread, generators
from bench.measure.proof import Proof
from bench.measure.run import PASSWORD_PROFILE, SPARE_USERS
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.source import Source
from bench.stack.supervisor import Supervisor
from loadtests.plan import BlockPlan
from loadtests.record import Record
from services.catalogue import schemes
from services.settings import Settings

Told = Callable[[str], None]
Measured = Callable[[BlockPlan, Mapping[str, Role]], Iterator[Record]]
"""Measures one block; who plays which part, by arm."""


class Series:
    """The blocks of some cells, in the order in which they are measured. `questions`: what is to be known of each."""

    def __init__(self, questions: Sequence[Asked], measured: Measured) -> None:
        self.blocks: list[Block] = []
        self._questions = questions
        self._measured = measured

    @property
    def cells(self) -> tuple[CellName, ...]:
        """Each once."""
        return tuple(dict.fromkeys(asked.cell for asked in self._questions))

    def block(self, number: int) -> Block:
        """Block `number` from 0; blocks until it is measured."""
        while len(self.blocks) <= number:
            plan = plan_block(self.cells, {asked.metric for asked in self._questions}, len(self.blocks))
            roles = {arm_id(cell, role): role for cell in self.cells for role in ROLES}
            self.blocks.append(read_block(self._measured(plan, roles), self._questions))
        return self.blocks[number]


@dataclass(frozen=True, slots=True)
class _Telling:
    """Progress of a block, as short lines."""

    told: Told
    block: int

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """What begins, and how long it takes where that is known."""
        lasts = f", {seconds:g} s" if seconds else ""
        self.told(f"load block {self.block + 1}: {text}{lasts}")

    def proven(self, _proof: Proof) -> None:
        """Arms of other trees are not proven."""


@contextmanager
def laboratory(trees: Trees, users: int, told: Told) -> Iterator[Measured]:
    """Where blocks of arms from both trees are measured, on one PostgreSQL whose users are seeded by our services.

    NotReadyError where the services of a tree do not come up, or nobody can log in there: they may need other tables.
    """
    with (
        tempfile.TemporaryDirectory(prefix="authbench-logs-") as logs,
        Supervisor(Path(logs)) as supervisor,
        generators(supervisor, Spread()) as source,
    ):
        told("load: starting PostgreSQL and making users")
        settings = Settings(password_profile=PASSWORD_PROFILE)
        foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, users + SPARE_USERS)
        password = foundation.users_password_file.read_text(encoding="utf-8")
        around = Surroundings(source, schemes(), {}, password)
        base, candidate = (_source(tree) for tree in (trees.base, trees.candidate))

        def measured(plan: BlockPlan, roles: Mapping[str, Role]) -> Iterator[Record]:
            sources = {arm: candidate if role == "candidate" else base for arm, role in roles.items()}
            return run_block(plan, foundation, around, _Telling(told, plan.index), sources=sources)

        yield measured


def _source(tree: Tree) -> Source:
    return Source(tree.python, tree.path)
