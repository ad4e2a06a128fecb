"""Figures become text in one place; these are its rules."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.model import Estimate
from reports import format as figures

PLAIN = str.maketrans({figures.MINUS: "-", figures.SPACE: " ", figures.EN_DASH: "-"})


def plain(text: str) -> str:
    """The text with the signs of a keyboard."""
    return text.translate(PLAIN)


@pytest.mark.parametrize(
    ("value", "text"),
    [(437.2, "437"), (43.72, "43.7"), (4.372, "4.37"), (0.4372, "0.437"), (0, "0"), (1234, "1,230"), (-0.0001, "0.000"),
     (9.996, "10.0"), (-12.34, "-12.3")],
)  # fmt: skip
def test_three_significant_digits(value: float, text: str) -> None:
    """A figure is told with three significant digits, at most three decimals and never a negative zero."""
    assert plain(figures.number(value)) == text


@given(st.floats(min_value=0.01, max_value=1e9))
def test_number_stays_close(value: float) -> None:
    """What is told is within one percent of what was measured."""
    assert float(figures.number(value).replace(",", "")) == pytest.approx(value, rel=0.051 if value < 0.1 else 0.0051)


@given(st.floats(-1e6, 1e6), st.floats(0, 1e4), st.floats(0, 1e4))
def test_an_interval_shows_both_ends(value: float, below: float, above: float) -> None:
    """Every estimate is told with its two ends in parentheses."""
    told = figures.signed_interval(Estimate(value, value - below, value + above), "µs")
    assert told.endswith(")")
    assert " to " in told


def test_intervals_of_a_figure() -> None:
    """Ends share the decimals of their figure; a negative end is not glued to a dash."""
    assert plain(figures.interval(Estimate(437, 428, 446), "µs")) == "437 µs (428-446)"
    assert plain(figures.interval(Estimate(0.5, -3.2, 4), "µs")) == "0.500 µs (-3.200 to 4.000)"
    assert plain(figures.signed_interval(Estimate(0.2, -3.2, 4), "µs")) == "+0.20 µs (-3.20 to +4.00)"
    assert plain(figures.percent_interval(Estimate(0.501, 0.492, 0.51))) == "50.1 % (49.2-51.0)"
    assert plain(figures.change(Estimate(1.31, 1.28, 1.35))) == "+31.0 % (+28.0 to +35.0)"


def test_one_block_has_no_interval() -> None:
    """An infinite end is told as what it is, in every unit."""
    lone = Estimate(1.5, -math.inf, math.inf)
    for told in (
        figures.interval(lone, "µs"), figures.signed_interval(lone, "µs"), figures.percent_interval(lone),
        figures.change(lone),
    ):  # fmt: skip
        assert told.endswith("(no interval)")
        assert "inf)" not in told


def test_too_few_samples_are_said_to_be_so() -> None:
    """A percentile without enough samples names the number it needs and is never zero."""
    assert figures.milliseconds(None, "p99") == "too few (needs 459)"
    assert figures.milliseconds(None, "p99.9") == "too few (needs 4,603)"
    assert plain(figures.milliseconds(Estimate(1.5, 1.4, 1.6), "p50")) == "1.50 ms (1.40-1.60)"


def test_words_around_figures() -> None:
    """Counts are exact, nouns agree, durations read as minutes and seconds."""
    assert figures.count(12345) == "12,345"
    assert (figures.plural(1, "replica"), figures.plural(2, "replica")) == ("1 replica", "2 replicas")
    assert (figures.duration(161.4), figures.duration(42)) == ("2 min 41 s", "42 s")
    assert plain(figures.percent(0.0)) == "0 %"
    assert plain(figures.signed_percent(-0.125)) == "-12.5 %"
