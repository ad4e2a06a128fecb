"""`authbench advise` on small runs made by hand: what is read, what is refused, and how the answer ends."""

import json
from pathlib import Path
from typing import Any

import pytest

from authbench.exits import Exit
from bench.consequences import serial
from bench.consequences.model import Outcome
from bench.measure.rundir import CONSEQUENCES, RUN, RunDirectory
from loadtests.plan import CellPlan, Purpose
from loadtests.record import Counts, Footer, Header, Record, Resource, Sample
from services.catalogue import SCHEMES
from tests.authbench.conftest import Ask
from tests.bench.consequences.advised import RECOMMENDABLE, lived, lost

MS = 1_000_000
READS: dict[Purpose, int] = {"cpu": 10, "latency": 250}
COSTS_US = {"none": 400, "redis-session": 600, "jwt-hs256": 500}
ENVIRONMENT = {
    "cpu_model": "Abacus 1", "cores": 2, "memory_bytes": 1, "architecture": "x86_64", "system": "s",
    "kernel": "Linux 6.1", "python": "CPython 3.11.7", "libraries": {}, "servers": {"valkey": "9.1.2"},
}  # fmt: skip
ENDINGS = ("logout", "password change", "ban", "admin revoke")


def record(scheme: str, block: int, purpose: Purpose) -> Record:
    """Reads of 2.5 ms each, whose replica consumed what the scheme costs; enough of them for what the cell is for."""
    count = READS[purpose]
    plan = CellPlan(
        f"{scheme}-1", scheme, SCHEMES[scheme].traits.default_carrier, 1, "roundrobin", "steady", 10, purpose, 40.0, 5,
        pinned=False,
    )  # fmt: skip
    samples = tuple(
        Sample(at % 10, "read", at * 10 * MS, at * 10 * MS, at * 10 * MS + 5 * MS // 2, 200, "", "r1", True, 300, 500)  # noqa: FBT003 - the order of its fields
        for at in range(count)
    )
    used_ns = COSTS_US[scheme] * count * (1000 + block)
    readings = (Resource(0, "replicas/r1", 0, 0), Resource(10 * MS, "replicas/r1", used_ns, 0))
    footer = Footer(Counts(count, count, count, count), "VALID", (), False, {}, {}, 0.4, 0)  # noqa: FBT003 - as above
    return Record(Header(plan, block, (), {}), samples, readings, (), footer)


def described(place: Path, started_at: str = "2026-11-23T10:00:00+00:00", **other: Any) -> Path:  # noqa: ANN401 - of run.json
    """A run whose records are not there yet."""
    place.mkdir(parents=True)
    told = dict.fromkeys(RUN.told, None) | {
        "status": "complete", "started_at": started_at, "blocks_done": 2, "needs_affinity": [],
        "environment": ENVIRONMENT,
    }  # fmt: skip
    RunDirectory(place).describe({**told, **other})
    return place


def run(place: Path) -> Path:
    """A run of three schemes in two blocks."""
    directory = RunDirectory(described(place))
    for block in (0, 1):
        (place / "records" / f"b{block:02d}").mkdir(parents=True)
        for scheme in COSTS_US:
            for purpose in READS:
                kept = record(scheme, block, purpose)
                directory.keep(block, kept.header.cell, kept)
    return place


def found(place: Path, *outcomes: Outcome, **other: Any) -> Path:  # noqa: ANN401 - of consequences.json
    """Consequences of these outcomes."""
    place.mkdir(parents=True)
    experiments = [
        {"name": name, "outcomes": serial.to_jsonable([one for one in outcomes if one.experiment == name])}
        for name in dict.fromkeys(one.experiment for one in outcomes)
    ]
    told = dict.fromkeys(CONSEQUENCES.told, None) | {
        "status": "complete", "started_at": "2026-11-23T11:00:00+00:00", "experiments": experiments,
        "environment": ENVIRONMENT,
    }  # fmt: skip
    RunDirectory(place).describe({**told, **other}, CONSEQUENCES)
    return place


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Below an empty directory."""
    monkeypatch.chdir(tmp_path)


def remaining(text: str) -> list[str]:
    """Who remains, from the JSON."""
    return [one["name"] for one in json.loads(text, parse_constant=pytest.fail)["remaining"]]


def test_without_a_run_claims_answer(ask: Ask) -> None:
    """It says so, and says what would measure them; nobody is recommended who should not be."""
    answer = ask("advise", "--force-logout", "--mobile")
    assert (answer.code, answer.err) == (Exit.OK, "")
    assert "Nothing measured was found" in answer.out
    flat = " ".join(answer.out.split())
    assert "claimed, not measured here: run `authbench consequences revocation-window`" in flat
    assert max(map(len, answer.out.splitlines())) <= 80
    told = remaining(ask("advise", "--json").out)
    assert sorted(told) == sorted(RECOMMENDABLE)
    assert not any(SCHEMES[name].traits.antipattern for name in told)


def test_needs_that_exclude_each_other_end_with_4(ask: Ask) -> None:
    """With the needs to relax; the page is written all the same."""
    answer = ask("advise", "--tokens-out-of-browser", "--mobile", "--no-redis", "--no-postgres", "--servers", "2",
                 "--redeploy-keeps-logins", "-o", "advice.html")  # fmt: skip
    assert answer.code == Exit.NOTHING_VALID
    assert answer.out.startswith("Neither: no scheme meets all of")
    assert "Without" in answer.out
    assert Path("advice.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_run_orders_what_remains(ask: Ask) -> None:
    """Those that it measured by their cost, the others after them; budgets are held against its figures."""
    path = run(Path("runs/one"))
    assert remaining(ask("advise", "--json", path).out)[:2] == ["jwt-hs256", "redis-session"]
    answer = ask("advise", "--cpu-budget", "1.4x", "--latency-budget", "3ms", path)
    flat = " ".join(answer.out.split())
    assert "redis-session --cpu-budget 1.4x: a read costs more CPU: 1.50x the control" in flat
    assert "[run one, redis-session-1.cpu-40]" in flat
    assert "--latency-budget 3ms is undecided for" in flat
    assert "(run one, 1 replica, CPU at 40 and p99 at 40 requests/s and arm)" in flat


def test_the_newest_usable_below_runs_is_taken(ask: Ask) -> None:
    """A run that is still going on, an empty one and rubbish are passed over; of each experiment the newest counts."""
    described(Path("runs/a-old"))
    described(Path("runs/b-new"), "2026-11-23T12:00:00+00:00")
    described(Path("runs/c-running"), "2026-11-23T13:00:00+00:00", status="running")
    described(Path("runs/d-empty"), "2026-11-23T14:00:00+00:00", blocks_done=0)
    Path("runs/e-rubbish").mkdir()
    Path("runs/e-rubbish/run.json").write_text("{", "utf-8")
    found(Path("runs/f"), lost("redeploy", "redis-session", 0), *(lived("redis-session", one, 0) for one in ENDINGS))
    found(Path("runs/g"), lost("redeploy", "redis-session", 7), started_at="2026-11-23T12:00:00+00:00")
    answer = ask("advise", "--redeploy-keeps-logins", "--json")
    told = json.loads(answer.out)
    assert told["sources"] == [str(Path("runs") / name) for name in ("b-new", "g", "f")]
    assert "redis-session" not in remaining(answer.out)
    (reason,) = next(one for one in told["eliminated"] if one["candidate"]["name"] == "redis-session")["reasons"]
    assert (reason["because"], reason["source"]) == (
        "a redeploy logs users out: 7 of 40 users",
        "g, redeploy: 2 replicas",
    )


def test_what_was_measured_overrules_what_is_claimed(ask: Ask) -> None:
    """A copy that lived for a minute under real lifetimes fits a window of two, whatever its traits say."""
    path = found(Path("c"), *(lived("jwt-hs256", one, 4.0, 1 / 60) for one in ENDINGS))
    assert "jwt-hs256" in remaining(ask("advise", "--revocation-window", "2m", "--json", path).out)
    assert "jwt-hs256" not in remaining(ask("advise", "--revocation-window", "2m", "--json").out)


def test_unlike_machines_are_not_mixed(ask: Ask) -> None:
    """One line with both directories and what tells them apart, exit code 2."""
    other = found(Path("c"), lost("redeploy", "bff", 0), environment={**ENVIRONMENT, "cpu_model": "Abacus 2"})
    answer = ask("advise", described(Path("r")), other)
    assert (answer.code, answer.out) == (Exit.USAGE, "")
    assert "unlike (CPU: Abacus 1 against Abacus 2), expected like machines" in answer.complaint


def test_two_runs_are_not_mixed(ask: Ask) -> None:
    """Named both, neither is chosen."""
    answer = ask("advise", described(Path("r")), described(Path("s")))
    assert answer.code == Exit.USAGE
    assert "found 2 runs (r, s), expected one" in answer.complaint


def test_a_directory_that_holds_nothing_is_named(ask: Ask) -> None:
    """One line, exit code 2."""
    Path("void").mkdir()
    answer = ask("advise", "void")
    assert answer.code == Exit.USAGE
    assert "void/run.json" in answer.complaint


@pytest.mark.parametrize("broken", ["environment", "experiments"])
def test_what_cannot_be_read_is_named(ask: Ask, broken: str) -> None:
    """Of a directory that was asked for, one line with its name, exit code 2."""
    values: dict[str, Any] = {"environment": {"cpu": "x"}, "experiments": [{"name": "redeploy", "outcomes": [{}]}]}
    first = found(Path("a"), lost("kill-a-replica", "bff", 0))
    path = found(Path("b"), lost("redeploy", "bff", 0), **{broken: values[broken]})
    answer = ask("advise", first, path)
    assert answer.code == Exit.USAGE
    assert answer.complaint.startswith(f"authbench: {path}")


def test_a_page_that_cannot_be_written_is_one_line(ask: Ask) -> None:
    """The machine's error, exit code 3."""
    answer = ask("advise", "-o", "nowhere/advice.html")
    assert answer.code == Exit.NOT_READY
    assert "nowhere/advice.html: found" in answer.complaint


def test_the_page_is_named_beside_the_table(ask: Ask) -> None:
    """And not in the JSON."""
    assert "page: advice.html" in ask("advise", "-o", "advice.html").out
    assert json.loads(ask("advise", "-o", "advice.html", "--json").out)["needs"]["servers"] == 1
