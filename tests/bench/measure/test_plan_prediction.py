"""A plan predicts: where costs add up, one replica's constants foretell three replicas with another mix."""

import shutil
from pathlib import Path

import pytest

from bench.analysis.ladder import LADDER, STEP_RATIO, TOP
from bench.measure.rundir import MAX_RATE, RunDirectory
from bench.measure.saturation import saturated
from bench.selfcheck.plan import (
    CHOICES,
    CPU_BAR,
    FORETELLING,
    FORETOLD,
    RATE_BAR,
    REPLICAS,
    SCHEMES,
    arms,
    judged,
    trim,
)
from loadtests.journeys import MIXES
from tests.bench.measure.made_up_runs import CPU_US, searched

RECORDED = Path(__file__).parent / "recorded"
SINGLE = {"steady": CPU_US["read"] + 100, "write": CPU_US["write"] + 100}
SINGLE["relogin"] = CPU_US["logout"] + CPU_US["login"] + 200
BROWSE_US = 0.9 * SINGLE["steady"] + 0.08 * SINGLE["write"] + 0.02 * SINGLE["relogin"]
BUSY_RATIO = 0.9
"""How busy a made-up machine's only core may be."""


def rung_of(cpu_us: float) -> int:
    """The last rung that keeps the core within it."""
    return max(rung for rung in range(TOP) if LADDER[rung] * cpu_us / 1e6 <= BUSY_RATIO)


def made_up(folder: Path, *, browse_us: float = BROWSE_US) -> Path:
    """A machine on which costs add up and a core is a core; `browse_us` decides the rate that is to be foretold."""
    limits = {journey: rung_of(cpu_us) for journey, cpu_us in (*SINGLE.items(), ("browse", browse_us))}
    searched(folder, CHOICES, {arm.id: limits[arm.journey] for arm in arms()}, arms())
    return folder


@pytest.fixture(scope="module")
def additive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the plan's assumptions are true."""
    return made_up(tmp_path_factory.mktemp("additive") / "run")


def test_what_is_foretold_is_not_what_foretells() -> None:
    """Three replicas instead of one, a mix of steps that were measured singly; nothing else is measured."""
    assert {arm.replicas for arm in arms() if arm.journey in FORETELLING} == {1}
    assert {arm.replicas for arm in arms() if arm.journey in FORETOLD} == {3}
    assert not set(FORETELLING) & set(FORETOLD)
    assert {step for journey in FORETELLING for step in MIXES[journey]} == set(MIXES["browse"])
    assert len(arms()) == len(SCHEMES) * len(REPLICAS)


def test_where_costs_add_up_it_is_exact(additive: Path) -> None:
    """To a step of the ladder, twice."""
    findings = list(judged(additive))
    assert len(findings) == 2 * len(SCHEMES)
    assert all(finding.holds for finding in findings)
    for finding in findings:
        off = abs(float(finding.figure.rpartition("(")[2].rstrip("%)"))) / 100
        assert off <= STEP_RATIO**2 - 1


def test_a_run_that_is_otherwise_is_not_foretold(tmp_path: Path) -> None:
    """Where three replicas bear half of what they should, the rate's bar is missed, and only that."""
    findings = list(judged(made_up(tmp_path / "run", browse_us=2 * BROWSE_US)))
    assert [finding.holds for finding in findings] == [True, False] * len(SCHEMES)
    assert CPU_BAR < RATE_BAR < 1


def test_what_was_not_found_is_not_foretold(additive: Path, tmp_path: Path) -> None:
    """A missing run of three, and a missing mix of one, each fail every finding they are part of."""
    folder = tmp_path / "kept"
    shutil.copytree(additive, folder)
    for path in (folder / "records").rglob("*-relogin*.gz"):
        path.unlink()
    assert [finding.holds for finding in judged(folder)] == [False] * 4
    assert all("not foretold" in finding.figure for finding in judged(folder))
    for path in (folder / "records").rglob("*-browse*.gz"):
        path.unlink()
    assert [finding.holds for finding in judged(folder)] == [False] * 2


def test_what_is_kept_is_what_a_prediction_reads(additive: Path, tmp_path: Path) -> None:
    """Nothing but a document and the records at the highest rates is left; the findings are the same."""
    folder = tmp_path / "kept"
    shutil.copytree(additive, folder)
    trim(folder)
    assert list(judged(folder)) == list(judged(additive))
    directory = RunDirectory(folder)
    needed = {path for one in saturated(directory) for path in one.paths}
    assert {path for path in folder.rglob("*") if path.is_file()} == {folder / MAX_RATE.file, *needed}


def test_recorded_runs_are_foretold() -> None:
    """One replica of each scheme foretells CPU within 10 % and highest rate within 20 % of three with another mix.

    Really measured on two cores, and read from the records as they were kept.
    """
    findings = list(judged(RECORDED))
    assert [(finding.figure, finding.holds) for finding in findings if not finding.holds] == []
    assert len(findings) == 2 * len(SCHEMES)
