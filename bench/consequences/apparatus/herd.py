"""Pure: when tokens that were issued together are renewed, by the times they end and by chance."""

from dataclasses import dataclass

import numpy as np

from bench.analysis.intervals import Floats
from bench.analysis.model import Estimate

TRIALS = 400
BIN_S = 1.0


@dataclass(frozen=True, slots=True)
class Renewing:
    """How `visitors` use tokens of one kind, each `rate_per_s` times a second, at random.

    A token issued at t ends at ceil(t) + L where `in_whole_seconds`, else at t + L; L is drawn evenly from the whole
    seconds between `shortest_s` and `longest_s`, and the token is renewed at the first use `early_s` before its end or
    later.
    """

    visitors: int
    rate_per_s: float
    shortest_s: int
    longest_s: int
    early_s: float
    in_whole_seconds: bool

    @property
    def mean_life_s(self) -> float:
        """From the issue of a token to its first use that renews it, were it used all the time."""
        return (self.shortest_s + self.longest_s) / 2 - self.early_s

    @property
    def even_per_s(self) -> float:
        """Renewals per second of as many users whose tokens were issued at any time."""
        return self.visitors / self.mean_life_s


@dataclass(frozen=True, slots=True)
class Expected:
    """What chance makes of it: renewals in all and at the peak (per second), each with the middle 95 % of trials."""

    renewals: Estimate
    peak_per_s: Estimate


def expected(how: Renewing, issued_s: Floats, epoch_s: float, seconds: int, seed: int) -> Expected:
    """Play `seconds` of load that begins at `epoch_s` on the service clock; `issued_s` count from there, so are < 0.

    From max(its due time, 0) on a visitor's next use comes after an exponential time with mean 1/`rate_per_s`, as
    arrivals are Poisson and each goes to anybody idle; it renews, and the next token is due accordingly.
    """
    rng = np.random.default_rng(seed)
    issued = np.broadcast_to(issued_s, (TRIALS, len(issued_s)))
    renewed: list[Floats] = []
    while np.any(issued < seconds):
        due = np.maximum(_due_s(how, issued, epoch_s, rng), 0.0)
        issued = due + rng.exponential(1 / how.rate_per_s, issued.shape)
        renewed.append(issued)
    times = np.concatenate(renewed, axis=1)
    return Expected(
        _middle(np.count_nonzero(times < seconds, axis=1)),
        _middle(np.array([peak_per_s(one, seconds) for one in times])),
    )


def peak_per_s(times_s: Floats, seconds: int) -> float:
    """The most renewals in a bin of BIN_S, per second."""
    return float(counts(times_s, seconds).max(initial=0)) / BIN_S


def counts(times_s: Floats, seconds: int) -> Floats:
    """Renewals bin by bin, from 0 to `seconds`."""
    return np.histogram(times_s, bins=round(seconds / BIN_S), range=(0.0, float(seconds)))[0].astype(np.float64)


def _due_s(how: Renewing, issued_s: Floats, epoch_s: float, rng: np.random.Generator) -> Floats:
    lives = rng.integers(how.shortest_s, how.longest_s, issued_s.shape, endpoint=True)
    began = np.ceil(issued_s + epoch_s) - epoch_s if how.in_whole_seconds else issued_s
    due: Floats = began + lives - how.early_s
    return due


def _middle(values: Floats) -> Estimate:
    low, high = np.quantile(values, (0.025, 0.975))
    mean = float(np.mean(values))
    return Estimate(mean, min(mean, float(low)), max(mean, float(high)))
