"""`authbench run --max-rate`: what it refuses, foretells and keeps; a report is made again from its records alone."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from authbench import max_rate
from authbench.exits import Exit
from bench.analysis.ladder import LADDER, START
from bench.measure.block import Progress
from bench.measure.crew import LoadLostError
from bench.measure.rate_search import RECORDS, Search, recalled
from bench.measure.rundir import MAX_RATE, RunDirectory
from loadtests.plan import ArmPlan
from loadtests.record import Counts, Footer, Header, Record, Sample
from tests.authbench.conftest import Ask

BAD = {
    "an SLO without a search": (["--slo-p99", "20ms"], "--slo-p99: found it without --max-rate"),
    "a journey without a search": (["--journey", "write"], "--journey: found it without --max-rate"),
    "an unknown journey": (["--max-rate", "--journey", "wander"], "--journey: found 'wander', expected one of: steady"),
    "nothing to refresh": (["none", "--max-rate", "--journey", "refresh"], "journey 'refresh': found no scheme with"),
    "a rate": (["--max-rate", "--rate", "50"], "--rate: found it beside --max-rate, which finds"),
    "blocks": (["--max-rate", "--blocks", "2"], "--blocks: found it beside --max-rate, which knows"),
    "a target": (["--max-rate", "--target", "http://127.0.0.1:1"], "--target: .* a stack that is not ours; leave"),
    "others' workers": (["--max-rate", "--expect-workers", "2"], "--expect-workers: found it beside --max-rate"),
    "no unit": (["--max-rate", "--slo-p99", "20"], "--slo-p99: found '20', expected a time up to 5s with its unit"),
    "an unknown scheme": (["jwt-hs265", "--max-rate"], "scheme 'jwt-hs265' unknown"),
    "a carrier it lacks": (["bff", "--max-rate", "--carrier", "bearer"], "scheme 'bff' has no carrier 'bearer'"),
}
OPTIONS = ("run", "jwt-hs256", "--max-rate", "--slo-p99", "20ms", "--seed", "7")
LIMIT = START + 3

Searching = Callable[[Search, Progress], None]


def _record(run: Search, arm: ArmPlan, process_set: int, rung: int) -> Record:
    """A probe of a service that is quick up to LIMIT."""
    plan = run.block(arm, process_set)
    (cell,) = plan.cells(plan.slices[rung])
    service_ns = (5 if rung <= LIMIT else 50) * 10**6
    samples = tuple(
        Sample(0, "read", n * 10**6, n * 10**6, n * 10**6 + service_ns, 200, "", "r", True, 1, 1)  # noqa: FBT003
        for n in range(100)
    )
    footer = Footer(
        Counts(100, 100, 100, 100), "VALID", (), disturbed=False, idle_cpu_ns_per_s={}, store_commands=None,
        generator_cpu_ratio=0.3, loop_lag_ns=1,
    )  # fmt: skip
    return Record(Header(cell, process_set, (arm.id,), {}), samples, footer=footer)


def _searching(last_set: int, end: BaseException | None = None) -> Searching:
    """Records as a search leaves them, up to a set; then it ends, by itself or by what befalls it."""

    def search(run: Search, _: Progress) -> None:
        for process_set in range(last_set + 1):
            for arm in run.order(process_set):
                while (rung := run.next_rung(arm, process_set)) is not None:
                    run.keep(_record(run, arm, process_set, rung))
            run.sets_done = process_set
        run.status = "interrupted" if end else "complete"
        run.describe()
        if end:
            raise end

    return search


@pytest.fixture
def searched(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A search that came to its end."""
    monkeypatch.setattr(max_rate, "search", _searching(5))
    assert ask(*OPTIONS, "-o", tmp_path / "first").code == Exit.OK
    return RunDirectory(tmp_path / "first")


