"""The list of selfchecks: every check there is, by its own name, with a claim a reader can hold it to."""

import ast
from pathlib import Path

import pytest

from bench import selfcheck
from bench.selfcheck.catalogue import SELFCHECKS
from bench.selfcheck.check import Selfcheck

FOLDER = Path(selfcheck.__file__).parent


def _has_check(path: Path) -> bool:
    """Whether a module defines CHECK."""
    targets = [one for node in ast.parse(path.read_text(encoding="utf-8")).body for one in getattr(node, "targets", [])]
    return any(isinstance(one, ast.Name) and one.id == "CHECK" for one in targets)


def test_no_check_is_forgotten() -> None:
    """Every module that defines a check has it in the list, and the list has no other."""
    modules = {path.stem for path in FOLDER.glob("*.py") if _has_check(path)}
    assert {check.run.__module__.rpartition(".")[2] for check in SELFCHECKS.values()} == modules


@pytest.mark.parametrize("check", SELFCHECKS.values(), ids=SELFCHECKS.keys())
def test_a_check_can_be_told_in_a_line(check: Selfcheck) -> None:
    """A name that can be typed, a claim and a duration, each without a line break; it is listed under its own name."""
    assert SELFCHECKS[check.name] is check
    assert check.name.isidentifier()
    assert check.claim
    assert "\n" not in check.claim
    number, unit = check.takes.split()
    assert number.isdecimal()
    assert unit in {"s", "min"}
