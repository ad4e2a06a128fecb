"""The mean of turns on a machine that is not ours alone: what interrupted a few of them does not move it."""

import math
from collections.abc import Sequence
from statistics import variance

from scipy.special import stdtrit

from bench.analysis.intervals import TAIL
from bench.analysis.model import Estimate

TRIMMED = 6
"""One in so many is left out at either end: an interruption is rare, and lengthens one turn."""


def trimmed_mean(values: Sequence[float]) -> Estimate:
    """Mean of the middle of independent values, in their unit: m +/- t(h-1) s_w / ((1 - 2g/n) sqrt(n)).

    n values, g = floor(n / 6) left out at either end, h = n - 2g kept; s_w is the standard deviation (n-1) after each
    value left out was replaced by the nearest one kept. One value has an infinite interval.
    Source: Tukey and McLaughlin, "Less vulnerable confidence and significance procedures for location", Sankhya A 25,
    1963.
    """
    ordered, out = sorted(values), len(values) // TRIMMED
    kept = ordered[out : len(ordered) - out]
    centre = math.fsum(kept) / len(kept)
    if len(kept) == 1:
        return Estimate(centre, -math.inf, math.inf)
    squeezed = [kept[0]] * out + kept + [kept[-1]] * out
    share = len(kept) / len(ordered)
    half = float(stdtrit(len(kept) - 1, 1 - TAIL)) * math.sqrt(variance(squeezed) / len(ordered)) / share
    return Estimate(centre, centre - half, centre + half)
