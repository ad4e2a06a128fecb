"""`authbench trend`: a step among nights is found, machines are never mixed, and whatever it finds it never blocks."""

import json
from pathlib import Path

from authbench.exits import Exit
from tests.authbench.conftest import Ask
from tests.bench.measure.made_up_nights import SLOWED, nights


def test_a_step_is_found_and_blocks_nothing(ask: Ask, tmp_path: Path) -> None:
    """JSON names the one figure that changed, within one run of where; exit code 0."""
    nights(tmp_path / "runs", 20, steps={10: 1.1})
    answer = ask("trend", tmp_path / "runs", "--json")
    assert answer.code == Exit.OK
    (series,) = json.loads(answer.out)["series"]
    assert [run["id"] for run in series["runs"]][:2] == ["night-00", "night-01"]
    changed = {trend["cell"]: trend["changes"] for trend in series["trends"] if trend["changes"]}
    assert list(changed) == [SLOWED]
    (change,) = changed[SLOWED]
    assert abs(change["place"] - 10) <= 1
    assert change["ratio"]["low"] < 1.1 < change["ratio"]["high"]


def test_machines_are_never_mixed(ask: Ask, tmp_path: Path) -> None:
    """A faster machine in between is a series of its own, and neither has a change."""
    nights(tmp_path / "slow", 10)
    nights(tmp_path / "fast", 9, seed=2, steps={0: 0.5}, cpu_model="Abacus 1")
    found = json.loads(ask("trend", tmp_path, "--json").out)["series"]
    assert [len(series["runs"]) for series in found] == [10, 9]
    assert len({series["environment"]["cpu_model"] for series in found}) == 2
    assert [trend for series in found for trend in series["trends"] if trend["changes"]] == []


def test_too_few_runs_are_said_to_be(ask: Ask, tmp_path: Path) -> None:
    """Fewer than eight: the table, a plain sentence, exit code 0; with -o a page as well."""
    nights(tmp_path / "runs", 7)
    answer = ask("trend", tmp_path / "runs", "-o", tmp_path / "trend.html")
    assert answer.code == Exit.OK
    assert answer.out.startswith("Too few runs to tell a trend: a series takes 8, the longest of 1 has 7.\n")
    assert answer.out.endswith(f"\nreport: {tmp_path / 'trend.html'}\n")
    assert ask("trend", tmp_path / "runs").out + f"\nreport: {tmp_path / 'trend.html'}\n" == answer.out
    assert "nightly use only" in (tmp_path / "trend.html").read_text("utf-8")


def test_a_directory_without_runs_is_refused(ask: Ask, tmp_path: Path) -> None:
    """One line, exit code 2: most likely it is the wrong one."""
    answer = ask("trend", tmp_path)
    assert answer.code == Exit.USAGE
    assert f"{tmp_path}: found no run.json in or below it" in answer.complaint


def test_the_help_says_what_it_is_for(ask: Ask) -> None:
    """Nightly use only; it never blocks."""
    told = " ".join(ask("trend", "--help").out.split())
    assert "For nightly use only" in told
    assert "exits with 0 whatever it finds" in told