@pytest.mark.parametrize(("argv", "told"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_nothing_is_written(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: list[str], told: str
) -> None:
    """What cannot be meant is told in one line, with exit code 2, before anything is made."""
    monkeypatch.chdir(tmp_path)
    answer = ask("run", *argv)
    assert answer.code == Exit.USAGE
    assert re.search(told, answer.complaint)
    assert list(tmp_path.iterdir()) == []


def test_it_says_how_long_it_will_take(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On standard error, as it starts, with the number of arms; then the result on standard output, 80 columns wide."""
    monkeypatch.setattr(max_rate, "search", _searching(5))
    answer = ask(*OPTIONS, "-o", tmp_path / "run")
    assert answer.code == Exit.OK
    assert re.match(
        r"authbench: 2 arms, one after the other, each searched once and verified 5 times: about \d+ min \d+ s; Ctrl-C",
        answer.complaint,
    )
    assert re.search(rf"jwt-hs256 +1 +{LADDER[LIMIT]:.1f} \(", answer.out)
    assert max(map(len, answer.out.splitlines()[:-1])) <= 80
    assert answer.out.endswith(f"\nreport: {tmp_path / 'run' / 'report.html'}\n")


def test_a_report_is_made_from_the_records(ask: Ask, searched: RunDirectory) -> None:
    """The same table, page and JSON, though the document has lost its outcomes and the page is gone."""
    document = searched.document(MAX_RATE)
    outcomes = document.pop("outcomes")
    assert document["command"] == f"authbench {' '.join(OPTIONS)}"
    searched.describe(document, MAX_RATE)
    page = searched.report.read_bytes()
    searched.report.unlink()
    assert "jwt-hs256" in ask("report", searched.path).out
    assert searched.report.read_bytes() == page
    assert json.loads(ask("report", searched.path, "--json").out) == outcomes


def test_a_search_that_cannot_be_read_is_named(ask: Ask, searched: RunDirectory) -> None:
    """A document of another version is one line, with what writes such directories."""
    path = searched.path / MAX_RATE.file
    path.write_text(path.read_text(encoding="utf-8").replace('"version": 1', '"version": 9'), encoding="utf-8")
    answer = ask("report", searched.path)
    assert answer.code == Exit.USAGE
    assert "expected an authbench-max-rate of version 1; name a directory written by authbench run --max-rate" in (
        answer.complaint
    )


@pytest.mark.parametrize(("sets", "is_told"), [(1, False), (3, True)])
def test_an_interrupted_search_keeps_what_it_has(
    ask: Ask,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    sets: int,
    is_told: bool,  # noqa: FBT001 - a case
) -> None:
    """Told as far as it is verified, with exit code 130 and a note of what is missing."""
    monkeypatch.setattr(max_rate, "search", _searching(sets, KeyboardInterrupt()))
    answer = ask(*OPTIONS, "-o", tmp_path / "run")
    assert answer.code == Exit.INTERRUPTED
    assert answer.err.endswith(f"authbench: interrupted; what was measured is kept in {tmp_path / 'run'}\n")
    told = answer.out.replace("\n  ", " ")
    assert f"This run is interrupted: {sets} of 5 verifying rounds were measured to their end." in told
    assert bool(re.search(r"jwt-hs256 +1 +\d+\.\d \(", answer.out)) == is_told


def test_a_lost_worker_ends_it(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was measured is told, the loss too, and the exit code is 4."""
    monkeypatch.setattr(max_rate, "search", _searching(0, LoadLostError("worker 1 of 2 (a) ended")))
    answer = ask(*OPTIONS, "-o", tmp_path / "run")
    assert answer.code == Exit.NOTHING_VALID
    assert "authbench: worker 1 of 2 (a) ended; the search ends here, what was measured is kept in" in answer.err


def test_judgement(searched: RunDirectory) -> None:
    """0 as soon as one rate can be believed; strictly none may be INVALID; nothing at all is 4."""
    arms = [ArmPlan(**arm) for arm in searched.document(MAX_RATE)["arms"]]
    found, nothing = recalled(searched.records(RECORDS), arms, 20.0, 5), recalled((), arms, 20.0, 5)
    for strict in (False, True):
        assert max_rate.judge(found, strict=strict) == Exit.OK
        assert max_rate.judge(nothing, strict=strict) == Exit.NOTHING_VALID
        mixed = max_rate.judge((*found, *nothing), strict=strict)
        assert mixed == (Exit.NOTHING_VALID if strict else Exit.OK)


@pytest.mark.parametrize(
    ("asked", "cores", "local"), [(None, 1, 0), (None, 2, 0), (None, 3, 0), (None, 8, 4), (1, 8, 0), (6, 2, 6)]
)
def test_the_cores_decide_how_many_generate(
    monkeypatch: pytest.MonkeyPatch, asked: int | None, cores: int, local: int
) -> None:
    """One worker for each core of the generator's half, one alone without a master; --workers decides otherwise."""
    monkeypatch.setattr(max_rate.os, "sched_getaffinity", lambda _: set(range(cores)))
    assert max_rate._spread(asked).local == local
