"""The theory of a wave: what chance makes of tokens that end together, played over many times."""

import math

import numpy as np
import pytest

from bench.consequences.apparatus.herd import Renewing, counts, expected, peak_per_s

SECONDS = 10


def _how(**changes: float) -> Renewing:
    usual = {"visitors": 40, "rate_per_s": 1.0, "shortest_s": 5, "longest_s": 5, "early_s": 0.0}
    return Renewing(**{**usual, **changes}, in_whole_seconds=True)  # type: ignore[arg-type] # all numbers


def test_whoever_asks_all_the_time_renews_in_the_second_in_which_his_token_ends() -> None:
    """Issued within one second, tokens end at the same instant; the wave is everybody at once."""
    issued_s = np.linspace(-3.9, -3.1, 40)
    found = expected(_how(rate_per_s=1e6), issued_s, 0.0, SECONDS - 4, seed=1)
    assert (found.renewals.value, found.peak_per_s.value) == (40, 40)
    assert found.renewals.low == found.renewals.high == 40


def test_users_who_ask_seldom_spread_the_wave() -> None:
    """After one mean waiting time 1 - 1/e of them have renewed: arrivals are Poisson."""
    issued_s = np.full(1000, -4.5)
    found = expected(_how(visitors=1000, rate_per_s=0.5), issued_s, 0.0, 3, seed=1)
    assert found.renewals.value == pytest.approx(1000 * (1 - math.exp(-0.5 * (3 - 1))), rel=0.02)
    assert found.renewals.low < found.renewals.value < found.renewals.high


def test_jitter_lowers_the_peak_and_raises_the_count() -> None:
    """Tokens end apart, and on average sooner."""
    issued_s = np.full(200, -0.5)
    plain = expected(_how(visitors=200, rate_per_s=5.0), issued_s, 0.0, SECONDS, seed=1)
    drawn = expected(_how(visitors=200, rate_per_s=5.0, shortest_s=2), issued_s, 0.0, SECONDS, seed=1)
    assert drawn.peak_per_s.high < plain.peak_per_s.low
    assert drawn.renewals.low > plain.renewals.high


def test_who_renews_early_goes_by_his_own_clock() -> None:
    """A BFF counts from the second it was granted, so tokens issued within a second are due within one as well."""
    issued_s = np.array([-3.9, -3.1])
    how = Renewing(2, 1e6, 5, 5, 1.0, in_whole_seconds=False)
    assert expected(how, issued_s, 0.0, 1, seed=1).renewals.value == 2
    assert expected(how, issued_s - 0.5, 0.0, 1, seed=1).peak_per_s.value == 2
    in_whole = Renewing(2, 1e6, 5, 5, 1.0, in_whole_seconds=True)
    assert expected(in_whole, issued_s, 0.0, 1, seed=1).renewals.value == 0
    assert expected(in_whole, issued_s, 0.0, 2, seed=1).peak_per_s.value == 2


def test_a_token_that_ended_before_the_load_is_renewed_when_it_begins() -> None:
    """Nobody comes before."""
    found = expected(_how(rate_per_s=1e6), np.full(40, -100.0), 0.0, 1, seed=1)
    assert found.renewals.value == 40


def test_an_even_spread_is_a_user_a_lifetime() -> None:
    """Of the mean lifetime, as long as it is used."""
    assert _how().even_per_s == 8
    assert _how(shortest_s=3, early_s=2.0).even_per_s == 20
    assert _how(shortest_s=3).mean_life_s == 4


def test_peaks_are_counted_in_bins_of_a_second() -> None:
    """From the start to the end; what lies outside is not there."""
    times_s = np.array([-1.0, 0.1, 1.2, 1.3, 9.9, 10.5])
    assert counts(times_s, SECONDS).tolist() == [1, 2, 0, 0, 0, 0, 0, 0, 0, 1]
    assert peak_per_s(times_s, SECONDS) == 2
    assert peak_per_s(np.array([]), SECONDS) == 0
