"""Blocks of real servers: each arm runs from the tree of its part, on stores that both know."""

import shutil
import sys
from pathlib import Path

import pytest

import services
from bench.gates import blocks
from bench.gates.blocks import laboratory
from bench.gates.model import Tree
from bench.gates.tree import Trees
from bench.stack.postgres import PostgresCluster
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan

HEADER, CHANGED = '("X-Replica", replica)', '("X-Replica", replica + "-of-theirs")'
ARMS = (
    ArmPlan("ours", "none", "bearer", 1, "roundrobin", "steady", 1),
    ArmPlan("theirs", "bff", "cookie", 1, "roundrobin", "steady", 1),
)
PLAN = BlockPlan(0, 1, ARMS, (SlicePlan("latency", 20, 1, pinned=False),))


@pytest.mark.stack
def test_an_arm_runs_from_the_tree_of_its_part(
    tmp_path: Path, postgres: PostgresCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of the services that answers under another name is heard of on its arm alone."""
    room = Path(services.__file__).parent
    shutil.copytree(room, tmp_path / "services", ignore=shutil.ignore_patterns("__pycache__"))
    answers = tmp_path / "services" / "answers.py"
    text = answers.read_text(encoding="utf-8")
    assert HEADER in text
    answers.write_text(text.replace(HEADER, CHANGED), encoding="utf-8")
    monkeypatch.setattr(blocks, "start_postgres", lambda _: postgres)  # the one that all tests share
    python, told = Path(sys.executable), list[str]()
    trees = Trees(Tree(room.parent, python, "base"), Tree(tmp_path, python, "candidate"))
    with laboratory(trees, 1, told.append) as measured:
        records = list(measured(PLAN, {"ours": "base-again", "theirs": "candidate"}))
    heard = {record.header.cell.arm: {sample.replica for sample in record.samples} for record in records}
    assert heard == {"ours": {"replica-1"}, "theirs": {"bff-1-of-theirs"}}
    assert told[-1] == "load block 1: latency cells: 40 requests/s over 2 arms, 1 s"
