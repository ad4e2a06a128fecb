"""`authbench micro`: what it refuses, keeps and tells, alone and joining a run; told again, and compared."""

import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from authbench import micro, run
from authbench.exits import Exit
from bench.measure import environment, micro_run
from bench.measure.block import Progress
from bench.measure.environment import Environment
from bench.measure.micro_run import MicroRun
from bench.measure.proof import Proof
from bench.measure.rundir import MICRO, RUN, RunDirectory, create_at
from bench.micro.effort import Effort
from bench.micro.session import DOCUMENT, figures_of
from bench.stack import binaries
from bench.stack.errors import NotReadyError
from reports.facts import MICRO_PAGE
from tests.authbench.conftest import Answer, Ask
from tests.fleet import unmeasured
from tests.reports import made_up_calls as made_up

Measuring = Callable[[MicroRun, Progress], None]
TINY = Effort(turns=3, turn_us=200, calls_max=4, paced_calls=2, floor_turns=3, takes_s=1, select="valid and jwt-hs256")


class Silent:
    """Progress that nobody watches."""

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """See Progress."""

    def proven(self, proof: Proof) -> None:
        """See Progress."""


def _measuring(end: BaseException | None = None) -> Measuring:
    """Leaves what a measurement leaves; or what befalls it, and nothing."""

    def measure(measured: MicroRun, _: Progress) -> None:
        measured.status = "interrupted" if end else "complete"
        if end is None:
            raw = made_up.document(made_up.all_of_them())
            measured.figures = figures_of(raw)
            (measured.directory.path / DOCUMENT).write_text(json.dumps(raw), encoding="utf-8")
        measured.describe()
        if end:
            raise end

    return measure


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A measurement that comes to its end, in no time."""
    monkeypatch.setattr(micro, "measure_all", _measuring())


@pytest.fixture(scope="module")
def here() -> Environment:
    """This machine, as the command sees it."""
    return environment.describe({binary.name: binary.version for binary in binaries.found()})


@pytest.fixture
def alone(tmp_path: Path, here: Environment) -> RunDirectory:
    """Microbenchmarks that were measured by themselves, and not told yet."""
    measured = MicroRun(create_at(tmp_path / "alone"), "quick", TINY, "authbench micro", here)
    _measuring()(measured, Silent())
    return measured.directory


@pytest.fixture
def joinable(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run of this machine, none of whose cells came to an end."""
    monkeypatch.setattr(run, "measure", lambda measured, _: measured.describe())
    ask("run", "none", "jwt-hs256", "-o", tmp_path / "run")
    return RunDirectory(tmp_path / "run")


def _rewrite(directory: RunDirectory, file: str, change: Mapping[str, Any]) -> None:
    path = directory.path / file
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **change}), encoding="utf-8")


def _elsewhere(directory: RunDirectory, file: str) -> None:
    """As if it had been measured on another machine."""
    document = json.loads((directory.path / file).read_text("utf-8"))
    _rewrite(directory, file, {"environment": {**document["environment"], "cpu_model": "Abacus 1", "cores": 64}})


def _table_of(answer: Answer) -> str:
    assert answer.code == Exit.OK
    table, _, path = answer.out.partition("\nreport: ")
    assert max(map(len, table.splitlines())) <= 80
    assert path.endswith("html\n")
    return table


def test_it_is_measured_kept_and_told(ask: Ask, tmp_path: Path) -> None:
    """Verdict and table on standard output, how long it takes on standard error; document and page in the directory."""
    answer = ask("micro", "--profile", "standard", "-o", tmp_path / "new")
    assert "takes 2.41" in _table_of(answer)
    assert answer.complaint.startswith("authbench: about ")
    document = RunDirectory(tmp_path / "new").document(MICRO)
    assert (document["status"], document["profile"]) == ("complete", "standard")
    assert document["command"] == "authbench micro --profile standard"
    assert document["environment"]["servers"].keys() == {"postgres", "valkey", "haproxy"}
    assert len(document["figures"]) == len(made_up.all_of_them())
    assert "redis-session" in (tmp_path / "new" / "report.html").read_text("utf-8")


def test_json_is_the_figures(ask: Ask, tmp_path: Path) -> None:
    """As micro.json has them; an end that nothing is known about is null."""
    answer = ask("micro", "-o", tmp_path / "new", "--json")
    told = json.loads(answer.out, parse_constant=pytest.fail)
    assert told == RunDirectory(tmp_path / "new").document(MICRO)["figures"]


def test_a_report_is_made_from_the_file(ask: Ask, alone: RunDirectory) -> None:
    """The same table, page and JSON, though micro.json has lost its figures and the page is gone."""
    figures, first = alone.document(MICRO)["figures"], ask("report", alone.path)
    page = alone.report.read_bytes()
    _rewrite(alone, MICRO.file, {"figures": []})
    alone.report.unlink()
    assert json.loads(ask("report", alone.path, "--json").out) == figures
    assert alone.report.read_bytes() == page
    assert "redis-session" in _table_of(first)


