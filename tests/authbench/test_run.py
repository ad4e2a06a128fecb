"""`authbench run`: what it leaves behind, how it is judged, and what an interruption keeps."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress, TextColumn

from authbench import progress
from authbench import run as running
from authbench.exits import Exit
from authbench.progress import LiveProgress, TimedBar, live_progress
from bench.analysis.model import Control, Estimate, Summary, Verdict
from bench.analysis.serial import from_jsonable
from bench.analysis.summary import summarise
from bench.measure.proof import Check, Proof
from bench.measure.run import Run
from bench.measure.rundir import RunDirectory
from tests.authbench.conftest import OPTIONS, Ask, Measured


def test_a_run_leaves_everything_it_measured(measured: Measured) -> None:
    """Two blocks of three arms and two slices are twelve records, all whole, with run.json and the page beside them."""
    records = list(measured.directory.records())
    assert len(records) == 12
    assert all(record.footer is not None for record in records)
    document = measured.directory.document()
    assert (document["status"], document["blocks_done"]) == ("complete", 2)
    assert all(check["holds"] for proof in document["proofs"] for check in proof["checks"])
    assert measured.directory.report.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert list(measured.kept.rglob("*.part")) == []


def test_a_run_is_judged_by_its_cells(measured: Measured) -> None:
    """0 with a valid comparison, 4 with none; what run.json holds is what the records come to."""
    document = measured.directory.document()
    summary = summarise(measured.directory.records(), document["needs_affinity"])
    assert from_jsonable(document["summary"]) == summary
    assert measured.answer.code == running.judge(summary, strict=False)
    assert measured.answer.code in {Exit.OK, Exit.NOTHING_VALID}


def test_a_run_says_its_result_and_nothing_else(measured: Measured) -> None:
    """The table is standard output, no wider than 80 columns; progress is silent where nobody watches."""
    assert measured.answer.err == ""
    assert "jwt-hs256" in measured.answer.out
    assert measured.answer.out.endswith("report: first/report.html\n")
    assert [line for line in measured.answer.out.splitlines() if len(line) > 80] == []


def test_a_run_can_be_repeated_from_its_own_words(measured: Measured) -> None:
    """run.json holds the command with its seed, without the directory that is taken now."""
    assert measured.directory.document()["command"] == f"authbench run {' '.join(OPTIONS)}"


def test_a_drawn_seed_is_written_down(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --seed one is drawn, and the command that repeats the run has it. Nobody measures here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(running, "measure", lambda run, _: run.describe())
    answer = ask("run", "none", "--json")
    assert json.loads(answer.out)["cells"] == []
    assert answer.code == Exit.NOTHING_VALID
    (kept,) = Path("runs").iterdir()
    document = RunDirectory(kept).document()
    assert document["command"] == f"authbench run none --json --seed {document['choices']['seed']}"


def test_one_rate_for_all_measures_no_cell_twice(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """--rate makes slices of a profile alike: they become one, so that no record is written over another."""
    monkeypatch.setattr(running, "measure", lambda run, _: run.describe())
    ask("run", "none", "--profile", "rigorous", "--rate", "15", "-o", tmp_path / "run")
    block = RunDirectory(tmp_path / "run").document()["blocks"][0]
    assert [(piece["purpose"], piece["rate_rps"]) for piece in block["slices"]] == [("cpu", 15), ("latency", 15)]


def test_a_run_interrupted_before_its_first_cell_is_told(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C while servers start: a page that says so, one line, 130."""
    monkeypatch.setattr(running, "measure", _interrupted)
    answer = ask("run", "none", "-o", tmp_path / "run")
    assert answer.code == Exit.INTERRUPTED
    assert answer.complaint == f"authbench: interrupted; what was measured is kept in {tmp_path / 'run'}"
    assert "This run is interrupted: 0 of 4 blocks" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


def _interrupted(run: Run, _: LiveProgress) -> None:
    run.status = "interrupted"
    raise KeyboardInterrupt


