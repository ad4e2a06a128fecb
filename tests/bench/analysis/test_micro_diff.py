"""What changed between two runs of microbenchmarks: only the same calls, each clock alone, shown beyond all doubt."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.comparison import LEAST_LOG_RATIO
from bench.analysis.diff import quotient
from bench.analysis.micro_diff import CallChange, bar_of, call_changes
from bench.analysis.model import Estimate
from bench.micro.figures import Figure, Floor

positive = st.floats(0.01, 1e5)


def _around(value: float, share: float = 0.001) -> Estimate:
    return Estimate(value, value / (1 + share), value * (1 + share))


def _figure(subject: str, hot: Estimate, cold: Estimate | None = None) -> Figure:
    return Figure("verify", subject, "valid", hot, cold or _around(100.0), _around(100.0))


def _hot(before: Estimate, after: Estimate) -> CallChange:
    return call_changes([_figure("a", before)], [_figure("a", after)], LEAST_LOG_RATIO)[0]


@pytest.mark.parametrize(
    ("after", "share", "shown"),
    [
        (1.10, 0.001, True),
        (0.90, 0.001, True),
        (1.015, 0.001, False),  # below 2 %
        (1.10, 0.06, False),  # two half-widths of 6 % make one of 8 %, and 10 - 8 is no more than 2
        (1.10, math.inf, False),  # nobody knows
    ],
)
def test_a_change_is_shown_only_beyond_doubt(after: float, share: float, *, shown: bool) -> None:
    """The interval that both runs widen must clear 2 %, either way."""
    assert _hot(_around(100.0, share), _around(100 * after, share)).shown is shown


@given(positive, positive, st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=30)
def test_what_changed_one_way_changes_back(before: float, after: float, one: float, other: float) -> None:
    """The change the other way round is the reciprocal, with its interval, and shown alike."""
    there = _hot(_around(before, one), _around(after, other))
    back = _hot(_around(after, other), _around(before, one))
    assert there.ratio.value * back.ratio.value == pytest.approx(1)
    assert there.ratio.low * back.ratio.high == pytest.approx(1)
    assert there.shown is back.shown


@given(positive, positive, st.floats(0, 0.5))
@settings(max_examples=30)
def test_a_quotient_is_less_sure_than_its_parts(first: float, second: float, share: float) -> None:
    """Its interval on the log scale is the hypotenuse of theirs."""
    ratio = quotient(_around(first, share), _around(second, share))
    assert math.log(ratio.high / ratio.low) == pytest.approx(2 * math.sqrt(2) * math.log1p(share), abs=1e-9)


def test_each_clock_is_told_alone() -> None:
    """A call that became dearer only where it is cold is shown on the cold clock only."""
    hot, cold = call_changes(
        [_figure("a", _around(50.0))], [_figure("a", _around(50.0), _around(120.0))], LEAST_LOG_RATIO
    )
    assert (hot.clock, hot.shown, cold.clock, cold.shown) == ("hot", False, "cold", True)
    assert (cold.before_us.value, cold.after_us.value) == (100.0, 120.0)
    assert cold.ratio.value == pytest.approx(1.2)


def test_only_calls_of_both_runs_are_told() -> None:
    """In the order of the later run; what only one of them timed is left out."""
    before = [_figure(name, _around(9.0)) for name in ("a", "b", "gone")]
    after = [_figure(name, _around(9.0)) for name in ("new", "b", "a")]
    assert [change.subject for change in call_changes(before, after, LEAST_LOG_RATIO)] == ["b", "b", "a", "a"]


def test_a_time_that_is_none_has_no_ratio() -> None:
    """What the clock could not tell from nothing is left out on either side."""
    nothing, something = [_figure("a", Estimate(0.0, -0.1, 0.1))], [_figure("a", _around(9.0))]
    assert [change.clock for change in call_changes(nothing, something, LEAST_LOG_RATIO)] == ["cold"]
    assert [change.clock for change in call_changes(something, nothing, LEAST_LOG_RATIO)] == ["cold"]


def _over(*floors_us: float) -> list[Figure]:
    """Calls over floors that take so long."""
    return [replace(_figure(str(nth), _around(100.0)), floors=(_floor(us),)) for nth, us in enumerate(floors_us)]


def _floor(hot_us: float) -> Floor:
    return Floor("library", "bare", Estimate(hot_us, hot_us, hot_us), _around(1.0))


def test_calls_that_nobody_changed_set_the_bar() -> None:
    """It is how far the floors moved, either way, but for the farthest 5 %; never below 2 %."""
    before, calm = [10.0] * 40, [10.0] * 40
    assert bar_of(_over(*before), _over(*calm)) == LEAST_LOG_RATIO
    assert bar_of(_over(*before), _over(*calm[:38], 20.0, 0.1)) == LEAST_LOG_RATIO  # 38 of 40 are 95 %
    assert bar_of(_over(*before), _over(*calm[:37], 8.0, 20.0, 0.1)) == pytest.approx(math.log(10 / 8))


def test_without_floors_in_common_the_bar_is_the_least() -> None:
    """Nothing is known of chance where no floor was timed twice, or one took no time at all."""
    assert bar_of(_over(10.0), []) == LEAST_LOG_RATIO
    assert bar_of(_over(10.0), _over(0.0)) == LEAST_LOG_RATIO
    assert bar_of(_over(10.0), [_figure("0", _around(9.0))]) == LEAST_LOG_RATIO


def test_the_bar_keeps_what_it_covers_from_being_shown() -> None:
    """A change of 10 % is shown over a bar of 5 % and not over one of 15 %."""
    pair = [_figure("a", _around(100.0))], [_figure("a", _around(110.0))]
    assert [call_changes(*pair, math.log1p(bar))[0].shown for bar in (0.05, 0.15)] == [True, False]
