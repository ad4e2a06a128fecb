"""A change between two runs: what moved for a scheme beyond what moved for its control, and how surely."""

import math
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.diff import changes
from bench.analysis.model import Comparison, Control, Estimate, Summary

NARROW = 0.001
NOBODY = Estimate(0.0, 0.0, 0.0)


def _ratio(value: float, half: float) -> Estimate:
    """A ratio whose log has `half` to either side."""
    return Estimate(value, value * math.exp(-half), value * math.exp(half))


def _summary(ratios: Iterable[tuple[str, Estimate]], noise: float | None = NARROW) -> Summary:
    found = tuple(Comparison(name, "none", ratio, NOBODY, shown=True) for name, ratio in ratios)
    control = None if noise is None else Control(("none", "none-again"), _ratio(1.0, noise), noise, differs=False)
    return Summary((), found, (), control)


def _one(value: float, half: float = NARROW, noise: float | None = NARROW) -> Summary:
    return _summary([("cell", _ratio(value, half))], noise)


@given(st.floats(0.2, 5), st.floats(0.2, 5))
def test_the_change_is_the_ratio_of_the_ratios(before: float, after: float) -> None:
    """It is after / before, between its ends; turned round it is the inverse."""
    (forth,), (back,) = changes(_one(before), _one(after)), changes(_one(after), _one(before))
    assert forth.ratio.value == pytest.approx(after / before)
    assert forth.ratio.low <= forth.ratio.value <= forth.ratio.high
    assert back.ratio.value == pytest.approx(1 / forth.ratio.value)
    assert back.shown == forth.shown


@given(st.floats(0.0, 1), st.floats(0.0, 1))
def test_two_runs_are_less_sure_than_either(one: float, other: float) -> None:
    """Independent runs: the half-widths on the log scale add in quadrature."""
    (change,) = changes(_one(1.5, one), _one(1.5, other))
    half = math.log(change.ratio.high / change.ratio.low) / 2
    assert half == pytest.approx(math.hypot(one, other), abs=1e-9)


@pytest.mark.parametrize(
    ("after", "half", "noise", "shown"),
    [
        (1.10, 0.001, 0.001, True),
        (0.90, 0.001, 0.001, True),
        (1.015, 0.001, 0.001, False),  # below 2 %
        (1.10, 0.001, 0.200, False),  # below what identical arms differ by
        (1.10, 0.090, 0.001, False),  # too unsure
        (1.10, math.inf, 0.001, False),  # one block
        (1.10, 0.001, None, False),  # the noise is unknown
    ],
)
def test_a_change_is_shown_only_beyond_the_noise(
    after: float, half: float, noise: float | None, *, shown: bool
) -> None:
    """The interval must clear the A/A half-width of either run, and 2 %."""
    assert changes(_one(1.0), _one(after, half, noise))[0].shown is shown
    assert changes(_one(after, half, noise), _one(1.0))[0].shown is shown


def test_an_end_that_nothing_is_known_about_stays_unknown() -> None:
    """A ratio whose interval reaches below zero says nothing on the log scale: the change has no interval."""
    (change,) = changes(_summary([("cell", Estimate(1.1, -math.inf, math.inf))]), _one(1.2))
    assert (change.ratio.low, change.ratio.high) == (0.0, math.inf)
    assert change.ratio.value == pytest.approx(1.2 / 1.1)


def test_only_cells_of_both_runs_are_told() -> None:
    """In the order of the later run; what only one of them has is left out."""
    same = _ratio(1.2, NARROW)
    before = _summary([("a", same), ("b", same), ("gone", same)])
    after = _summary([("new", same), ("b", same), ("a", same)])
    assert [change.cell for change in changes(before, after)] == ["b", "a"]
