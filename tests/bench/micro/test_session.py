"""A measurement ends in figures of what was asked for, whatever surrounds it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.measure.proof import Proof
from bench.micro.effort import Effort
from bench.micro.session import DOCUMENT, _failure, figures_of, measure
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from tests.fleet import unmeasured

NEVER_STARTED: Any = None
TINY = Effort(turns=2, turn_us=200, calls_max=5, paced_calls=1, floor_turns=6, takes_s=5)
SOME = (
    "verify and redis-session- or (jwt-es256 and not claims) or get and Unix or harness and test_hash or rsa and 2048"
)


class Said:
    """Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """What happens, in order."""
        self.stages.append(text)
        assert seconds >= 0

    def proven(self, proof: Proof) -> None:
        """Nothing is proven here."""


@pytest.mark.stack
def test_figures_come_of_real_calls(supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those selected, every one of them timed hot and cold, with its floor and its store where it has one.

    Options that are meant for another pytest are not ours.
    """
    monkeypatch.setenv("PYTEST_ADDOPTS", "--no-such-option")
    monkeypatch.chdir("/")
    said = Said()
    with unmeasured():  # a benchmark under a tracer is none
        found = measure(supervisor, replace(TINY, select=SOME), tmp_path, said)
    assert found == figures_of(json.loads((tmp_path / DOCUMENT).read_text()))
    by_name = {(figure.group, figure.subject, figure.case): figure for figure in found}
    assert {"issue", "verify", "store get", "password hash"} <= {group for group, _, _ in by_name}
    assert all(min(figure.hot_us.value, figure.wall_us.value) > 0 for figure in found)
    signature = by_name["verify", "jwt-es256", "valid"]
    assert (signature.server_us, [floor.name for floor in signature.floors]) == (None, ["hardened jwt.decode"])
    lookup = by_name["store get", "Valkey over a Unix socket", "session"]
    assert lookup.server_us is not None
    assert [floor.kind for floor in lookup.floors] == ["library", "wire"]
    assert said.stages[0] == "starting Valkey and PostgreSQL"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        ("FAILED a.py::test_issue - boom\nERROR b.py\n1 failed in 1s\n", "FAILED a.py::test_issue - boom"),
        ("130 deselected in 0.5s\n", "130 deselected in 0.5s"),
        ("python: No module named pytest\n\n", "python: No module named pytest"),
    ],
)
def test_a_failure_is_told_in_one_line(log: str, expected: str, tmp_path: Path) -> None:
    """The first test that failed; else the last thing that was said."""
    (tmp_path / "micro.log").write_text(log)
    process = Process(Command("micro", (), tmp_path), NEVER_STARTED, tmp_path / "micro.log")
    assert _failure(process) == expected