def test_what_cannot_be_read_is_named(ask: Ask, alone: RunDirectory) -> None:
    """Another version of micro.json, a broken benchmark.json: one line with the path, exit code 2."""
    (alone.path / DOCUMENT).write_text("[", encoding="utf-8")
    assert f"{alone.path / DOCUMENT}: found something else" in ask("report", alone.path).complaint
    _rewrite(alone, MICRO.file, {"version": 9})
    answer = ask("report", alone.path)
    assert answer.code == Exit.USAGE
    assert "expected an authbench-micro of version 1; name a directory written by authbench micro" in answer.complaint


def test_an_interrupted_measurement_says_what_is_kept(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 130, the directory named, and a page that says that nothing came to an end."""
    monkeypatch.setattr(micro, "measure_all", _measuring(KeyboardInterrupt()))
    answer = ask("micro", "-o", tmp_path / "new")
    assert answer.code == Exit.INTERRUPTED
    assert answer.err.endswith(f"authbench: interrupted; what was measured is kept in {tmp_path / 'new'}\n")
    told = "This measurement is interrupted: 0 calls came to an end."
    assert told in answer.out
    assert told in (tmp_path / "new" / "report.html").read_text("utf-8")
    assert ask("report", tmp_path / "new").code == Exit.OK


def test_stores_that_do_not_come_up_are_the_machines_fault(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line, exit code 3, nothing told; the directory says that it failed."""
    monkeypatch.setattr(micro_run, "measure", _refuse_to_start)
    monkeypatch.setattr(micro, "measure_all", micro_run.measure_all)
    answer = ask("micro", "-o", tmp_path / "new")
    assert (answer.code, answer.out) == (Exit.NOT_READY, "")
    assert answer.err.endswith("authbench: no room\n")
    assert RunDirectory(tmp_path / "new").document(MICRO)["status"] == "failed"


def _refuse_to_start(*_: object) -> None:
    message = "no room"
    raise NotReadyError(message)


def test_a_killed_measurement_is_told(ask: Ask, alone: RunDirectory) -> None:
    """Still `running`: the page says so beside what there is."""
    _rewrite(alone, MICRO.file, {"status": "running"})
    assert "This measurement is still running, or was killed: 20 calls came" in ask("report", alone.path).out


def test_a_run_is_joined(ask: Ask, joinable: RunDirectory) -> None:
    """Both documents stand in one directory; the run's page has the table and leads to the whole of it."""
    before = joinable.document()
    answer = ask("micro", "--into", joinable.path)
    assert _table_of(answer)
    assert answer.out.endswith(f"report: {joinable.path / MICRO_PAGE}\n")
    assert joinable.document() == before
    page = joinable.report.read_text("utf-8")
    assert f'<a href="{MICRO_PAGE}">' in page
    assert "takes 2.41" in page
    assert "redis-session-default-retries" in (joinable.path / MICRO_PAGE).read_text("utf-8")


def test_a_joined_run_is_told_again_whole(ask: Ask, joinable: RunDirectory) -> None:
    """`report` is about the run and makes both pages again, the same."""
    ask("micro", "--into", joinable.path)
    pages = [joinable.report, joinable.path / MICRO_PAGE]
    first = [page.read_bytes() for page in pages]
    for page in pages:
        page.unlink()
    assert "No A/A pair was measured" in ask("report", joinable.path).out
    assert [page.read_bytes() for page in pages] == first


def test_a_run_is_joined_once(ask: Ask, joinable: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured to its end is not written over; what was not is, with nothing left of it."""
    monkeypatch.setattr(micro, "measure_all", _measuring(KeyboardInterrupt()))
    (joinable.path / DOCUMENT).write_text("[", encoding="utf-8")
    assert ask("micro", "--into", joinable.path).code == Exit.INTERRUPTED
    monkeypatch.setattr(micro, "measure_all", _measuring())
    assert ask("micro", "--into", joinable.path).code == Exit.OK
    answer = ask("micro", "--into", joinable.path)
    assert answer.code == Exit.USAGE
    assert f"{joinable.path / MICRO.file}: found one, expected a run without; name another run" in answer.complaint


def test_a_run_of_another_machine_is_not_joined(ask: Ask, joinable: RunDirectory) -> None:
    """One line with every difference, exit code 4 as for `diff`, and the run as it was."""
    _elsewhere(joinable, RUN.file)
    answer = ask("micro", "--into", joinable.path)
    assert (answer.code, answer.out) == (Exit.NOTHING_VALID, "")
    assert "found an unlike environment (CPU: Abacus 1 against " in answer.complaint
    assert "cores: 64 against " in answer.complaint
    assert not joinable.has(MICRO)


def test_only_a_run_is_joined(ask: Ask, alone: RunDirectory, joinable: RunDirectory, tmp_path: Path) -> None:
    """No run, no readable environment, or two places to write to: one line each, exit code 2."""
    assert f"{alone.path / RUN.file}: found No such file" in ask("micro", "--into", alone.path).complaint
    both = ask("micro", "--into", joinable.path, "-o", tmp_path / "new")
    assert "-o: found it beside --into, expected one place to write to; leave out either" in both.complaint
    _rewrite(joinable, RUN.file, {"environment": {"cpu": "x"}})
    answer = ask("micro", "--into", joinable.path)
    assert f"{joinable.path}: found no environment" in answer.complaint
    assert {both.code, answer.code} == {Exit.USAGE}
    assert not (tmp_path / "new").exists()


def test_nothing_differs_from_itself(ask: Ask, alone: RunDirectory) -> None:
    """Every call on both clocks, each with ratio 1 and none shown, but for what took no time."""
    found = json.loads(ask("diff", alone.path, alone.path, "--json").out, parse_constant=pytest.fail)
    assert len(found) == 2 * (len(made_up.all_of_them()) - 1)
    assert {(change["ratio"]["value"], change["shown"]) for change in found} == {(1.0, False)}
    told = " ".join(ask("diff", alone.path, alone.path).out.split())
    assert told == (
        "no difference shown: 38 of 38 times of calls; a change must clear 2.0 %, by which calls move that nobody "
        "changed"
    )


def _slower(directory: RunDirectory, share: float) -> RunDirectory:
    """The same again, but for one call."""
    other = RunDirectory(shutil.copytree(directory.path, directory.path.with_name("other")))
    raw = json.loads((other.path / DOCUMENT).read_text("utf-8"))
    (one,) = (each for each in raw["benchmarks"] if each["extra_info"]["subject"] == "redis-session-default-retries")
    one["stats"]["data"] = [round_s * share for round_s in one["stats"]["data"]]
    _rewrite(other, DOCUMENT, raw)
    return other


def test_what_changed_is_told_with_its_clock(ask: Ask, alone: RunDirectory) -> None:
    """The call by all its names, the clock, both sides and the change with its interval, in 80 columns."""
    answer = ask("diff", alone.path, _slower(alone, 1.5).path)
    assert answer.code == Exit.OK
    assert max(map(len, answer.out.splitlines())) <= 80
    told = " ".join(answer.out.split())
    assert "hot 98.0 µs 147 µs +50.0 % (+" in told.replace("\N{NO-BREAK SPACE}", " ")
    assert "verify redis-session-default-retries, valid" in told.replace("- ", "-") or "default-ret" in told
    assert "no difference shown: 37 of 38 times of calls" in told


def test_libraries_that_differ_set_no_bar(ask: Ask, alone: RunDirectory) -> None:
    """What a new library does to a floor is no chance: the bar stays at 2 %."""
    other = _slower(alone, 1.5)
    raw = json.loads((other.path / DOCUMENT).read_text("utf-8"))
    for each in raw["benchmarks"]:
        for floor in each["extra_info"]["floors"]:
            floor["hot_us"] = [value * 2 for value in floor["hot_us"]]
    _rewrite(other, DOCUMENT, raw)
    assert "must clear 100.0" in " ".join(ask("diff", alone.path, other.path).out.split())
    document = other.document(MICRO)
    _rewrite(other, MICRO.file, {"environment": {**document["environment"], "libraries": {"pyjwt": "99"}}})
    assert "must clear 2.0" in " ".join(ask("diff", alone.path, other.path).out.split())


def test_unlike_machines_are_not_compared(ask: Ask, alone: RunDirectory) -> None:
    """Another CPU: refused with both names, exit code 4, as for runs."""
    other = RunDirectory(shutil.copytree(alone.path, alone.path.with_name("other")))
    _elsewhere(other, MICRO.file)
    answer = ask("diff", alone.path, other.path)
    assert (answer.code, answer.out) == (Exit.NOTHING_VALID, "")
    assert "the runs are unlike, expected like machines and arms" in answer.err
    assert " against Abacus 1" in answer.err


def test_a_run_is_not_compared_with_calls(ask: Ask, alone: RunDirectory, joinable: RunDirectory) -> None:
    """One line that names who lacks what, whichever comes first; a run that was joined has both."""
    for pair in ((alone.path, joinable.path), (joinable.path, alone.path)):
        answer = ask("diff", *pair)
        assert answer.code == Exit.USAGE
        assert f"{joinable.path}: found no {MICRO.file}, expected one as in {alone.path}; name" in answer.complaint
    ask("micro", "--into", joinable.path)
    assert "38 of 38" in ask("diff", alone.path, joinable.path).out
    assert "38 of 38" in ask("diff", joinable.path, joinable.path).out


@pytest.mark.stack
def test_real_calls_are_measured(ask: Ask, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The whole command on real stores, over one scheme: its figure is told, and nothing is left but the directory."""
    monkeypatch.undo()
    monkeypatch.setenv("TMPDIR", str(place))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr(micro, "EFFORTS", {"quick": TINY})
    with unmeasured():  # a benchmark under a tracer is none
        answer = ask("micro", "-o", place / "real", "--json")
    assert answer.code == Exit.OK
    (figure,) = json.loads(answer.out)
    assert (figure["group"], figure["subject"], figure["case"]) == ("verify", "jwt-hs256", "valid")
    assert figure["hot_us"]["value"] > 0
    assert {path.name for path in (place / "real").iterdir()} == {DOCUMENT, "logs", MICRO.file, "report.html"}
    assert os.listdir(place) == ["real"]  # noqa: PTH208 - names alone
