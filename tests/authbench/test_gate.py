"""`authbench gate`: exit codes, what is written and where, what it refuses, and one run to its end."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from authbench import gate
from authbench.exits import Exit
from bench.gates import run, selftest
from bench.gates.model import GateRun, GateStatus
from bench.gates.run import Asked
from bench.gates.selftest import Trial
from tests.authbench.conftest import Ask
from tests.reports import made_up_gates as made_up

ROOT = Path(__file__).parents[2]
GATES = """[gates.verify]
kind = "relative"
scheme = "jwt-hs256"
step = "verify"
margin = 0.2
"""
WRITTEN = {"gate.json", "junit.xml", "summary.md", "comment.md", "benchmark.json"}


def run_of(statuses: Sequence[GateStatus]) -> GateRun:
    """A gate for each status."""
    return made_up.of(*(replace(made_up.SLOW, status=status) for status in statuses))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with one gate, where the command is called; no CI."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "gates.toml").write_text(GATES)
    monkeypatch.chdir(folder)
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    return folder


def judged(monkeypatch: pytest.MonkeyPatch, found: GateRun) -> list[Asked]:
    """What the gates will come to, whatever is asked; what was asked."""
    asked = list[Asked]()

    def judge(what: Asked, _: object) -> GateRun:
        asked.append(what)
        return found

    monkeypatch.setattr(run, "judge", judge)
    return asked


@pytest.mark.parametrize(
    ("statuses", "code"),
    [
        (("pass", "pass"), Exit.OK),
        (("pass", "inconclusive", "fail"), Exit.GATE_FAILED),
        (("pass", "inconclusive"), Exit.INCONCLUSIVE),
        ((), Exit.NOTHING_VALID),
    ],
)
def test_the_exit_code_is_the_worst_of_what_blocks(
    ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch, statuses: Sequence[GateStatus], code: Exit
) -> None:
    """0 pass, 1 fail, 5 inconclusive, 4 nothing judged; every form is written, whatever it came to."""
    judged(monkeypatch, run_of(statuses))
    answer = ask("gate", "-o", project / "out")
    assert answer.code == code
    assert {path.name for path in (project / "out").iterdir() if path.is_file()} == WRITTEN
    assert f"written to: {project / 'out'}" in answer.out.replace("\n", "")


def test_what_was_asked_is_what_is_judged(ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Base, machine and budget come through; without a budget the configuration's stands."""
    asked = judged(monkeypatch, run_of(("pass",)))
    ask("gate", "--base", "main", "--machine", "ci", "--budget", "7", "-o", project / "a")
    ask("gate", "-o", project / "b")
    assert [(one.base, one.machine, one.config.budget_s) for one in asked] == [("main", "ci", 7), (None, None, 300)]
    assert {one.candidate for one in asked} == {project}


