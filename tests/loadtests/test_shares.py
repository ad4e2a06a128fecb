"""Shares: what several workers send is what one would, and each one's part is as Poisson as the whole."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.shares import WHOLE, Share, scheduled_counts, whole_schedule

NS_PER_S = 1e9


def _plan(rate_rps: float, seconds: int, arms: int = 3, seed: int = 5) -> BlockPlan:
    plans = tuple(ArmPlan(f"arm-{arm}", "none", "bearer", 1, "roundrobin", "steady", 30) for arm in range(arms))
    return BlockPlan(0, seed, plans, (SlicePlan("cpu", rate_rps, seconds, pinned=False),))


@given(st.integers(1, 24), st.integers(0, 2**48), st.floats(0.5, 40), st.integers(1, 4))
@settings(max_examples=60)
def test_the_parts_are_the_whole_and_none_twice(of: int, seed: int, rate_rps: float, arms: int) -> None:
    """Every arrival of the undivided schedule is in exactly one part, at its time and for its arm."""
    plan = _plan(rate_rps, 3, arms, seed)
    parts = [Share(number, of).schedule(plan, 0) for number in range(of)]
    assert Counter(arrival for part in parts for arrival in part) == Counter(whole_schedule(plan, 0))
    assert all(list(part) == sorted(part, key=lambda arrival: arrival.at_ns) for part in parts)
    assert scheduled_counts(plan, 0, of) == [
        tuple(sum(arrival.arm == arm for arrival in part) for arm in range(arms)) for part in parts
    ]


@given(st.integers(1, 24), st.integers(0, 500))
def test_every_visitor_belongs_to_one_part(of: int, visitors: int) -> None:
    """The parts' visitors are all visitors, none twice, and their numbers differ by at most one."""
    parts = [Share(number, of).visitors(visitors) for number in range(of)]
    assert sorted(number for part in parts for number in part) == list(range(visitors))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_part_is_the_schedule_itself() -> None:
    """A process that generates alone follows what it always followed."""
    plan = _plan(40, 2)
    assert WHOLE.schedule(plan, 0) == whole_schedule(plan, 0)


@pytest.mark.parametrize("of", [2, 4])
def test_each_part_is_a_poisson_process(of: int) -> None:
    """Gaps of every part, and of all together, have mean 1/rate and variance 1/rate^2 to within 5 % over 20,000."""
    rate_rps, arms = 30.0, 2
    plan = _plan(rate_rps, 350 * of, arms)
    parts = {f"part {number}": Share(number, of).schedule(plan, 0) for number in range(of)}
    for name, arrivals, share in [("whole", whole_schedule(plan, 0), 1), *((*part, of) for part in parts.items())]:
        gaps_s = np.diff([arrival.at_ns / NS_PER_S for arrival in arrivals])
        mean_s = share / (rate_rps * arms)
        assert len(gaps_s) > 20_000, name
        assert gaps_s.mean() == pytest.approx(mean_s, rel=0.05), name
        assert gaps_s.var() == pytest.approx(mean_s**2, rel=0.05), name
