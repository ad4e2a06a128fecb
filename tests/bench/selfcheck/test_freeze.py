"""What a frozen server must cost: the prediction is a queue worked out by hand, and figures far from it are missed."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.selfcheck import freeze
from bench.selfcheck.freeze import Stall, predict
from loadtests.record import Sample

MS = 1_000_000
STALL = Stall(1000 * MS, 3000 * MS)
TIMES = st.lists(st.integers(0, 6000 * MS), min_size=1)
SERVICE = st.integers(1, 50 * MS)


def test_the_prediction_is_that_of_a_queue() -> None:
    """Worked out by hand: idle, one behind another, frozen until the thaw, and the queue that has to drain."""
    intended_ms = [0, 5, 1000, 2500, 2999, 3020, 4000]
    responses = predict([at * MS for at in intended_ms], STALL, 10 * MS)
    assert [response // MS for response in responses] == [10, 15, 2010, 520, 31, 20, 10]


@given(TIMES, SERVICE)
def test_a_server_does_one_thing_at_a_time(intended_ns: list[int], service_ns: int) -> None:
    """Nobody is answered sooner than the service takes, nor two at once, nor by a server that stands still."""
    responses = predict(intended_ns, STALL, service_ns)
    done_ns = [at + response for at, response in zip(sorted(intended_ns), responses, strict=True)]
    assert min(responses) >= service_ns
    assert all(later - earlier >= service_ns for earlier, later in pairwise(done_ns))
    assert not any(STALL.frozen_ns <= done - service_ns < STALL.thawed_ns for done in done_ns)


@given(TIMES, SERVICE)
def test_a_stall_makes_nobody_faster(intended_ns: list[int], service_ns: int) -> None:
    """Each response is at least what it is without the stall, and at most the stall and one service more."""
    calm = predict(intended_ns, Stall(), service_ns)
    stalled = predict(intended_ns, STALL, service_ns)
    length_ns = STALL.thawed_ns - STALL.frozen_ns
    assert all(0 <= slow - fast <= length_ns for slow, fast in zip(stalled, calm, strict=True))


def _samples(longer: float) -> list[Sample]:
    """Every 5 ms for 6 s, with the predicted responses made `longer`."""
    intended_ns = [5 * MS * number for number in range(1200)]
    responses = predict(intended_ns, STALL, MS)
    return [
        Sample(0, "read", at, at, at + round(response * longer), 200, "", "", True, 1, 1)  # noqa: FBT003 - a record's row
        for at, response in zip(intended_ns, responses, strict=True)
    ]


@pytest.mark.parametrize(("longer", "holds"), [(1.0, True), (1.05, True), (0.2, False), (2.0, False)])
def test_figures_are_held_against_the_prediction(longer: float, *, holds: bool) -> None:
    """What agrees within 10 % holds; a recorder that hides the wait, or adds to it, is found out."""
    share, p90 = freeze._compare(_samples(longer), STALL, MS)
    assert p90.holds is holds
    assert "p90" in p90.figure
    assert share.holds or not holds
