"""Whether a scheme's cost over the control changed between two runs of the same arms, cell by cell."""

import math
from dataclasses import dataclass

from bench.analysis.comparison import LEAST_LOG_RATIO
from bench.analysis.model import Comparison, Estimate, Summary


@dataclass(frozen=True, slots=True)
class Change:
    """One cell in two runs. `before`, `after`: its cost over the control of its own run.

    `ratio`: after / before, so what changed for this scheme beyond what changed for the control. `shown` when its
    interval clears +/- max(A/A half-width of either run, 2 %).
    """

    cell: str
    before: Estimate
    after: Estimate
    ratio: Estimate
    shown: bool


def changes(before: Summary, after: Summary) -> tuple[Change, ...]:
    """The cells that both runs compare with their control, in the order of the later run."""
    earlier = {comparison.candidate: comparison for comparison in before.to_control}
    bar = max(_half_width(before), _half_width(after), LEAST_LOG_RATIO)
    pairs = ((earlier.get(later.candidate), later) for later in after.to_control)
    return tuple(_change(first, later, bar) for first, later in pairs if first is not None)


def _change(before: Comparison, after: Comparison, bar: float) -> Change:
    ratio = quotient(before.ratio, after.ratio)
    return Change(after.candidate, before.ratio, after.ratio, ratio, shown=clears(ratio, bar))


def quotient(before: Estimate, after: Estimate) -> Estimate:
    """After / before, both positive and independent: their half-widths add in quadrature on the log scale."""
    log_ratio = math.log(after.value / before.value)
    half = math.hypot(_log_half_width(before), _log_half_width(after))
    return Estimate(*(math.exp(log_ratio + shift) for shift in (0.0, -half, half)))


def clears(ratio: Estimate, bar: float) -> bool:
    """Whether the whole interval of `ratio` lies beyond `bar`, a difference of logarithms, either way."""
    return abs(math.log(ratio.value)) - _log_half_width(ratio) > bar


def _log_half_width(ratio: Estimate) -> float:
    return math.log(ratio.high / ratio.low) / 2 if ratio.low > 0 else math.inf


def _half_width(summary: Summary) -> float:
    return summary.control.half_width_ratio if summary.control else math.inf
