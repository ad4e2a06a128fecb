"""Values on the command line: read exactly, or refused with what was found and what was expected."""

import argparse
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authbench import options
from loadtests.plan import BALANCINGS, JOURNEYS

READERS: tuple[Callable[[str], object], ...] = (
    options.positive,
    options.duration_ms,
    options.whole_number,
    options.port,
    options.whole_numbers,
    options.balancings,
    options.journeys,
)
COUNTS = st.integers(1, options.REPLICAS_MAX)


@given(st.floats(min_value=0, max_value=options.RATE_MAX_RPS, exclude_min=True))
def test_a_rate_is_any_number_above_zero(rate: float) -> None:
    """Every rate a generator could be asked for comes back as it was written."""
    assert options.positive(str(rate)) == rate


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "1e9", "fast", ""])
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    """No rate, or one no generator could send, is no rate."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"found '.*', expected a number of requests"):
        options.positive(text)


@pytest.mark.parametrize(
    ("text", "value_ms"), [("20ms", 20.0), ("1.5s", 1500.0), ("500us", 0.5), ("5s", 5000.0), ("0.25ms", 0.25)]
)
def test_a_time_is_read_with_its_unit(text: str, value_ms: float) -> None:
    """Microseconds, milliseconds and seconds, whole or not."""
    assert options.duration_ms(text) == value_ms


@pytest.mark.parametrize("text", ["20", "ms", "0ms", "-1ms", "5.1s", "20 ms", "1.s", "2min", "1e3ms", "٢ms", ""])
def test_a_time_that_is_none_is_refused(text: str) -> None:
    """Without a unit, without a number, nothing at all, or longer than an answer is waited for."""
    with pytest.raises(
        argparse.ArgumentTypeError, match=r"expected a time up to 5s with its unit, as in 20ms or 1\.5s"
    ):
        options.duration_ms(text)


@given(st.integers(1, 10**9))
def test_a_count_is_a_whole_number_of_at_least_one(count: int) -> None:
    """Every count from one upwards comes back."""
    assert options.whole_number(str(count)) == count


@given(st.integers(max_value=0) | st.floats())
def test_what_is_no_count_is_refused(value: float) -> None:
    """Zero, negative and fractional numbers are no counts."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected a whole number of at least 1"):
        options.whole_number(str(value))


@given(st.integers())
def test_a_port_is_one_that_tcp_has(number: int) -> None:
    """Exactly 1 to 65535 are ports."""
    if 1 <= number <= 65535:
        assert options.port(str(number)) == number
    else:
        with pytest.raises(argparse.ArgumentTypeError, match="expected a port from 1 to 65535"):
            options.port(str(number))


@given(st.lists(COUNTS, min_size=1))
def test_replica_counts_are_kept_in_order_and_once(counts: list[int]) -> None:
    """A list of counts is read in its order; what is said twice is measured once."""
    assert list(options.whole_numbers(",".join(map(str, counts)))) == list(dict.fromkeys(counts))


@pytest.mark.parametrize("text", ["", "1,", "1,,2", "1;2", "0", "65", "1.5", "two"])
def test_replica_counts_that_are_none_are_refused(text: str) -> None:
    """A list with one bad part is refused as a whole."""
    with pytest.raises(argparse.ArgumentTypeError, match="expected whole numbers from 1 to 64, separated by commas"):
        options.whole_numbers(text)


@given(st.lists(st.sampled_from(BALANCINGS), min_size=1))
def test_balancing_policies_are_kept_in_order_and_once(names: list[str]) -> None:
    """As for replica counts."""
    assert list(options.balancings(",".join(names))) == list(dict.fromkeys(names))


@given(st.lists(st.sampled_from(JOURNEYS), min_size=1))
def test_journeys_are_read_once_each(names: list[str]) -> None:
    """In the order they were named."""
    assert list(options.journeys(",".join(names))) == list(dict.fromkeys(names))


@given(st.text())
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    """Whatever a user types, each reader gives a value or an argument error whose message is one line."""
    for reader in READERS:
        try:
            reader(text)
        except argparse.ArgumentTypeError as error:
            assert len(str(error).splitlines()) == 1  # noqa: PT017 - a value is as good an answer
