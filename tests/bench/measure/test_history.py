"""Series of runs: in the order of time, never across machines or companies, and what is no run is named."""

from pathlib import Path

import pytest

from bench.measure.history import history
from bench.measure.rundir import RunDirectory, RunDirectoryError
from tests.bench.measure.made_up_nights import nights
from tests.bench.measure.made_up_runs import rewritten


@pytest.fixture
def made(tmp_path: Path) -> list[RunDirectory]:
    """Three nights."""
    return nights(tmp_path / "runs", 3)


def test_runs_stand_in_the_order_of_time(tmp_path: Path, made: list[RunDirectory]) -> None:
    """By the moment they began, in whatever zone, not by name; wherever below the directory they are."""
    rewritten(made[0], "run.json", {"started_at": "2026-10-02T22:00:00-08:00"})
    made[1].path.rename(tmp_path / "runs" / "night-02" / "night-01")
    (series,) = history(tmp_path / "runs").series
    assert [run.id for run in series.runs] == ["night-01", "night-02", "night-00"]


def test_machines_and_companies_are_apart(tmp_path: Path, made: list[RunDirectory]) -> None:
    """Another CPU and another list of arms begin series of their own; the longest comes first."""
    nights(tmp_path / "runs" / "other", 4, cpu_model="Abacus 1")
    rewritten(made[2], "run.json", {"blocks": [{"arms": [{"id": "none-bearer-1"}]}]})
    found = history(tmp_path / "runs").series
    assert [len(series.runs) for series in found] == [4, 2, 1]
    assert [series.conditions.environment.cpu_model == "Abacus 1" for series in found] == [True, False, False]
    assert found[2].conditions.company == ("none-bearer-1",)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"status": "interrupted"}, "found it interrupted, expected a complete run"),
        ({"version": 9}, "another format or version"),
        ({"environment": {"cpu": "x"}}, "found no environment"),
        ({"summary": {}}, "found no run summary"),
        ({"started_at": "yesterday"}, "yesterday"),
    ],
    ids=["interrupted", "another version", "no environment", "no summary", "no time"],
)
def test_what_cannot_be_used_is_passed_over(
    tmp_path: Path, made: list[RunDirectory], values: dict[str, object], told: str
) -> None:
    """The others are read, and why this one is not is a line with its directory."""
    rewritten(made[1], "run.json", values)
    found = history(tmp_path / "runs")
    assert [len(series.runs) for series in found.series] == [2]
    (line,) = found.passed_over
    assert str(made[1].path) in line
    assert told in line


def test_without_any_run_there_is_no_history(tmp_path: Path) -> None:
    """A directory without runs is most likely the wrong one."""
    with pytest.raises(RunDirectoryError, match=r"found no run\.json in or below it, expected one a run; name what"):
        history(tmp_path)
