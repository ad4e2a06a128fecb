"""What changed over runs: a panel a figure, every run a mark, every level a line."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.analysis.trend import Trend
from reports import format as figures
from reports.palette import INK, MUTED, Look, looks
from reports.svg import Wording, drawing, to_svg
from reports.trend_words import UNITS, SeriesTrends, changes, level, name

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, PANEL_IN = 8.2, 1.9
PANELS = 12
"""More are not looked at; the table has all."""


def moved(one: SeriesTrends, place: int) -> str:
    """The figures that changed most, the most changed first; "" where none did."""
    drawn = sorted(one.changed, key=_most, reverse=True)[:PANELS]
    if not drawn:
        return ""
    colours = looks([trend.scheme for trend in drawn])
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a page draws

        figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(drawn)))
        grid = figure.subplots(len(drawn), 1, squeeze=False)[:, 0]
        for axes, trend in zip(grid, drawn, strict=True):
            _panel(axes, trend, colours[trend.scheme])
        return to_svg(figure, _wording(one, drawn, place))


def _most(trend: Trend) -> float:
    return max(abs(math.log(change.ratio.value)) for change in trend.changes)


def _panel(axes: "Axes", trend: Trend, look: Look) -> None:
    axes.set_title(name(trend))
    values = [point.value for point in trend.points]
    axes.plot(values, color=look.light, linestyle="none", marker=look.marker, markersize=4)
    for begin, end in trend.levels:
        axes.hlines(level(trend, begin, end), begin - 0.5, end - 0.5, color=look.light, linewidth=1.6)
    for change in trend.changes:
        axes.axvline(change.place - 0.5, color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
        axes.annotate(
            figures.signed_percent(change.ratio.value - 1), (change.place - 0.5, 1),
            xycoords=("data", "axes fraction"), xytext=(4, -9), textcoords="offset points", color=INK,
        )  # fmt: skip
    _ruled(axes, trend)


def _ruled(axes: "Axes", trend: Trend) -> None:
    """Runs stand side by side however far apart they were; dates stand below the ends and the changes."""
    places = sorted({0, len(trend.points) - 1, *(change.place for change in trend.changes)})
    axes.set_xticks(places, [trend.points[place].started_at[5:10] for place in places])
    axes.set_xlim(-0.7, len(trend.points) - 0.3)
    axes.margins(y=0.25)
    axes.set_ylabel(UNITS[trend.metric])
    axes.tick_params(axis="both", which="both", length=0, labelcolor=MUTED)
    axes.grid(visible=True, axis="y")


def _wording(one: SeriesTrends, drawn: Sequence[Trend], place: int) -> Wording:
    told = "; ".join(changes([SeriesTrends(one.series, tuple(drawn))]))
    return Wording(f"trend-{place}", "The figures whose level changed, run by run", f"{told}.")
