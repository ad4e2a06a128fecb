"""Percentiles with a resolution worth reading: three significant digits, down to a microsecond.

Locust counts response times in buckets of whole milliseconds below 100 ms and of two digits above, so a true median of
0.27 ms shows as 0. `install` puts a finer bucketing in its documented place; buckets stay numbers of milliseconds, so
workers and master exchange them as before. Every process of a run must install it.
"""

import math

from locust import stats

SIGNIFICANT_DIGITS = 3
FINEST_DIGITS = 3
"""Decimals of a millisecond: no bucket is finer than 1 us, which keeps them below 7,200 up to 100 s."""


def bucket_ms(response_time_ms: float) -> float:
    """The bucket of a response time: 0.2704 -> 0.27, 1.7712 -> 1.77, 147.3 -> 147, 3432 -> 3430."""
    if response_time_ms <= 0:
        return 0
    magnitude = math.floor(math.log10(response_time_ms))
    return round(response_time_ms, min(FINEST_DIGITS, SIGNIFICANT_DIGITS - 1 - magnitude))


def install() -> None:
    """Make this process count, show and write response times at our resolution."""
    stats.bucket_response_time = bucket_ms
    stats.proper_round = _rounded_ms
    stats.StatsCSV._percentile_fields = _percentile_fields  # noqa: SLF001 - it cuts off all decimals
    stats.StatsEntry.percentile = _percentile_line


def _rounded_ms(value_ms: float, digits: int = 0) -> float:  # noqa: ARG001 - called as Locust's own is
    return bucket_ms(value_ms)


def _percentile_fields(writer: stats.StatsCSV, entry: stats.StatsEntry, *, use_current: bool = False) -> list[str]:
    """One row's percentiles in a CSV file."""
    if not entry.num_requests:
        return list(writer.percentiles_na)
    current = use_current and entry.use_response_times_cache
    read = entry.get_current_response_time_percentile if current else entry.get_response_time_percentile
    return [f"{read(share) or 0:g}" for share in writer.percentiles_to_report]


def _percentile_line(entry: stats.StatsEntry) -> str:
    """One row of the table that ends a run on the console."""
    name = f"{entry.method or '':<{stats.STATS_TYPE_WIDTH}} {entry.name:<{stats.STATS_NAME_WIDTH}}"
    shares = [f"{entry.get_response_time_percentile(share):>6g}" for share in stats.PERCENTILES_TO_REPORT]
    return " ".join([name, f"{shares[0]:>8}", *shares[1:], f"{entry.num_requests:>6}"])
