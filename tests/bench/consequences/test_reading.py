"""What samples say about a fault: exact counts, told apart by kind and by time."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.model import Verdict
from bench.consequences import reading
from bench.consequences.model import Mark
from bench.consequences.reading import NS_PER_S, Observation
from loadtests.plan import ArmPlan
from loadtests.record import Sample

ARM = ArmPlan("a", "memory-session", "cookie", 2, "sticky", "steady", visitors=4)
KILLED = Mark(2.0, "replica-1 killed")


def sample(visitor: int, at_s: float, status: int = 200, *, valid: bool = True, took_s: float = 0.1) -> Sample:
    """One read; without an answer it timed out."""
    sent_ns, reason = round(at_s * NS_PER_S), "" if status == 200 else "why" if status else "timeout"
    return Sample(
        visitor, "read", sent_ns, sent_ns, sent_ns + round(took_s * NS_PER_S), status, reason, "replica-1", valid, 9, 9
    )


def observation(samples: Sequence[Sample]) -> Observation:
    """Six seconds from the origin of the clock, a kill after two."""
    return Observation(ARM, tuple(samples), 0, 6, (KILLED,), Verdict("VALID"), "")


def test_only_who_held_a_valid_credential_was_logged_out() -> None:
    """A refusal of an expired credential is right, and so is an error: neither logs anybody out."""
    samples = [sample(0, 1, 401), sample(1, 1, 401, valid=False), sample(2, 1, 503), sample(3, 1, 0), sample(0, 2, 401)]
    assert reading.logged_out(samples) == {0}
    figure = reading.users_logged_out(samples, of=4, predicted=1)
    assert (figure.value, figure.of, figure.misses_theory, figure.is_harm) == (1, 4, False, True)


def test_chance_is_granted_to_a_random_theory() -> None:
    """Within 1.96 standard deviations of what theory says nothing is flagged, outside it is."""
    samples = [sample(0, 1, 401)]
    assert not reading.users_logged_out(samples, 4, predicted=2.5, spread=1.6).misses_theory
    assert reading.users_logged_out(samples, 4, predicted=2.5, spread=1.4).misses_theory


@given(refused=st.integers(0, 40), passed=st.integers(1, 40))
def test_the_refused_share_lies_in_its_interval(refused: int, passed: int) -> None:
    """Per cent of all requests, between the ends of its interval, which hold the share itself."""
    figure = reading.requests_refused([sample(0, 1, 401)] * refused + [sample(0, 1)] * passed)
    assert figure.value == pytest.approx(100 * refused / (refused + passed))
    assert figure.low is not None
    assert figure.high is not None
    assert 0 <= figure.low <= figure.value <= figure.high <= 100


def test_failures_are_told_by_kind() -> None:
    """Neither a success nor a refusal; each kind with its reason."""
    samples = [sample(0, 1), sample(0, 1, 401), sample(0, 1, 503), sample(0, 1, 503), sample(0, 1, 0)]
    assert reading.errors_by_kind(samples) == {"503 why": 2, "no answer: timeout": 1}
    figure = reading.requests_failed(samples)
    assert (figure.value, figure.of) == (3, 5)


def test_recovery_counts_from_the_fault() -> None:
    """The first success is of a request sent since; steady is when the last failure has ended."""
    seen = observation([sample(0, 1.9, took_s=1), sample(1, 2.5, 503), sample(2, 3, 0, took_s=1), sample(3, 3.5)])
    assert reading.first_success_s(seen, KILLED) == pytest.approx(1.6)
    assert reading.steady_s(seen, KILLED) == pytest.approx(2.0)


def test_nothing_that_went_wrong_takes_no_time() -> None:
    """Without a success there is no first one; without a failure it was steady all along."""
    assert reading.first_success_s(observation([sample(0, 2, 503)]), KILLED) is None
    assert reading.steady_s(observation([sample(0, 2)]), KILLED) == 0
    assert reading.wait_ms([], 0.99) == 0


def test_a_stretch_holds_what_was_sent_in_it() -> None:
    """From one mark on and before the next."""
    seen = observation([sample(0, 1), sample(1, 2), sample(2, 3), sample(3, 4)])
    assert [one.visitor for one in seen.between(KILLED, Mark(4.0, "back"))] == [1, 2]
    assert [one.visitor for one in seen.since(KILLED)] == [1, 2, 3]
    assert seen.visitors == 4


def test_a_wait_counts_every_answer() -> None:
    """The longest wait is a percentile of all, also of those that ended in nothing."""
    assert reading.wait_ms([sample(0, 1), sample(0, 1, 0, took_s=3)], 0.99) == pytest.approx(3000)


def test_a_timeline_holds_every_request_of_its_slice_once() -> None:
    """Counts by kind and bin add up to the requests; what was intended after its end is in none."""
    seen = observation(
        [sample(0, 0.1), sample(1, 0.2, 401), sample(2, 2.1, 503, took_s=2), sample(3, 5.9, 0), sample(0, 6)]
    )
    told = reading.timeline(seen, bin_s=1.0)
    assert told.counts == {
        "200": (1, 0, 0, 0, 0, 0),
        "401": (1, 0, 0, 0, 0, 0),
        "503": (0, 0, 1, 0, 0, 0),
        "no answer": (0, 0, 0, 0, 0, 1),
    }
    assert told.marks == (KILLED,)
    assert told.worst_ms[:3] == (pytest.approx(100), None, pytest.approx(2000))
