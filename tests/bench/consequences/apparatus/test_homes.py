"""Homes: where each visitor was answered last, and the skew of load that follows from it."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.consequences.apparatus.homes import at_home, dealt, homes, skew_figures
from bench.consequences.model import Figure
from loadtests.record import Sample

NAMES = ("replica-1", "replica-2")


def sample(visitor: int, replica: str, done_ns: int = 1) -> Sample:
    """One read that `replica` answered; nobody, if it is ""."""
    return Sample(
        visitor,
        "read",
        0,
        0,
        done_ns,
        200 if replica else 0,
        "",
        replica,
        had_valid_credential=True,
        bytes_up=9,
        bytes_down=9,
    )


def test_home_is_where_the_last_answer_came_from() -> None:
    """By the time of the answer, whatever the order of samples; what nobody answered moves nobody."""
    samples = [sample(0, "b", 5), sample(0, "a", 3), sample(1, "a", 1), sample(1, "", 9), sample(2, "", 1)]
    assert homes(samples) == {0: "b", 1: "a"}


@given(visitors=st.integers(0, 50), replicas=st.integers(1, 9))
def test_logins_in_turn_are_dealt_evenly(visitors: int, replicas: int) -> None:
    """Everybody is dealt, and no replica has more than one more than another."""
    found = dealt(visitors, replicas)
    assert len(found) == replicas
    assert sum(found) == visitors
    assert max(found) - min(found) <= 1


def test_replicas_without_visitors_count() -> None:
    """Each replica in its place, none left out."""
    assert at_home({1: "replica-2", 2: "replica-2"}, NAMES) == (0, 2)


@pytest.mark.parametrize(("counts", "expected"), [((4, 4), 1.0), ((6, 2), 1.5), ((0, 8), 2.0)])
def test_skew_is_max_over_mean(counts: tuple[int, int], expected: float) -> None:
    """1 is even; all on one of two replicas is 2. Where nobody is bound, nothing is predicted."""
    figure = _skew(counts)
    assert (figure.value, figure.predicted) == (expected, None)


def _skew(counts: Sequence[int], housed: Sequence[int] = ()) -> Figure:
    samples = [sample(0, name) for name, count in zip(NAMES, counts, strict=True) for _ in range(count)]
    (figure,) = skew_figures("skew", [*samples, sample(1, "")], NAMES, housed, seed=1)
    return figure


def test_without_answers_there_is_no_skew() -> None:
    """Nothing over nothing is no figure."""
    assert not list(skew_figures("skew", [sample(0, "")], NAMES, (1, 1)))


def test_skew_is_held_against_where_visitors_live() -> None:
    """What homes explain is no miss, what they do not is one; the seed alone decides the draws."""
    explained = _skew((75, 25), (3, 1))
    assert explained.predicted == pytest.approx(1.5, abs=0.05)
    assert not explained.misses_theory
    assert _skew((75, 25), (2, 2)).misses_theory
    assert _skew((75, 25), (3, 1)) == explained


def test_one_home_for_all_is_certain() -> None:
    """All visitors on one of two replicas: exactly 2."""
    figure = _skew((8, 0), (5, 0))
    assert (figure.low, figure.value, figure.high, figure.predicted) == (2, 2, 2, 2)
