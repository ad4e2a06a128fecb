"""How the figures of a cell move over runs: where the level changes, and that chance alone hardly ever says so."""

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import numpy.typing as npt
from ruptures import KernelCPD
from scipy.special import stdtrit

from bench.analysis.costs import TOTAL
from bench.analysis.intervals import TAIL
from bench.analysis.model import CellSummary, Estimate, Summary
from loadtests.plan import Purpose

Metric = Literal["cpu", "p50", "p99"]
Floats = npt.NDArray[np.float64]

LEAST_RUNS = 8
"""Fewer tell no trend; and no more than one change is looked for in as many."""
HELD_RUNS = 3
"""A level counts once so many runs in a row held it: one bad night is none."""
FALSE_ALARM = 0.01
"""How often a whole series of unchanged code may show a change in any of its figures, at most."""
RESOLUTION = 1e-6
"""Logarithms closer than this are the same: figures that never vary have no level that changes."""
METRICS: Mapping[Purpose, tuple[Metric, ...]] = {"cpu": ("cpu",), "latency": ("p50", "p99")}
"""What a cell was measured for."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run came to. `started_at` is ISO 8601 with its zone."""

    id: str
    started_at: str
    summary: Summary


@dataclass(frozen=True, slots=True)
class Point:
    """One figure of one run: CPU microseconds per successful request, or milliseconds of the response time."""

    run: str
    started_at: str
    value: float


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """Where a level begins: `points[place]` is the first that has it. `ratio`: this level over the one before it."""

    place: int
    ratio: Estimate


@dataclass(frozen=True, slots=True)
class Trend:
    """One figure of one cell over the runs that have it, in their order; `cell` is its id."""

    cell: str
    scheme: str
    metric: Metric
    points: tuple[Point, ...]
    changes: tuple[ChangePoint, ...] = ()

    @property
    def is_told(self) -> bool:
        """Whether there are runs enough to look for changes."""
        return len(self.points) >= LEAST_RUNS

    @property
    def levels(self) -> tuple[tuple[int, int], ...]:
        """The stretches of one level, each from its first point to before the next one's."""
        ends = (0, *(change.place for change in self.changes), len(self.points))
        return tuple(pairwise(ends))


def trends(runs: Sequence[Run]) -> tuple[Trend, ...]:
    """Every figure of every cell of `runs`, which are in their order and alike; INVALID cells are in none."""
    found: dict[tuple[str, str, Metric], list[Point]] = defaultdict(list)
    for run in runs:
        for cell in run.summary.cells:
            for metric, value in _figures(cell):
                found[cell.id, cell.cell.scheme, metric].append(Point(run.id, run.started_at, value))
    told = sum(len(points) >= LEAST_RUNS for points in found.values())
    return tuple(
        Trend(*key, tuple(points), changes([point.value for point in points], told)) for key, points in found.items()
    )


def _figures(cell: CellSummary) -> Iterator[tuple[Metric, float]]:
    if cell.verdict.status == "INVALID":
        return
    for metric in METRICS[cell.cell.purpose]:
        figure = cell.cpu_us.get(TOTAL) if metric == "cpu" else cell.response_ms.get(metric)
        if figure and figure.value > 0:
            yield metric, figure.value


def changes(values: Sequence[float], figures: int = 1) -> tuple[ChangePoint, ...]:
    """Where the level of `values` > 0 changes, by the logarithm; `figures` series are asked alongside this one.

    For k changes, the exact least squares fit of k + 1 levels of at least HELD_RUNS values leaves a sum of squares
    R(k). Told is the k that makes n ln R(k) + k x `penalty` least, k <= n / LEAST_RUNS: a Gaussian likelihood whose
    variance is not known. Source of the criterion: Yao, "Estimating the number of change-points via Schwarz'
    criterion", Statistics & Probability Letters 6, 1988; of the fit: Truong, Oudre and Vayatis, "Selective review of
    offline change point detection methods", Signal Processing 167, 2020.
    """
    n = len(values)
    if n < LEAST_RUNS:
        return ()
    logs: Floats = np.log(np.array(values, dtype=np.float64))
    fit = KernelCPD(kernel="linear", min_size=HELD_RUNS).fit(logs.reshape(-1, 1))
    layouts = [(n,), *(tuple(fit.predict(n_bkps=k)) for k in range(1, n // LEAST_RUNS + 1))]
    each = penalty(n, figures)
    best = min(layouts, key=lambda ends: n * math.log(_squares(logs, ends)) + (len(ends) - 1) * each)
    return tuple(_change_points(logs, best))


def penalty(n: int, figures: int = 1) -> float:
    """What a change among `n` values must take off n ln R to be told: n ln(1 + t^2 / (n - 2)).

    That is the likelihood ratio of a shift at a known place whose two-sample t with n - 2 degrees of freedom is t.
    The place is the best of n + 1 - 2 HELD_RUNS and the series one of `figures`, so t is the point that chance exceeds
    either way with FALSE_ALARM over both (Bonferroni): an upper bound for independent Gaussian noise.
    Source: Worsley, "On the likelihood ratio test for a shift in location of normal populations", JASA 74, 1979.
    """
    places = n + 1 - 2 * HELD_RUNS
    t = float(stdtrit(n - 2, 1 - FALSE_ALARM / (2 * places * figures)))
    return n * math.log1p(t * t / (n - 2))


def _squares(logs: Floats, ends: Sequence[int]) -> float:
    """What the levels that end before `ends` leave, and never nothing at all."""
    left = sum(float(((level - level.mean()) ** 2).sum()) for level in _split(logs, ends))
    return max(left, len(logs) * RESOLUTION**2)


def _split(logs: Floats, ends: Sequence[int]) -> list[Floats]:
    return np.split(logs, ends[:-1])


def _change_points(logs: Floats, ends: Sequence[int]) -> Iterator[ChangePoint]:
    """Student's t intervals with the variance pooled over the levels; the place is taken as known."""
    levels = _split(logs, ends)
    freedom = len(logs) - len(levels)
    reach = float(stdtrit(freedom, 1 - TAIL)) * math.sqrt(_squares(logs, ends) / freedom)
    for place, before, after in zip(ends, levels, levels[1:], strict=False):
        moved = float(after.mean() - before.mean())
        half = reach * math.sqrt(1 / len(before) + 1 / len(after))
        yield ChangePoint(place, Estimate(*(math.exp(moved + shift) for shift in (0.0, -half, half))))
