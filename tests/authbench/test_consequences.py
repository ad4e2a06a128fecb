"""`authbench consequences`: what it lists, refuses, leaves behind, and how it is judged."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from authbench.consequences import judge
from authbench.exits import Exit
from bench.analysis.model import Verdict
from bench.consequences.catalogue import EXPERIMENTS
from bench.consequences.model import Outcome
from bench.measure.rundir import CONSEQUENCES, RunDirectory
from tests.authbench.conftest import Answer, Ask

OPTIONS = ("session-limit", "memory-session", "--seed", "7")
BAD = {
    "an unknown experiment": (["kill-a-replca"], "experiment 'kill-a-replca' unknown; .*did you mean kill-a-replica"),
    "nothing like one": (["xyz"], "experiment 'xyz' unknown; one of: add-a-server, [^;]*$"),
    "an unknown scheme": (["redeploy", "jwt-hs265"], "scheme 'jwt-hs265' unknown; .*did you mean jwt-hs256"),
    "whom it does not concern": (["bff-restart", "none"], "'bff-restart' does not concern none; it concerns: .*bff"),
    "an unknown profile": (["--profile", "rigorous"], "'rigorous' .choose from 'quick',"),
}


@pytest.fixture(scope="module")
def conducted(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunDirectory, Answer]:
    """One experiment of one scheme, as a user runs it."""
    folder = tmp_path_factory.mktemp("consequences")
    argv = [sys.executable, "-m", "authbench", "consequences", *OPTIONS, "-o", "first"]
    ended = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"}
    )
    return RunDirectory(folder / "first"), Answer(ended.returncode, ended.stdout, ended.stderr)


@pytest.mark.parametrize(("argv", "told"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_nothing_is_written(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], told: str
) -> None:
    """What cannot be meant is told in one line, with exit code 2, before anything is made."""
    monkeypatch.chdir(tmp_path)
    answer = ask("consequences", *argv)
    assert answer.code == Exit.USAGE
    assert re.search(told, answer.complaint)
    assert list(tmp_path.iterdir()) == []


def test_the_list_explains_every_experiment(ask: Ask) -> None:
    """Each in a line of its own, by its name, with what is found there; none is wider than a terminal."""
    answer = ask("consequences", "--list")
    assert answer.code == Exit.OK
    assert [line.split()[0] for line in answer.out.splitlines()] == list(EXPERIMENTS)
    assert max(map(len, answer.out.splitlines())) <= 80


def test_every_experiment_can_be_told_in_a_line() -> None:
    """It is listed under its own name; question and fault are one line each; what is plotted has an axis."""
    for name, experiment in EXPERIMENTS.items():
        assert name == experiment.name
        assert experiment.fault.count("\n") == experiment.question.count("\n") == 0
        assert bool(experiment.axis) == bool(experiment.plots)


@pytest.mark.stack
def test_it_is_conducted_kept_and_told(conducted: tuple[RunDirectory, Answer]) -> None:
    """Real logins against a real limit: outcomes and their control in the document, a table, a page."""
    directory, answer = conducted
    assert answer.code == Exit.OK, answer.err
    assert "session-limit" in answer.out
    assert f"report: {directory.report.relative_to(directory.path.parent)}" in answer.out
    assert max(map(len, answer.out.splitlines())) <= 80
    document = directory.document(CONSEQUENCES)
    assert (document["status"], document["planned"]) == ("complete", ["session-limit"])
    assert document["command"] == f"authbench consequences {' '.join(OPTIONS)}"
    outcomes = document["experiments"][0]["outcomes"]
    assert {outcome["is_control"] for outcome in outcomes} == {True, False}
    assert "<h1" in directory.report.read_text(encoding="utf-8")


@pytest.mark.stack
def test_a_report_is_made_again(ask: Ask, conducted: tuple[RunDirectory, Answer]) -> None:
    """From consequences.json alone, byte for byte; --json prints what was found."""
    directory, answer = conducted
    before = directory.report.read_bytes()
    directory.report.unlink()
    assert ask("report", directory.path).out.splitlines()[:-1] == answer.out.splitlines()[:-1]
    assert directory.report.read_bytes() == before
    told = json.loads(ask("report", directory.path, "--json").out)
    assert [experiment["name"] for experiment in told] == ["session-limit"]


@pytest.mark.parametrize(
    ("statuses", "strict", "expected"),
    [
        (("VALID", "INVALID"), False, Exit.OK),
        (("VALID", "INVALID"), True, Exit.NOTHING_VALID),
        (("VALID", "UNPROVEN"), True, Exit.OK),
        (("INVALID", "UNPROVEN"), False, Exit.NOTHING_VALID),
        ((), False, Exit.NOTHING_VALID),
    ],
)
def test_judgement(statuses: tuple[str, ...], strict: bool, expected: Exit) -> None:  # noqa: FBT001 - a case
    """0 as soon as one outcome can be believed, a control does not count; strictly none may be INVALID."""
    verdicts = [Verdict(status) for status in statuses]  # type: ignore[arg-type]
    found = [Outcome("e", "s", "here", "", (), verdict) for verdict in verdicts]
    control = Outcome("e", "s", "there", "", (), Verdict("VALID"), is_control=True)
    assert judge([*found, control], strict=strict) == expected
