"""Which requests are timed, from when to when, and whose lateness is the dispatcher's."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from bench.analysis.latency import (
    lateness_ms,
    lateness_p99_ms,
    percentiles,
    response_ms,
    service_ms,
    spectrum,
    timed,
)

MS = 1_000_000


def test_response_counts_from_the_intention_and_service_from_the_sending(synthetic: SimpleNamespace) -> None:
    """Sent 0.5 ms late and served in 2 ms: response 2.5 ms, service 2 ms; a later sending adds to response only."""
    samples = [synthetic.sample(1), synthetic.sample(2, sent_ns=23 * MS, done_ns=25 * MS)]
    assert response_ms(samples).tolist() == [2.5, 5.0]
    assert service_ms(samples).tolist() == [2.0, 2.0]


def test_only_answers_to_the_hot_step_are_timed(synthetic: SimpleNamespace) -> None:
    """Logins are not mixed into reads; refused and unanswered requests have no time to tell; errors do."""
    hot, error = synthetic.sample(0), synthetic.sample(1, status=503)
    others = [synthetic.sample(2, step="login"), synthetic.sample(3, status=401), synthetic.sample(4, status=0)]
    assert timed([hot, error, *others], "steady") == [hot, error]
    assert timed([hot, *others], "login") == [others[0]]


def test_percentiles_are_told_only_with_enough_samples() -> None:
    """500 samples are enough for p99 (459) and not for p99.9 (4,603)."""
    told = percentiles(np.arange(500.0))
    assert [name for name, estimate in told.items() if estimate is None] == ["p99.9"]


def test_spectrum_rises_to_the_last_quantile_with_enough_samples() -> None:
    """Quantiles and times ascend; 459 samples reach p99 and 5,000 reach p99.9."""
    short, long = spectrum(np.arange(459.0)), spectrum(np.arange(5000.0))
    assert short[-1][0] == pytest.approx(0.99)
    assert long[-1] == pytest.approx((0.999, 4994.0))
    assert len(long) == 60
    assert list(long) == sorted(long)
    assert spectrum(np.empty(0)) == ()


def test_lateness_leaves_out_those_that_found_no_visitor_idle(synthetic: SimpleNamespace) -> None:
    """Two visitors: the third arrival finds both busy until 100 ms and waits; its delay is not the dispatcher's.

    Sent 1, 2, 90 and 1 ms late: without the third 1, 1 and 2.
    """
    times = [(0, 1, 100), (5, 7, 100), (10, 100, 110), (200, 201, 203)]
    samples = [
        synthetic.sample(n, intended_ns=intended * MS, sent_ns=sent * MS, done_ns=done * MS)
        for n, (intended, sent, done) in enumerate(times)
    ]
    assert lateness_ms(samples, visitors=2).tolist() == [1.0, 1.0, 2.0]
    assert lateness_ms(samples, visitors=3).tolist() == [1.0, 1.0, 2.0, 90.0]


def test_lateness_of_several_records_is_pooled(synthetic: SimpleNamespace) -> None:
    """99 requests 0.5 ms late in one record, 1 of 4 ms in another: rank 99 of 100 is 0.5; 2 of 4 ms make it 4."""
    first = [synthetic.sample(n) for n in range(99)]
    late = [synthetic.sample(n, sent_ns=n * 10 * MS + 4 * MS, done_ns=n * 10 * MS + 5 * MS) for n in range(2)]
    assert lateness_p99_ms([first, late[:1]], 10) == 0.5
    assert lateness_p99_ms([first[1:], late], 10) == 4.0


def test_nothing_sent_is_infinitely_late() -> None:
    """A cell that sent nothing never looks punctual."""
    assert lateness_p99_ms([], 10) == math.inf
    assert lateness_p99_ms([[]], 10) == math.inf
