"""What gates are measured on: a cell names an arm, and progress is told in lines."""

from bench.gates.ground import Teller, arm_of
from bench.gates.model import CellName
from bench.measure.proof import Check, Proof


def test_equal_cells_name_one_arm() -> None:
    """The scheme's own carrier may be named or not; whatever else differs is another arm."""
    told, meant = CellName("redis-session", carrier="cookie"), CellName("redis-session")
    assert arm_of(told, 12) == arm_of(meant, 12)
    others = (CellName("redis-session", 2), CellName("redis-session", balancing="sticky"), CellName("none"))
    assert len({arm_of(cell, 12).id for cell in (meant, *others)}) == 1 + len(others)


def test_progress_is_told_in_lines() -> None:
    """What begins, how long it takes where that is known, and what a proof has against an arm."""
    lines: list[str] = []
    teller = Teller(lines.append)
    teller.stage("starting")
    teller.stage("loading", seconds=6)
    teller.proven(Proof("arm", (Check("it holds", "yes", holds=True),)))
    teller.proven(Proof("arm", (Check("a claim", "counted 2", holds=False),)))
    assert lines == ["starting", "loading (6 s)", "arm: a claim: counted 2"]
