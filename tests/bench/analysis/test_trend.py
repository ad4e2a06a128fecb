"""Change points: a real step is found where it is, chance and a single bad night are none, whatever the unit."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import CellSummary, Estimate, Summary, Verdict
from bench.analysis.summary import summarise
from bench.analysis.trend import FALSE_ALARM, LEAST_RUNS, Point, Run, Trend, changes, penalty, trends
from loadtests.plan import SlicePlan, cell
from tests.bench.measure.made_up_runs import arm, record

CPU, LATENCY = SlicePlan("cpu", 30.0, 10, pinned=True), SlicePlan("latency", 30.0, 10, pinned=False)
FIGURES = 50
SEEDS = range(40)


def noisy(seed: int, *levels: tuple[int, float]) -> list[float]:
    """So many values at each level, with a spread of 2 %."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    return [500 * level * chance.gauss(1.0, 0.02) for count, level in levels for _ in range(count)]


@pytest.fixture(scope="module")
def summary() -> Summary:
    """One arm, for its CPU and for its latency."""
    return summarise([record(cell(arm("none"), piece), 0, 5.0) for piece in (CPU, LATENCY)], [])


def nightly(*summaries: Summary) -> list[Run]:
    """A run a night."""
    return [
        Run(f"run-{night:02d}", f"2026-10-{night + 1:02d}T03:00:00+00:00", one) for night, one in enumerate(summaries)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_step_is_found_where_it_is(seed: int) -> None:
    """10 % at a spread of 2 %, among fifty figures: one change, one run off at most, its interval about the truth."""
    (change,) = changes(noisy(seed, (14, 1.0), (10, 1.1)), FIGURES)
    assert abs(change.place - 14) <= 1
    assert change.ratio.low < change.ratio.value < change.ratio.high
    assert change.ratio.value == pytest.approx(1.1, abs=0.04)


def test_chance_alone_changes_nothing() -> None:
    """None in four hundred series of one trend."""
    assert [seed for seed in range(400) if changes(noisy(seed, (24, 1.0)), figures=400)] == []


@pytest.mark.parametrize("nights", [LEAST_RUNS, 13, 30])
def test_false_alarms_keep_to_their_bound(nights: int) -> None:
    """Of six hundred series that stand alone, no more tell a change than the bound and chance upon it allow."""
    alarms = sum(bool(changes(noisy(seed, (nights, 1.0)))) for seed in range(600))
    assert alarms <= 600 * FALSE_ALARM * 2


def test_up_and_down_again_are_two_changes() -> None:
    """Each has its place and its ratio."""
    up, down = changes(noisy(3, (12, 1.0), (12, 1.2), (12, 1.0)), FIGURES)
    assert (up.place, down.place) == (12, 24)
    assert up.ratio.value * down.ratio.value == pytest.approx(1, abs=0.03)


def test_a_bad_night_is_no_level() -> None:
    """One run at twice the cost, wherever it is, changes nothing."""
    for night in range(16):
        values = noisy(7, (16, 1.0))
        values[night] *= 2
        assert changes(values) == ()


def test_what_never_varies_never_changes() -> None:
    """Equal values have one level; equal values and then other equal values have two, exactly."""
    assert changes([5.0] * 20) == ()
    (change,) = changes([5.0] * 8 + [6.0] * 8)
    assert change.place == 8
    assert change.ratio.value == pytest.approx(1.2)


def test_few_runs_tell_nothing() -> None:
    """Below the least number not even a doubling is looked at; from it on it is found."""
    doubled = [1.0, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0]
    assert changes(doubled[1:]) == ()
    assert [change.place for change in changes(doubled)] == [4]


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 9999), unit=st.floats(1e-3, 1e6), step=st.floats(0.5, 2.0))
def test_neither_the_unit_nor_the_direction_matters(seed: int, unit: float, step: float) -> None:
    """The places are the same in any unit; read backwards, they are mirrored."""
    values = noisy(seed, (9, 1.0), (11, step))
    places = [change.place for change in changes(values)]
    assert [change.place for change in changes([value * unit for value in values])] == places
    assert sorted(20 - change.place for change in changes(values[::-1])) == places


def test_more_figures_cost_more() -> None:
    """The more is asked at once, the more a change must show."""
    assert penalty(20) < penalty(20, 10) < penalty(20, 100)


def test_cells_tell_what_they_were_measured_for(summary: Summary) -> None:
    """CPU from CPU cells, percentiles from latency cells; fewer runs than it takes are kept, and are no trend."""
    found = trends(nightly(summary, summary))
    assert [(one.cell.split(".")[1], one.metric) for one in found] == [("cpu-30", "cpu"), ("latency-30", "p50")]
    assert [point.run for point in found[0].points] == ["run-00", "run-01"]
    assert not found[0].is_told


def test_what_is_invalid_or_unknown_is_left_out(summary: Summary) -> None:
    """An INVALID cell has no point, nor has a cost that idling ate."""
    first, second = summary.cells
    invalid = replace(first, verdict=Verdict("INVALID", ("not believed",)))
    free = replace(first, cpu_us={"total": Estimate(-1.0, -2.0, 0.0)})
    runs = nightly(*(replace(summary, cells=(one, second)) for one in (invalid, free, _without(first), first)))
    cpu, _ = sorted(trends(runs), key=lambda one: one.metric)
    assert [point.run for point in cpu.points] == ["run-03"]


def _without(one: CellSummary) -> CellSummary:
    return replace(one, cpu_us={})


def test_levels_are_the_stretches_between_changes() -> None:
    """From the first run to the last without a gap."""
    values = noisy(3, (12, 1.0), (12, 1.2))
    points = tuple(Point(f"run-{place}", "", value) for place, value in enumerate(values))
    assert Trend("cell", "none", "cpu", points).levels == ((0, 24),)
    assert Trend("cell", "none", "cpu", points, changes(values, FIGURES)).levels == ((0, 12), (12, 24))
