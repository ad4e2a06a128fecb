"""How two programs compare after a few fresh pairs of processes, with an interval that knows how few they are."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv, stdtrit

from bench.analysis.intervals import TAIL
from bench.analysis.model import Estimate
from bench.gates.model import Comparison, Pair

RESAMPLES = 1000
"""Even, since each is drawn together with its mirror image."""

Counts = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


def compare(pairs: Sequence[Pair], alpha: float, seed: int) -> Comparison:
    """Candidate over base: the median m of all rounds' log-ratios, and an interval with `alpha` beyond either end.

    The pair of processes is the sampling unit: rounds of one pair share a memory layout and a hash seed. So the
    bootstrap draws n of n whole pairs with replacement and keeps their rounds as they are, which mimics the variance
    of nested data better than drawing rounds anew within them (Davison and Hinkley, "Bootstrap Methods and their
    Application", 1997, section 3.8; Kalibera and Jones, "Rigorous Benchmarking in Reasonable Time", 2013). Percentiles
    of a bootstrap over 5 clusters are far too narrow (Cameron, Gelbach and Miller, "Bootstrap-Based Improvements for
    Inference with Clustered Errors", 2008). With s the standard deviation of the resampled medians the interval is
    m +/- t(n-1) s sqrt(n / (n-1)): Student's t for a variance known from n pairs, and the root because a bootstrap's
    variance is short by (n-1) / n. One pair alone has an infinite interval. ValueError for none, or one without rounds.
    """
    if not pairs or not all(len(pair) for pair in pairs):
        message = f"found rounds {[len(pair) for pair in pairs]} by pair, expected a pair at least and rounds in each"
        raise ValueError(message)
    ranked = [np.asarray(pair, dtype=np.float64) for pair in sorted(pairs, key=_rank)]
    centre = float(np.median(np.concatenate(ranked)))
    half = _half_width(ranked, alpha, seed)
    ratio = Estimate(math.exp(centre), math.exp(centre - half), _exp(centre + half))
    return Comparison(ratio, len(ranked), sum(map(len, ranked)))


def _rank(pair: Pair) -> tuple[float, float]:
    """What orders pairs alike however they came, and the other way round where base and candidate are swapped."""
    return float(np.median(pair)), math.fsum(pair)


def _exp(end: float) -> float:
    """The exponential of an end that may be infinite, or as good as that."""
    try:
        return math.exp(end)
    except OverflowError:
        return math.inf


def _half_width(ranked: Sequence[Floats], alpha: float, seed: int) -> float:
    """t(n-1) s sqrt(n / (n-1)), of the log-ratio."""
    n = len(ranked)
    if n == 1:
        return math.inf
    spread = float(_medians(ranked, _draws(n, seed)).std())
    return float(stdtrit(n - 1, 1 - alpha)) * spread * math.sqrt(n / (n - 1))


def _draws(n: int, seed: int) -> Counts:
    """How often each of n ranked pairs is in each resample.

    Every draw comes with its mirror image, the greatest for the smallest: less is left to chance, and swapped signs
    give the same spread (Hall, "Antithetic resampling for the bootstrap", Biometrika 76, 1989).
    """
    draws = np.random.default_rng(seed).multinomial(n, [1 / n] * n, RESAMPLES // 2).astype(np.int32)
    return np.concatenate([draws, draws[:, ::-1]])


def _medians(ranked: Sequence[Floats], draws: Counts) -> Floats:
    """The median of all rounds of each resample: every round, in ascending order, weighs as often as its pair is in."""
    rounds = np.concatenate(ranked)
    ascending = np.argsort(rounds, kind="stable")
    owners = np.repeat(np.arange(len(ranked)), [len(pair) for pair in ranked])[ascending]
    reached = draws[:, owners].cumsum(axis=1, dtype=np.int32)
    total = reached[:, -1:]
    lower = (reached >= (total + 1) // 2).argmax(axis=1)
    upper = (reached >= total // 2 + 1).argmax(axis=1)
    middles: Floats = (rounds[ascending[lower]] + rounds[ascending[upper]]) / 2
    return middles


def proportion(hits: int, trials: int) -> Estimate:
    """`hits` / `trials` with an interval that is never too narrow; nothing out of nothing is 0, anywhere in 0 to 1.

    The ends are quantiles of beta distributions: Beta(h, n-h+1) at 2.5 % and Beta(h+1, n-h) at 97.5 %.
    Source: Clopper and Pearson, "The use of confidence or fiducial limits ...", Biometrika 26, 1934.
    """
    if trials == 0:
        return Estimate(0.0, 0.0, 1.0)
    low = float(betaincinv(hits, trials - hits + 1, TAIL)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - TAIL)) if hits < trials else 1.0
    return Estimate(hits / trials, low, high)
