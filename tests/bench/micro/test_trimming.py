"""The mean of turns is moved by all of them, and by no single one."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.micro.trimming import trimmed_mean

TURNS = st.lists(st.floats(1, 1000), min_size=2, max_size=30)


def test_by_hand() -> None:
    """Six values, one left out at either end: of 2, 3, 4, 5 the mean is 3.5; squeezed, they are 2 2 3 4 5 5.

    Their variance is (2 x 2.25 + 0.25 + 0.25 + 2 x 2.25) / 5 = 1.9, so with t(3) = 3.18245 and 4 of 6 kept the half
    width is 3.18245 x sqrt(1.9 / 6) / (4 / 6) = 2.6863.
    """
    found = trimmed_mean([1, 2, 3, 4, 5, 600])
    assert found.value == 3.5
    assert found.high - found.value == pytest.approx(2.6863, abs=1e-4)
    assert found.value - found.low == pytest.approx(2.6863, abs=1e-4)


def test_one_turn_knows_no_spread() -> None:
    """Its interval is infinite."""
    found = trimmed_mean([7.0])
    assert (found.value, found.low, found.high) == (7.0, -math.inf, math.inf)


@settings(max_examples=40)
@given(TURNS)
def test_it_lies_among_its_values_and_in_its_interval(values: list[float]) -> None:
    """Whatever they are, and in whatever order."""
    found = trimmed_mean(values)
    assert min(values) - 1e-6 <= found.value <= max(values) + 1e-6
    assert found.low <= found.value <= found.high
    assert trimmed_mean(values[::-1]) == found