def test_json_is_what_gate_json_holds(ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Standard output is one document, the same as the file's."""
    judged(monkeypatch, run_of(("pass", "fail")))
    answer = ask("gate", "--json", "-o", project / "out")
    assert json.loads(answer.out) == json.loads((project / "out" / "gate.json").read_text())


def test_github_gets_annotations_and_a_summary(ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On its runner alone; the summary is added to what other steps wrote."""
    judged(monkeypatch, run_of(("fail",)))
    summary = project / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert "::error" not in ask("gate", "-o", project / "a").err
    assert summary.read_text() == "before\n"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::error" in ask("gate", "-o", project / "b").err
    assert summary.read_text().startswith("before\n#")
    monkeypatch.delenv("GITHUB_STEP_SUMMARY")
    assert "::error" in ask("gate", "-o", project / "c").err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[gates.a]\nkind = 'relativ'\n", "relative"),
        ("[gates.a]\nkind = 'count'\nfigure = 'bytes-up'\nscheme = 'jwt-hs265'\nmost = 1\n", "jwt-hs256"),
        ("[gates\n", "gates.toml"),
    ],
)
def test_a_mistake_in_the_gates_is_one_line(ask: Ask, project: Path, text: str, words: str) -> None:
    """Exit code 2, nothing written."""
    (project / "gates.toml").write_text(text)
    answer = ask("gate", "-o", project / "out")
    assert answer.code == Exit.USAGE
    assert words in answer.complaint
    assert not (project / "out").exists()


def test_no_git_is_the_machine_s_fault(ask: Ask, project: Path) -> None:
    """Exit code 3 where a base is asked for and there is no repository."""
    answer = ask("gate", "--base", "main", "-o", project / "out")
    assert answer.code == Exit.NOT_READY
    assert "git" in answer.complaint


@pytest.mark.parametrize(
    ("words", "told"), [(("--slowdown", "0"), "above 0"), (("--gate", "nobody"), "one of: verify")]
)
def test_a_selftest_wants_what_there_is(ask: Ask, project: Path, words: tuple[str, ...], told: str) -> None:
    """A slowdown that is one, a gate that compares a call."""
    answer = ask("gate", "--selftest", "1", *words, "-o", project / "out")
    assert answer.code == Exit.USAGE
    assert told in answer.complaint
    (project / "gates.toml").write_text("[gates.c]\nkind='count'\nfigure='bytes-up'\nscheme='none'\nmost=1\n")
    assert "no gate that compares a call" in ask("gate", "--selftest", "-o", project / "out").complaint


def test_a_selftest_tells_rates_and_keeps_trials(ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line a trial, whatever came of it; the table has one for each slowdown, JSON as well; one cut short is kept."""
    trials = [Trial(0.0, "pass", 1.0, is_confirmed=False, took_s=4.0, raw=()) for _ in range(3)]
    trials.append(Trial(0.1, "fail", 1.1, is_confirmed=True, took_s=9.0, raw=(((0.1,),),)))
    monkeypatch.setattr(selftest, "run", lambda *_: iter(trials))
    answer = ask("gate", "--selftest", "-o", project / "a")
    assert answer.code == Exit.OK
    assert "+10%" in answer.out
    assert max(map(len, answer.out.partition("every pair:")[0].splitlines())) <= 80
    assert len((project / "a" / "trials.jsonl").read_text().splitlines()) == 4
    told = json.loads(ask("gate", "--selftest", "--json", "-o", project / "b").out)
    assert [rate["trials"] for rate in told] == [3, 1]

    def interrupted(*_: object) -> object:
        yield trials[0]
        raise KeyboardInterrupt

    monkeypatch.setattr(selftest, "run", interrupted)
    cut_short = ask("gate", "--selftest", "-o", project / "c")
    assert cut_short.code == Exit.INTERRUPTED
    assert len((project / "c" / "trials.jsonl").read_text().splitlines()) == 1


def test_an_interrupted_gate_is_no_verdict(ask: Ask, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 130, no file that might be taken for one."""

    def judge(*_: object) -> GateRun:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "judge", judge)
    assert ask("gate", "-o", project / "out").code == Exit.INTERRUPTED
    assert not {path.name for path in (project / "out").iterdir()} & WRITTEN


def test_every_status_has_an_exit_code() -> None:
    """All that a whole run can come to."""
    assert set(gate.CODES) == {"pass", "fail", "inconclusive", "void"}


@pytest.mark.stack
def test_a_commit_compares_with_itself(ask: Ask, project: Path) -> None:
    """A real base in a worktree of its own, fresh processes of both: no failure, and nothing left of the worktree."""
    for name in ("services", "deploy"):
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, project / name)
    (project / "pyproject.toml").write_text((project / "pyproject.toml").read_text().partition("[tool.authbench")[0])
    for words in (("init", "-q", "-b", "main"), ("add", "-A"), ("commit", "-q", "-m", "all")):
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *words], cwd=project, check=True)
    answer = ask("gate", "--base", "main", "-o", project.parent / "out")
    assert answer.code in {Exit.OK, Exit.INCONCLUSIVE}, answer.out
    assert "jwt-hs256" in answer.out or "verify" in answer.out
    told = json.loads((project.parent / "out" / "gate.json").read_text())
    assert told["base"]["commit"] == told["candidate"]["commit"].rstrip("+")
    listed = subprocess.run(["git", "worktree", "list"], cwd=project, check=True, capture_output=True, text=True)
    assert len(listed.stdout.splitlines()) == 1