def test_ctrl_c_keeps_what_was_measured(place: Path) -> None:
    """SIGINT while a run measures: 130, the finished records readable, table and page made from them, nothing left."""
    argv = [sys.executable, "-m", "authbench", "run", "none", "--replicas", "1", "--blocks", "9", "--seconds", "1"]
    started = subprocess.Popen(
        [*argv, "-o", "run"],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(place),
    )
    with started:
        _wait_for_a_record(place / "run", started)
        started.send_signal(signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert err == "authbench: interrupted; what was measured is kept in run\n"
    assert started.returncode == Exit.INTERRUPTED
    directory = RunDirectory(place / "run")
    assert directory.document()["status"] == "interrupted"
    assert all(record.footer for record in directory.records())
    assert out.endswith("report: run/report.html\n")
    assert "of 9 blocks were measured to their end" in directory.report.read_text(encoding="utf-8")
    assert [path.name for path in (place / "t").iterdir()] == []


def _environment(place: Path) -> dict[str, str]:
    """A TMPDIR of its own shows what is left."""
    (place / "t").mkdir()
    (place / "t").chmod(0o711)
    return {**os.environ, "TMPDIR": str(place / "t")}


def _wait_for_a_record(folder: Path, started: "subprocess.Popen[str]") -> None:
    limit = time.monotonic() + 90
    while not any(folder.glob("records/*/*.gz")):
        assert started.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.02)


NOTHING = Summary(cells=(), to_control=(), to_each_other=(), control=None)
PAIR = Control(("a", "b"), Estimate(1.0, 0.9, 1.1), 0.1, differs=False)


def test_judgement(measured: Measured) -> None:
    """Nothing compared is 4; an A/A pair is something; one invalid cell is enough for --strict."""
    document = measured.directory.document()
    cell = summarise(measured.directory.records(), document["needs_affinity"]).cells[0]
    valid = replace(NOTHING, cells=(replace(cell, verdict=Verdict("VALID")),), control=PAIR)
    invalid = replace(valid, cells=(replace(cell, verdict=Verdict("INVALID", ("why",))),))
    assert running.judge(NOTHING, strict=False) == Exit.NOTHING_VALID
    assert running.judge(valid, strict=True) == Exit.OK
    assert running.judge(invalid, strict=False) == Exit.OK
    assert running.judge(invalid, strict=True) == Exit.NOTHING_VALID


def _watched() -> tuple[StringIO, Progress, LiveProgress]:
    stream = StringIO()
    console = Console(file=stream, force_terminal=True, width=80, color_system=None)
    bars = Progress(TextColumn("{task.description}"), TimedBar(), console=console, auto_refresh=False)
    return stream, bars, LiveProgress(console, bars)


def test_progress_says_one_thing_at_a_time() -> None:
    """A stage takes the place of the one before; a bar fills with the time its stage is known to take, and no more."""
    stream, bars, shown = _watched()
    with bars:
        shown.stage("starting")
        shown.stage("loading", seconds=1e-9)
        bars.refresh()
        (task,) = bars.tasks
        assert (task.description, task.completed) == ("loading", task.total)
    assert "loading" in stream.getvalue()


def test_progress_says_once_that_an_arm_is_proven_and_always_that_it_is_not() -> None:
    """What holds is told at the first block; what does not is told with its reason each time."""
    stream, _, shown = _watched()
    good, bad = Check("c", "f", holds=True), Check("12 x verify", "counted [redis] get 0", holds=False)
    for _ in range(2):
        shown.proven(Proof("arm-1", (good, good)))
        shown.proven(Proof("arm-2", (good, bad)))
    told = stream.getvalue()
    assert told.count("arm-1 proven: 2 checks hold") == 1
    assert told.count("arm-2 is not timed, its proof does not hold") == 2
    assert "12 x verify: counted [redis] get 0" in told


@pytest.mark.parametrize("is_terminal", [True, False])
def test_progress_is_for_people(
    is_terminal: bool,  # noqa: FBT001 - a case
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a terminal it is written to standard error; elsewhere nothing is."""
    monkeypatch.setattr(progress, "_is_terminal", lambda: is_terminal)
    with live_progress() as shown:
        shown.stage("starting")
        shown.proven(Proof("arm", ()))
    said = capsys.readouterr()
    assert said.out == ""
    assert ("arm proven" in said.err) == is_terminal
