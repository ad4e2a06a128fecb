"""Clocks: whatever a network does to the pings, the true offset is within the uncertainty that is told."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.clocks import Anchor, Ping, anchor, uncertainty_ns

DELAYS = st.tuples(st.integers(0, 10**9), st.integers(0, 10**9))


def _ping(at_ns: int, offset_ns: int, delays_ns: tuple[int, int]) -> Ping:
    there, back = delays_ns
    return Ping(at_ns, at_ns + there + offset_ns, at_ns + there + back)


@given(st.integers(-(10**15), 10**15), st.lists(DELAYS, min_size=1))
def test_the_true_offset_lies_within_the_uncertainty(offset_ns: int, delays: list[tuple[int, int]]) -> None:
    """However unequal the way there and back: half of the shortest round trip bounds the error."""
    found = anchor(_ping(10**12 + number, offset_ns, pair) for number, pair in enumerate(delays))
    assert abs(found.offset_ns - offset_ns) <= found.uncertainty_ns
    assert found.uncertainty_ns == (min(map(sum, delays)) + 1) // 2


@given(st.integers(-(10**15), 10**15), st.integers(0, 10**15))
def test_an_instant_survives_the_way_there_and_back(offset_ns: int, at_ns: int) -> None:
    """Ours by their clock, and that by ours, is where it was."""
    assert Anchor(offset_ns, 5).ours(Anchor(offset_ns, 5).theirs(at_ns)) == at_ns


@pytest.mark.parametrize(("moved_ns", "expected_ns"), [(0, 20), (30, 20), (31, 21), (1030, 1020)])
def test_a_clock_that_drifts_is_less_certain(moved_ns: int, expected_ns: int) -> None:
    """What two anchors of 10 and 20 ns leave room for is no drift; what goes beyond is added, in either direction."""
    before, after = Anchor(1000, 10), Anchor(1000 + moved_ns, 20)
    assert uncertainty_ns(before, after) == expected_ns
    assert uncertainty_ns(after, before) == expected_ns
