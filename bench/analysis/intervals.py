"""Figures with their 95 % intervals, each by a formula stated beside it; nothing here knows what was measured."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, bdtrik, ndtri, stdtrit

from bench.analysis.model import CONFIDENCE, Estimate

Floats = npt.NDArray[np.float64]

TAIL = (1 - CONFIDENCE) / 2
"""Probability left outside at either end of an interval."""
REACH = 0.99
"""How surely the largest sample must lie beyond a quantile before that quantile is told."""


def mean(values: Sequence[float]) -> Estimate:
    """Mean of independent values in their own unit, with Student's t interval: m +/- t(n-1) s / sqrt(n).

    s is the sample standard deviation (n-1). One value has an infinite interval. ValueError without any.
    Source: Student, "The probable error of a mean", Biometrika 6, 1908.
    """
    if not values:
        message = "found no values, expected at least one to take the mean of"
        raise ValueError(message)
    centre = math.fsum(values) / len(values)
    squares = math.fsum((value - centre) ** 2 for value in values)
    half = _half_width(squares, len(values) - 1, 1 / len(values))
    return Estimate(centre, centre - half, centre + half)


def _half_width(squares: float, freedom: int, weight: float) -> float:
    """t(freedom) x sqrt(weight x squares / freedom): infinite where no freedom is left to know a variance by."""
    if freedom < 1:
        return math.inf
    return float(stdtrit(freedom, 1 - TAIL)) * math.sqrt(weight * squares / freedom)


@dataclass(frozen=True, slots=True)
class PooledRatios:
    """What every arm costs relative to every other: `log_means` by arm, `half_width` of any log-ratio."""

    log_means: Mapping[str, float]
    half_width: float

    def ratio(self, candidate: str, baseline: str) -> Estimate:
        """Candidate / baseline: exp(d +/- half_width) with d the difference of the log means."""
        d = self.log_means[candidate] - self.log_means[baseline]
        return Estimate(math.exp(d), math.exp(d - self.half_width), math.exp(d + self.half_width))


def pooled_ratios(costs: Mapping[str, Sequence[float]]) -> PooledRatios:
    """Ratios between arms that ran in the same blocks; `costs` > 0 by arm, each in the order of the blocks.

    Model: y_ab = log cost = mu + arm_a + block_b + e_ab, e independent with one variance over all arms (A arms,
    B blocks: a randomised complete block design). Its estimate pools the residuals r_ab = y_ab - y_a. - y_.b + y..:
    s^2 = sum r_ab^2 / ((A-1)(B-1)). A log-ratio d = y_i. - y_j. has variance 2 s^2 / B, so its interval is
    d +/- t((A-1)(B-1)) sqrt(2 s^2 / B). Taking every arm's log-ratios to one shared control as independent would
    count A (B-1) degrees of freedom that are not there: the control's own error is in all of them.
    ValueError when the blocks differ in number, are none, or a cost is not positive.
    Source: Montgomery, "Design and Analysis of Experiments", chapter 4 (randomised complete blocks).
    """
    sizes = {len(values) for values in costs.values()}
    if len(sizes) != 1 or sizes == {0} or any(value <= 0 for values in costs.values() for value in values):
        message = f"found {sorted(sizes)} costs by arm, expected as many positive ones for each"
        raise ValueError(message)
    logs: Floats = np.log(np.array(list(costs.values()), dtype=np.float64))
    arms, blocks = logs.shape
    arm_means = logs.mean(axis=1)
    residuals = logs - arm_means[:, None] - logs.mean(axis=0)[None, :] + logs.mean()
    half = _half_width(float((residuals**2).sum()), (arms - 1) * (blocks - 1), 2 / blocks)
    return PooledRatios(dict(zip(costs, arm_means.tolist(), strict=True)), half)


def proportion(count: int, of: int) -> Estimate:
    """`count` / `of` with Wilson's score interval; nothing out of nothing is 0, anywhere between 0 and 1.

    With p = count/n and z = 1.96: (p + z^2/2n +/- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n).
    Source: Wilson, "Probable inference ...", JASA 22, 1927.
    """
    if of == 0:
        return Estimate(0.0, 0.0, 1.0)
    p, z2 = count / of, float(ndtri(1 - TAIL)) ** 2
    centre = p + z2 / (2 * of)
    half = math.sqrt(z2 * (p * (1 - p) / of + z2 / (4 * of * of)))
    scale = 1 + z2 / of
    return Estimate(p, max(0.0, min(p, (centre - half) / scale)), min(1.0, max(p, (centre + half) / scale)))


def minimum_samples(quantile: float) -> int:
    """Fewest independent samples whose largest exceeds the quantile q with 99 %: the least n with 1 - q^n >= 0.99.

    7 for p50, 44 for p90, 90 for p95, 459 for p99, 4603 for p99.9.
    """
    return math.ceil(math.log(1 - REACH) / math.log(quantile))


def percentile(ascending: Floats, quantile: float) -> Estimate | None:
    """The sample at rank ceil(n q) of sorted values, in their unit; None below `minimum_samples(quantile)`.

    The interval needs no distribution: it runs from the sample at rank l to that at rank u, with l and u - 1 the
    2.5 % and 97.5 % points of Binomial(n, q), the number of samples below the quantile. It covers chance in
    independent samples, not differences between blocks. `quantile` in [0.5, 1).
    Source: David and Nagaraja, "Order Statistics", 3rd edition, section 7.1.
    """
    n = len(ascending)
    if n < minimum_samples(quantile):
        return None
    ranks = (_rank(n, quantile), _binomial_point(TAIL, n, quantile), _binomial_point(1 - TAIL, n, quantile) + 1)
    value, low, high = (float(ascending[rank - 1]) for rank in ranks)
    return Estimate(value, low, high)


def plain_percentile(ascending: Floats, quantile: float) -> float:
    """The sample at rank ceil(n q) however few there are; infinite when there is none."""
    return float(ascending[_rank(len(ascending), quantile) - 1]) if len(ascending) else math.inf


def _rank(n: int, quantile: float) -> int:
    """ceil(n q) from 1, forgiving the last bits of a product that should be whole."""
    return max(1, math.ceil(n * quantile - 1e-9))


def _binomial_point(probability: float, n: int, quantile: float) -> int:
    """The least k with P(Binomial(n, quantile) <= k) >= probability."""
    k = math.ceil(float(bdtrik(probability, n, quantile)))
    return k - 1 if k > 0 and float(bdtr(k - 1, n, quantile)) >= probability else k
