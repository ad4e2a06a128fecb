"""What trends come to in words: how much changed, in which runs, on which machine, and what is not enough to tell."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.trend import LEAST_RUNS, ChangePoint, Metric, Trend
from bench.measure.history import Series
from reports import format as figures

METRICS: Mapping[Metric, str] = {"cpu": "CPU", "p50": "p50", "p99": "p99"}
UNITS: Mapping[Metric, str] = {"cpu": "µs", "p50": "ms", "p99": "ms"}
DAY = len("2026-11-24")


@dataclass(frozen=True, slots=True)
class SeriesTrends:
    """One series of runs and all its figures."""

    series: Series
    trends: tuple[Trend, ...]

    @property
    def is_told(self) -> bool:
        """Whether it has runs enough."""
        return len(self.series.runs) >= LEAST_RUNS

    @property
    def changed(self) -> tuple[Trend, ...]:
        """The figures whose level changes."""
        return tuple(trend for trend in self.trends if trend.changes)


@dataclass(frozen=True, slots=True)
class TrendFacts:
    """Everything told beside the trends. `passed_over`: directories that could not be used and why."""

    command: str
    passed_over: tuple[str, ...] = ()


def verdict(told: Sequence[SeriesTrends]) -> str:
    """How many figures change their level, or that nothing can be said yet."""
    known = [one for one in told if one.is_told]
    if not known:
        longest = max((len(one.series.runs) for one in told), default=0)
        return f"Too few runs to tell a trend: a series takes {LEAST_RUNS}, the longest of {len(told)} has {longest}."
    asked = figures.plural(sum(trend.is_told for one in known for trend in one.trends), "figure")
    changed = sum(len(one.changed) for one in known)
    runs = figures.count(sum(len(one.series.runs) for one in known))
    return f"The level of {changed or 'none'} of {asked} changed in {runs} runs, {len(known)} series."


def heading(told: Sequence[SeriesTrends], place: int) -> str:
    """`Series 1 of 2: 14 runs of 7 arms, 2026-11-01 to 2026-11-14, on a Xeon with 2 cores, CPython 3.11.9`."""
    series = told[place].series
    first, last = (run.started_at[:DAY] for run in (series.runs[0], series.runs[-1]))
    machine = series.conditions.environment
    days = first if first == last else f"{first} to {last}"
    runs, arms = figures.plural(len(series.runs), "run"), figures.plural(len(series.conditions.company), "arm")
    where = f"{machine.cpu_model} with {figures.plural(machine.cores, 'core')}, {machine.python}"
    return f"Series {place + 1} of {len(told)}: {runs} of {arms}, {days}, on {where}"


def too_few(one: SeriesTrends) -> str:
    """Why a series tells no change."""
    return f"Too few to look for changes: {figures.plural(len(one.series.runs), 'run')}, of {LEAST_RUNS} at least."


def changes(told: Sequence[SeriesTrends]) -> Iterator[str]:
    """Every change of every figure, with the run from which on it holds."""
    for trend in (trend for one in told for trend in one.changed):
        for place, change in enumerate(trend.changes):
            first = trend.points[change.place]
            before, after = (_level(trend, *trend.levels[side]) for side in (place, place + 1))
            moved = f"{figures.change(change.ratio)}, {before} to {after}"
            yield f"{name(trend)}: {moved}, from run {first.run} on ({first.started_at[:DAY]})"


def in_short(trend: Trend) -> str:
    """`+10.1 % from 2026-11-08`, `none`, or how many runs there are where they are too few."""
    if not trend.is_told:
        return f"{len(trend.points)} of {LEAST_RUNS} runs"
    return ", ".join(_in_short(trend, change) for change in trend.changes) or "none"


def name(trend: Trend) -> str:
    """`jwt-hs256-bearer-1.cpu-30, CPU`."""
    return f"{trend.cell}, {METRICS[trend.metric]}"


def amount(trend: Trend, value: float) -> str:
    """`437 µs`."""
    return f"{figures.number(value)}{figures.SPACE}{UNITS[trend.metric]}"


def level(trend: Trend, begin: int, end: int) -> float:
    """The geometric mean of a stretch of points, which is what changes are told of."""
    product = 1.0
    for point in trend.points[begin:end]:
        product *= point.value ** (1 / (end - begin))
    return product


def _level(trend: Trend, begin: int, end: int) -> str:
    return amount(trend, level(trend, begin, end))


def _in_short(trend: Trend, change: ChangePoint) -> str:
    return f"{figures.signed_percent(change.ratio.value - 1)} from {trend.points[change.place].started_at[:DAY]}"
