"""The one place where a figure becomes text: three significant digits, a unit, and its interval beside it."""

import math

from bench.analysis.intervals import minimum_samples
from bench.analysis.model import Estimate

SIGNIFICANT_DIGITS = 3
DECIMALS_MAX = 3
MINUS = "\N{MINUS SIGN}"
EN_DASH = "\N{EN DASH}"
SPACE = "\N{NO-BREAK SPACE}"


def number(value: float, *, scale: float | None = None) -> str:
    """`value` with as many decimals as three significant digits of `scale` (by default of itself) have."""
    decimals = _decimals(abs(value if scale is None else scale))
    rounded = round(value, decimals)
    return f"{rounded or 0.0:,.{max(decimals, 0)}f}".replace("-", MINUS)


def signed(value: float, *, scale: float | None = None) -> str:
    """As `number`, with a plus where it is positive."""
    return ("+" if value > 0 else "") + number(value, scale=scale)


def count(value: int) -> str:
    """A whole number, exact, thousands apart."""
    return f"{value:,}"


def percent(ratio: float, *, decimals: int = 1) -> str:
    """A ratio as a percentage: 0.314 is 31.4 %; nothing at all is 0 %."""
    digits = decimals if ratio else 0
    return f"{round(ratio * 100, digits) or 0.0:,.{digits}f}{SPACE}%".replace("-", MINUS)


def signed_percent(ratio: float) -> str:
    """As `percent`, with a plus where it is positive."""
    return ("+" if ratio > 0 else "") + percent(ratio)


def interval(estimate: Estimate, unit: str) -> str:
    """`437 µs (428-446)`: the figure and its 95 % interval, all with the same number of decimals."""
    figure = f"{number(estimate.value)}{SPACE}{unit}"
    return f"{figure} ({ends(estimate) if has_interval(estimate) else 'no interval'})"


def ends(estimate: Estimate, *, scale: float | None = None) -> str:
    """`428-446`: the finite interval alone, with as many decimals as `scale`, by default the figure, has."""
    scale = estimate.value if scale is None else scale
    return _range(number(estimate.low, scale=scale), number(estimate.high, scale=scale))


def signed_interval(estimate: Estimate, unit: str) -> str:
    """`+212 µs (+190 to +234)`: a difference and its 95 % interval."""
    scale = _magnitude(estimate)
    figure = f"{signed(estimate.value, scale=scale)}{SPACE}{unit}"
    if not has_interval(estimate):
        return f"{figure} (no interval)"
    return f"{figure} ({signed(estimate.low, scale=scale)} to {signed(estimate.high, scale=scale)})"


def percent_interval(estimate: Estimate) -> str:
    """`50.1 % (49.2-51.0)` from a ratio and its interval."""
    if not has_interval(estimate):
        return f"{percent(estimate.value)} (no interval)"
    low, high = (percent(end).removesuffix(f"{SPACE}%") for end in (estimate.low, estimate.high))
    return f"{percent(estimate.value)} ({_range(low, high)})"


def change(ratio: Estimate) -> str:
    """`+31.4 % (+28.1 to +34.8)` from the ratio of two figures, 1 meaning no change."""
    if not has_interval(ratio):
        return f"{signed_percent(ratio.value - 1)} (no interval)"
    low, high = (signed_percent(end - 1).removesuffix(f"{SPACE}%") for end in (ratio.low, ratio.high))
    return f"{signed_percent(ratio.value - 1)} ({low} to {high})"


def half_width(estimate: Estimate) -> float:
    """Half of the interval, in the estimate's unit."""
    return (estimate.high - estimate.low) / 2


def has_interval(estimate: Estimate) -> bool:
    """Whether an interval was measured; one block alone has none."""
    return math.isfinite(estimate.high - estimate.low)


def plural(number_of: int, noun: str) -> str:
    """`1 replica`, `2 replicas`."""
    return f"{count(number_of)} {noun}{'' if number_of == 1 else 's'}"


def duration(seconds: float) -> str:
    """`2 min 41 s`."""
    minutes, rest_s = divmod(round(seconds), 60)
    return f"{minutes} min {rest_s} s" if minutes else f"{rest_s} s"


def milliseconds(estimate: Estimate | None, percentile: str) -> str:
    """A percentile with its interval, or why there is none."""
    if estimate is None:
        return f"too few (needs {count(minimum_samples(float(percentile.removeprefix('p')) / 100))})"
    return interval(estimate, "ms")


def _range(low: str, high: str) -> str:
    return f"{low} to {high}" if MINUS in low + high else f"{low}{EN_DASH}{high}"


def _magnitude(estimate: Estimate) -> float:
    """A difference close to zero is as exact as its interval, not more."""
    ends = (estimate.value, estimate.low, estimate.high)
    return max(abs(end) for end in ends if math.isfinite(end))


def _decimals(magnitude: float) -> int:
    """May be negative: 1,234 has its last significant digit in the tens."""
    if magnitude == 0:
        return 0
    exponent = math.floor(math.log10(float(f"{magnitude:.{SIGNIFICANT_DIGITS - 1}e}")))
    return min(SIGNIFICANT_DIGITS - 1 - exponent, DECIMALS_MAX)
