"""The check of distributed load can fail: what is not a Poisson process is told from one."""

import numpy as np

from bench.selfcheck.distributed import RATE_RPS, WORKERS, _hour_ns, _poisson

NS_PER_S = 1e9


def test_a_workers_part_is_poisson() -> None:
    """Mean and variance of its gaps hold, at its share of the rate; at the whole rate neither does."""
    starts_ns = _hour_ns(0)
    assert [finding.holds for finding in _poisson("a part", starts_ns, RATE_RPS / WORKERS)] == [True, True]
    assert [finding.holds for finding in _poisson("a part", starts_ns, RATE_RPS)] == [False, False]


def test_even_gaps_are_not_poisson() -> None:
    """Their mean is right and their variance is not."""
    starts_ns = [int(at) for at in np.arange(1000) * NS_PER_S / RATE_RPS]
    assert [finding.holds for finding in _poisson("a metronome", starts_ns, RATE_RPS)] == [True, False]
