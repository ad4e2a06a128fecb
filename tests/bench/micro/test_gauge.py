"""A turn is as long as effort has time for, and never asks about the same credential twice."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.micro.effort import EFFORTS, Effort
from bench.micro.gauge import FLOOR_TURNS_MIN, Portions, portions

EFFORT = Effort(turns=6, turn_us=1_500, calls_max=100, paced_calls=4, floor_turns=20, takes_s=45)


@pytest.mark.parametrize(
    ("call_us", "expected"),
    [
        # 1500 us hold more than the hundred calls there may be
        (1.0, Portions(calls=100, paced=4, warm=8, floor_turns=20)),
        # 1500 / 50 = 30; a quarter of 30 is 7
        (50.0, Portions(calls=30, paced=4, warm=7, floor_turns=20)),
        # one call of 15 ms is ten loops long: a spell has time for 2 x 4 x 3 / (15 + 3) = 1.3, floors for 20 / 10
        (15_000.0, Portions(calls=1, paced=1, warm=0, floor_turns=FLOOR_TURNS_MIN)),
    ],
)
def test_a_turn_by_hand(call_us: float, expected: Portions) -> None:
    """Cheap calls are many, dear ones one."""
    assert portions(EFFORT, call_us) == expected


@settings(max_examples=40)
@given(st.sampled_from(list(EFFORTS.values())), st.floats(0.05, 1e6), st.floats(1, 100))
def test_a_dearer_call_is_never_made_more_often(effort: Effort, call_us: float, dearer: float) -> None:
    """In no part of a turn, and every part that is measured has one."""
    cheap, dear = portions(effort, call_us), portions(effort, call_us * dearer)
    assert cheap.calls >= dear.calls >= 1
    assert cheap.paced >= dear.paced >= 1
    assert cheap.needed(effort.turns) >= dear.needed(effort.turns)


def test_as_many_are_needed_as_are_taken() -> None:
    """Two turns of 5 + 2 + 1 calls, one loop and what follows it to warm up, and one call at the end."""
    assert Portions(calls=5, paced=2, warm=1, floor_turns=6).needed(2) == 3 * 8 + 1
