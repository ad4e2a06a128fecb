"""What stamps say: lateness is exact where it is known beforehand, and only what is meant is counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.generator.arrivals import Arrivals, lateness_ms
from bench.generator.stamps import CODES

MS = 1_000_000
RATES = st.integers(1, 5000)
COUNTS = st.integers(2, 200)


def _even(count: int, rate_rps: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return (7 * MS + np.arange(count) * (1_000_000_000 / rate_rps)).astype(np.int64)


@given(RATES, COUNTS)
def test_an_even_pace_is_not_late(rate_rps: int, count: int) -> None:
    """Whenever it began, and however far the server is away."""
    assert lateness_ms(_even(count, rate_rps), rate_rps).max() < 1e-5


@given(RATES, COUNTS, st.data())
def test_who_comes_late_is_late_by_that(rate_rps: int, count: int, data: st.DataObject) -> None:
    """One arrival, by less than a slot: nobody else is late."""
    one = data.draw(st.integers(0, count - 1))
    late_ns = int(0.9e9 / rate_rps)
    arrivals_ns = _even(count, rate_rps)
    arrivals_ns[one] += late_ns
    found_ms = lateness_ms(arrivals_ns, rate_rps)
    assert found_ms[one] == pytest.approx(late_ns / MS, abs=1e-5)
    assert np.delete(found_ms, one).max() < 1e-5


@given(RATES, st.integers(3, 200), st.data())
def test_a_slot_that_is_left_out_is_not_forgotten(rate_rps: int, count: int, data: st.DataObject) -> None:
    """All that come after it are late by one slot."""
    gone = data.draw(st.integers(1, count - 2))
    found_ms = lateness_ms(np.delete(_even(count, rate_rps), gone), rate_rps)
    assert found_ms[:gone].max() < 1e-5
    assert found_ms[gone:] == pytest.approx(1000 / rate_rps, abs=1e-5)


def test_only_what_is_meant_is_counted() -> None:
    """A refusal is no request, a login begins no iteration, the window is open at its beginning."""
    kinds = ["login", "notes", "profile", "refused", "logout", "login"]
    arrivals = Arrivals(np.array([1, 5, 3, 4, 6, 7]), np.array([CODES[kind] for kind in kinds]))  # type: ignore[index]
    assert arrivals.refused == 1
    assert list(arrivals.firsts_ns) == [3, 5, 6]
    assert arrivals.count(1, 6) == 3
