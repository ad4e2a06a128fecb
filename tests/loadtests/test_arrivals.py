"""Schedules: seeded, inside their slice, Poisson where they say so, and dealt evenly to the arms."""

from collections import Counter
from itertools import pairwise
from statistics import fmean, pvariance

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.arrivals import NS_PER_S, Arrival, schedule
from loadtests.plan import Arrivals

KINDS: st.SearchStrategy[Arrivals] = st.sampled_from(("poisson", "constant"))
RATES = st.floats(0.1, 20)
SECONDS = st.floats(0.01, 4)
ARMS = st.integers(1, 5)
SEEDS = st.integers(0, 2**64 - 1)


def _windows(arrivals: tuple[Arrival, ...]) -> dict[int, Counter[int]]:
    windows: dict[int, Counter[int]] = {}
    for arrival in arrivals:
        windows.setdefault(arrival.at_ns // NS_PER_S, Counter())[arrival.arm] += 1
    return windows


@given(KINDS, RATES, SECONDS, ARMS, SEEDS)
def test_arrivals_ascend_inside_the_slice(kind: Arrivals, rate: float, seconds: float, arms: int, seed: int) -> None:
    """Start times ascend from 0 and never pass the slice's end; every arm named exists."""
    arrivals = schedule(kind, rate, seconds, arms, seed)
    times = [arrival.at_ns for arrival in arrivals]
    assert times == sorted(times)
    assert all(0 <= at_ns <= seconds * NS_PER_S for at_ns in times)
    assert {arrival.arm for arrival in arrivals} <= set(range(arms))


def test_nothing_starts_at_the_slices_end() -> None:
    """Half a gap that falls on the end of the slice belongs to no slice: 1.5/s for 1 s starts one, not two."""
    assert [arrival.at_ns for arrival in schedule("constant", 1.5, 1, 1, 0)] == [NS_PER_S // 3]


@given(KINDS, RATES, SECONDS, ARMS, SEEDS)
def test_a_seed_is_a_schedule(kind: Arrivals, rate: float, seconds: float, arms: int, seed: int) -> None:
    """The same seed gives the same schedule, dealing included."""
    assert schedule(kind, rate, seconds, arms, seed) == schedule(kind, rate, seconds, arms, seed)


def test_another_seed_is_another_schedule() -> None:
    """Two seeds share neither the times nor the dealing."""
    one, other = schedule("poisson", 50, 5, 3, 1), schedule("poisson", 50, 5, 3, 2)
    assert {arrival.at_ns for arrival in one}.isdisjoint(arrival.at_ns for arrival in other)
    assert list(one.arms[:200]) != list(other.arms[:200])


@given(KINDS, RATES, SECONDS, ARMS, SEEDS)
def test_every_window_is_dealt_evenly(kind: Arrivals, rate: float, seconds: float, arms: int, seed: int) -> None:
    """In every second the arms' shares differ by at most one."""
    for shares in _windows(schedule(kind, rate, seconds, arms, seed)).values():
        counts = [shares[arm] for arm in range(arms)]
        assert max(counts) - min(counts) <= 1


@given(st.integers(1, 20), st.integers(1, 4), ARMS, SEEDS)
def test_the_arms_together_are_the_stream(rate: int, seconds: int, arms: int, seed: int) -> None:
    """Dealing loses, adds and moves nothing: n arms at a rate are one stream at n times that rate."""
    dealt = schedule("poisson", rate, seconds, arms, seed)
    stream = schedule("poisson", rate * arms, seconds, 1, seed)
    assert [arrival.at_ns for arrival in dealt] == [arrival.at_ns for arrival in stream]


@given(st.integers(1, 20), st.integers(1, 4), ARMS)
def test_constant_arrivals_come_at_even_gaps(rate: int, seconds: int, arms: int) -> None:
    """A constant schedule holds rate x seconds x arms starts, equally far apart to the nanosecond."""
    times = [arrival.at_ns for arrival in schedule("constant", rate, seconds, arms, 0)]
    gap_ns = NS_PER_S / (rate * arms)
    assert len(times) == rate * seconds * arms
    assert all(abs(later - earlier - gap_ns) <= 1 for earlier, later in pairwise(times))


def test_the_rate_is_per_arm() -> None:
    """Each arm receives rate x seconds requests within four standard deviations of a Poisson count."""
    shares = Counter(arrival.arm for arrival in schedule("poisson", 50, 50, 4, 20_261_123))
    assert all(abs(shares[arm] - 2_500) < 4 * 50 for arm in range(4))


def test_poisson_gaps_are_exponential() -> None:
    """Gaps of a fixed seed have mean 1/rate and variance 1/rate^2, and 1/e of them exceed the mean."""
    times = [arrival.at_ns / NS_PER_S for arrival in schedule("poisson", 200, 100, 1, 20_261_123)]
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert fmean(gaps) == pytest.approx(1 / 200, rel=0.02)
    assert pvariance(gaps) == pytest.approx(1 / 200**2, rel=0.04)
    assert sum(gap > 1 / 200 for gap in gaps) / len(gaps) == pytest.approx(0.3679, abs=0.01)


def test_no_arm_always_follows_another() -> None:
    """Inside a window the order is random: each of two arms comes first about as often as the other."""
    arrivals = schedule("poisson", 20, 200, 2, 5)
    changes = Counter((first.arm, second.arm) for first, second in pairwise(arrivals))
    assert min(changes.values()) > len(arrivals) / 4 * 0.8


@pytest.mark.parametrize("rate", [0.0, -1.0, float("inf"), float("nan")])
def test_a_rate_must_be_positive(rate: float) -> None:
    """A rate that no schedule can follow is refused by name."""
    with pytest.raises(ValueError, match=f"rate {rate} is not a positive number"):
        schedule("poisson", rate, 1, 1, 0)
