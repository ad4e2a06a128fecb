"""Assignments: what a generator process is handed survives the file and is nobody else's to read."""

import stat
from pathlib import Path

from loadtests.assignment import Assignment, Target, read_assignment, write_assignment
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan

ARM = ArmPlan("none-bearer-1", "none", "bearer", 1, "roundrobin", "steady", 3)
PLAN = BlockPlan(0, 7, (ARM,), (SlicePlan("cpu", 40.0, 5, pinned=True),))
ASSIGNMENT = Assignment(PLAN, (Target("127.0.0.1", 8080),), "a password", timeout_s=2.5)


def test_an_assignment_survives_its_file(tmp_path: Path) -> None:
    """The process reads the equal assignment."""
    write_assignment(tmp_path / "assignment.json", ASSIGNMENT)
    assert read_assignment(tmp_path / "assignment.json") == ASSIGNMENT


def test_the_password_is_its_owners(tmp_path: Path) -> None:
    """The file is readable by its owner alone, and no representation of the value holds the password."""
    path = tmp_path / "assignment.json"
    write_assignment(path, ASSIGNMENT)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert ASSIGNMENT.password not in repr(ASSIGNMENT)


def test_every_visitor_is_its_own_user() -> None:
    """Visitor numbers map to distinct user names of one width."""
    names = [ASSIGNMENT.username(number) for number in (0, 1, 999_999)]
    assert names == ["user-000000", "user-000001", "user-999999"]
