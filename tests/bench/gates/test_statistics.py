"""A comparison of pairs against arithmetic done by hand, and against what it must do whatever the rounds are."""

import math
from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import Estimate
from bench.gates.model import Pair
from bench.gates.statistics import compare, proportion

seeds = st.integers(0, 2**32)
counts = st.integers(2, 9)


def drawn(seed: int, pairs: int, between: float = 0.01, within: float = 0.03) -> list[list[float]]:
    """Log-ratios of pairs of identical programs: uneven numbers of rounds, 5 % of them disturbed by 30 %."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 12, pairs)
    return [
        (rng.normal(0, between) + rng.normal(0, within, size) + 0.26 * (rng.random(size) < 0.05)).tolist()
        for size in sizes
    ]


def shifted(pairs: Sequence[Pair], by: float) -> list[list[float]]:
    """Every round `by` more."""
    return [[round_ + by for round_ in pair] for pair in pairs]


def test_the_value_is_the_median_of_all_rounds_whoever_has_how_many() -> None:
    """Of log 1, 2, 3 in one pair and 5 in another the median is log sqrt(2 x 3), not the mean of their medians."""
    pooled = compare([[math.log(2), math.log(3), 0.0], [math.log(5)]], 0.05, 1)
    assert pooled.ratio.value == pytest.approx(math.sqrt(6))
    assert (pooled.pairs, pooled.rounds) == (2, 4)


def test_two_pairs_have_the_interval_worked_out_by_hand() -> None:
    """Resamples of {0, 1} have medians 0, 1/2, 1 with 1/4, 1/2, 1/4: s^2 = 1/8, so +/- t(1) sqrt(1/8 x 2) = 6.314 / 2.

    A thousand draws and their mirror images come to that within 5 %.
    """
    ratio = compare([[0.0, 0.0], [1.0, 1.0]], 0.05, 3).ratio
    assert math.log(ratio.high / ratio.value) == pytest.approx(6.314 / 2, rel=0.05)
    assert math.log(ratio.low) == pytest.approx(1 - math.log(ratio.high))


@settings(max_examples=25, deadline=None)
@given(seeds, counts)
def test_swapping_base_and_candidate_inverts_everything(seed: int, n: int) -> None:
    """With all signs changed the ratio is 1 / ratio, and the ends of its interval are one over the other."""
    pairs = drawn(seed, n)
    there = compare(pairs, 0.02, seed).ratio
    back = compare([[-round_ for round_ in pair] for pair in pairs], 0.02, seed).ratio
    assert astuple(back) == pytest.approx((1 / there.value, 1 / there.high, 1 / there.low))


@settings(max_examples=25, deadline=None)
@given(seeds, counts, st.floats(-1, 1))
def test_a_constant_factor_is_found_as_it_is(seed: int, n: int, by: float) -> None:
    """Rounds which are all e^b times as much move value and interval by that factor, and widen nothing."""
    plain, moved = compare(drawn(seed, n), 0.02, 1).ratio, compare(shifted(drawn(seed, n), by), 0.02, 1).ratio
    assert astuple(moved) == pytest.approx([end * math.exp(by) for end in astuple(plain)])


@settings(max_examples=25, deadline=None)
@given(seeds, st.permutations(range(6)))
def test_the_order_of_pairs_and_rounds_does_not_matter(seed: int, order: list[int]) -> None:
    """Shuffled pairs of reversed rounds say the same to the last digit, and so does the same seed again."""
    pairs = drawn(seed, len(order))
    shuffled = [pairs[i][::-1] for i in order]
    assert compare(pairs, 0.02, seed) == compare(pairs, 0.02, seed) == compare(shuffled, 0.02, seed)


@settings(max_examples=25, deadline=None)
@given(seeds, counts, st.floats(0.001, 0.2))
def test_the_value_is_inside_and_a_smaller_alpha_reaches_further(seed: int, n: int, alpha: float) -> None:
    """The interval holds its value, and one that is to be wrong less often holds the other."""
    wide, narrow = (compare(drawn(seed, n), each, seed).ratio for each in (alpha / 2, alpha))
    assert wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high


def test_a_pair_alone_knows_no_spread() -> None:
    """However many rounds one pair of processes has, its interval is everything."""
    alone = compare([[0.01] * 40], 0.05, 1).ratio
    assert (alone.low, alone.high) == (0.0, math.inf)


def test_two_pairs_far_apart_have_no_upper_end_that_a_float_could_hold() -> None:
    """An end beyond the largest float is infinite, not an error."""
    assert compare([[0.0], [900.0]], 0.01, 1).ratio.high == math.inf


@pytest.mark.parametrize("pairs", [[], [[0.1], []]])
def test_nothing_to_compare_is_an_error(pairs: list[list[float]]) -> None:
    """No pair, or one without a round, is refused with what was found."""
    with pytest.raises(ValueError, match="found rounds"):
        compare(pairs, 0.05, 1)


@pytest.mark.parametrize("between", [0.0, 0.02])
def test_the_interval_covers_as_often_as_it_says(between: float) -> None:
    """Over 200 stages of 5 pairs of identical programs 1 lies outside of the 90 % interval in 10 % of them.

    Fewer than 4 % or more than 17 % would be about three standard errors away.
    """
    outside = [not ratio.low <= 1 <= ratio.high for ratio in _stages(between)]
    assert 0.04 <= sum(outside) / len(outside) <= 0.17


def _stages(between: float) -> list[Estimate]:
    rng = np.random.default_rng(8)
    noise = rng.normal(0, between, (200, 5, 1)) + rng.normal(0, 0.03, (200, 5, 40))
    return [compare(stage, 0.05, 1).ratio for stage in noise.tolist()]


def test_a_proportion_has_the_exact_interval() -> None:
    """Of Clopper and Pearson's: 0 of 600 is at most 1 - 0.025^(1/600); 3 of 10 lies between 0.0667 and 0.6525."""
    assert astuple(proportion(0, 600)) == pytest.approx((0, 0, 1 - 0.025 ** (1 / 600)))
    assert astuple(proportion(600, 600)) == pytest.approx((1, 0.025 ** (1 / 600), 1))
    assert astuple(proportion(3, 10)) == pytest.approx((0.3, 0.0667, 0.6525), abs=1e-4)
    assert astuple(proportion(0, 0)) == (0, 0, 1)
