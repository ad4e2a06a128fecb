"""Every interval against arithmetic done by hand, and against what intervals must do whatever the data."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.intervals import (
    mean,
    minimum_samples,
    percentile,
    plain_percentile,
    pooled_ratios,
    proportion,
)
from bench.analysis.model import Estimate

figures = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)
costs = st.integers(1, 5).flatmap(
    lambda blocks: st.dictionaries(
        st.sampled_from("abcdefg"),
        st.lists(st.floats(1, 1e6), min_size=blocks, max_size=blocks),
        min_size=1,
    )
)


def is_near(estimate: Estimate, value: float, low: float, high: float) -> bool:
    """Equal to within the digits a hand computation keeps."""
    return bool(astuple(estimate) == pytest.approx((value, low, high), rel=2e-4))


def test_mean_has_a_student_interval() -> None:
    """1, 2, 3, 4: m = 2.5, s = sqrt(5/3) = 1.2910, t(3) = 3.1824: 3.1824 x 1.2910 / 2 = 2.0543."""
    assert is_near(mean([1, 2, 3, 4]), 2.5, 0.4457, 4.5543)


def test_one_value_knows_no_spread() -> None:
    """The interval of a single block is infinite rather than narrow."""
    assert mean([437.0]) == Estimate(437.0, -math.inf, math.inf)


def test_mean_of_nothing_is_an_error() -> None:
    """No value has no mean; the message says what was expected."""
    with pytest.raises(ValueError, match="expected at least one"):
        mean([])


@given(figures)
def test_mean_lies_in_its_interval(values: list[float]) -> None:
    """Low <= value <= high for any data."""
    estimate = mean(values)
    assert estimate.low <= estimate.value <= estimate.high


@given(st.lists(st.floats(1, 1e3), min_size=2, max_size=20), st.floats(0.1, 100))
def test_mean_scales_with_its_unit(values: list[float], factor: float) -> None:
    """Microseconds told in another unit give the same interval in that unit."""
    estimate, scaled = mean(values), mean([value * factor for value in values])
    tolerance = 1e-6 * factor * 1e3
    assert scaled.value == pytest.approx(estimate.value * factor, abs=tolerance)
    assert scaled.low == pytest.approx(estimate.low * factor, abs=tolerance)
    assert scaled.high == pytest.approx(estimate.high * factor, abs=tolerance)


def test_pooled_ratio_by_hand() -> None:
    """Logs [0, 0], [1, 1.2], [2, 1.8] over two blocks.

    Arm means 0, 1.1, 1.9; block means 1, 1; grand mean 1. Residuals: 0, 0; -0.1, 0.1; 0.1, -0.1: squares 0.04.
    df = 2 x 1, s^2 = 0.02, half = t(2) sqrt(2 x 0.02 / 2) = 4.30265 x 0.141421 = 0.608487.
    """
    logs = {"none": [0.0, 0.0], "redis": [1.0, 1.2], "jwt": [2.0, 1.8]}
    pooled = pooled_ratios({arm: [math.exp(log) for log in row] for arm, row in logs.items()})
    assert pooled.half_width == pytest.approx(0.608487, rel=1e-5)
    assert is_near(pooled.ratio("redis", "none"), math.exp(1.1), math.exp(0.491513), math.exp(1.708487))


def test_a_disturbance_of_a_whole_block_changes_nothing() -> None:
    """A block that is slower for every arm by one factor leaves ratios and intervals as they were."""
    calm = {"none": [400.0, 410.0, 390.0], "redis": [600.0, 640.0, 590.0]}
    disturbed = {arm: [a, b * 3, c] for arm, (a, b, c) in calm.items()}
    before, after = pooled_ratios(calm).ratio("redis", "none"), pooled_ratios(disturbed).ratio("redis", "none")
    assert (after.value, after.low, after.high) == pytest.approx((before.value, before.low, before.high))


def test_one_block_cannot_tell_arms_apart() -> None:
    """Without a second block every ratio is possible."""
    ratio = pooled_ratios({"none": [400.0], "redis": [800.0]}).ratio("redis", "none")
    assert is_near(ratio, 2.0, 0.0, math.inf)


@given(costs)
def test_ratio_lies_in_its_interval_and_inverts(table: dict[str, list[float]]) -> None:
    """Low <= ratio <= high, and a against b is b against a turned over, ends exchanged."""
    pooled = pooled_ratios(table)
    first, second = next(iter(table)), list(table)[-1]
    there, back = pooled.ratio(first, second), pooled.ratio(second, first)
    assert there.low <= there.value <= there.high
    assert there.value * back.value == pytest.approx(1)
    if math.isfinite(there.high):
        assert there.high * back.low == pytest.approx(1)


@given(costs, st.floats(0.01, 100))
def test_ratios_do_not_depend_on_the_unit(table: dict[str, list[float]], factor: float) -> None:
    """Costs told in another unit have the same ratios and intervals."""
    scaled = {arm: [cost * factor for cost in row] for arm, row in table.items()}
    first, second = next(iter(table)), list(table)[-1]
    before, after = pooled_ratios(table).ratio(first, second), pooled_ratios(scaled).ratio(first, second)
    assert astuple(after) == pytest.approx(astuple(before), rel=1e-6)


@given(costs)
def test_ratios_keep_the_order_of_the_costs(table: dict[str, list[float]]) -> None:
    """An arm dearer in every block than another is dearer in its ratio, and in both ends of it."""
    cheap, dear = next(iter(table)), "dear"
    pooled = pooled_ratios({**table, dear: [2 * cost for cost in table[cheap]]})
    for other in table:
        mine, theirs = pooled.ratio(dear, other), pooled.ratio(cheap, other)
        assert all(ours >= other_end for ours, other_end in zip(astuple(mine), astuple(theirs), strict=True))


@pytest.mark.parametrize("table", [{}, {"none": []}, {"none": [1.0], "redis": [1.0, 2.0]}, {"none": [0.0]}])
def test_ratios_need_a_full_table_of_positive_costs(table: dict[str, list[float]]) -> None:
    """A missing block or a cost of zero is refused, not guessed."""
    with pytest.raises(ValueError, match="expected as many positive ones"):
        pooled_ratios(table)


def test_identical_arms_are_told_apart_as_rarely_as_promised() -> None:
    """Three blocks, 13 arms, arm and block effects, 3 % noise: a pair's interval holds the truth in >= 93 %.

    With 2,000 experiments the standard error of a coverage of 95 % is 0.5 %, so 93 % is four of them below.
    """
    random = np.random.default_rng(20240601)
    effects = random.normal(0, 0.3, size=13)
    held = 0
    for _ in range(2000):
        blocks = random.normal(0, 0.2, size=3)
        logs = 6 + effects[:, None] + blocks[None, :] + random.normal(0, 0.03, size=(13, 3))
        pooled = pooled_ratios({str(arm): row for arm, row in enumerate(np.exp(logs).tolist())})
        ratio = pooled.ratio("1", "0")
        held += ratio.low <= math.exp(effects[1] - effects[0]) <= ratio.high
    assert 0.93 <= held / 2000 <= 0.97


def test_proportion_by_hand() -> None:
    """5 of 10: z^2 = 3.84146; centre 0.5; half = sqrt(3.84146 (0.025 + 0.0096036)) / 1.384146 = 0.263405."""
    assert is_near(proportion(5, 10), 0.5, 0.236595, 0.763405)


def test_proportion_of_nothing_is_open() -> None:
    """Zero of zero says nothing: the interval is all of [0, 1]."""
    assert proportion(0, 0) == Estimate(0.0, 0.0, 1.0)


@given(st.integers(0, 10_000), st.integers(1, 10_000))
def test_proportion_stays_between_none_and_all(count: int, of: int) -> None:
    """0 <= low <= count/of <= high <= 1, and an exact zero still has an upper end above it."""
    estimate = proportion(min(count, of), of)
    assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1
    assert estimate.low < estimate.high


@pytest.mark.parametrize(("quantile", "samples"), [(0.5, 7), (0.9, 44), (0.95, 90), (0.99, 459), (0.999, 4603)])
def test_a_percentile_needs_enough_samples(quantile: float, samples: int) -> None:
    """ceil(ln 0.01 / ln q): 4.60517 / 0.0100503 = 458.2 for p99, 4.60517 / 0.0010005 = 4602.9 for p99.9."""
    assert minimum_samples(quantile) == samples
    assert percentile(np.arange(samples - 1.0), quantile) is None
    assert percentile(np.arange(float(samples)), quantile) is not None


def test_percentile_by_hand() -> None:
    """Median of 1..10: rank 5. Binomial(10, 1/2): P(<=1) = 0.0107, P(<=2) = 0.0547, P(<=8) = 0.9893: ranks 2 and 9."""
    assert percentile(np.arange(1.0, 11.0), 0.5) == Estimate(5.0, 2.0, 9.0)


def test_rank_forgives_the_last_bit() -> None:
    """0.07 x 100 is 7.000000000000001 in floating point; the rank is 7 all the same."""
    assert plain_percentile(np.arange(1.0, 101.0), 0.07) == 7.0
    assert plain_percentile(np.empty(0), 0.99) == math.inf


@given(st.lists(st.floats(0, 1e4), min_size=90, max_size=400), st.sampled_from([0.5, 0.9, 0.95]))
def test_percentile_lies_in_its_interval_and_rises(values: list[float], quantile: float) -> None:
    """Low <= value <= high, all of them samples, and a higher quantile is never below a lower one."""
    ascending = np.sort(np.array(values))
    median, estimate = percentile(ascending, 0.5), percentile(ascending, quantile)
    assert median is not None
    assert estimate is not None
    assert estimate.low <= estimate.value <= estimate.high
    assert {estimate.low, estimate.value, estimate.high} <= set(values)
    assert median.value <= estimate.value


@pytest.mark.parametrize(("samples", "quantile"), [(10, 0.5), (200, 0.9), (1000, 0.99)])
def test_percentile_intervals_hold_the_truth(samples: int, quantile: float) -> None:
    """Over 2,000 exponential draws the interval holds the true quantile -ln(1-q) in at least 94 %."""
    draws = np.sort(np.random.default_rng(7).exponential(size=(2000, samples)), axis=1)
    found = [estimate for row in draws if (estimate := percentile(row, quantile)) is not None]
    held = sum(estimate.low <= -math.log(1 - quantile) <= estimate.high for estimate in found)
    assert held / len(draws) >= 0.94
