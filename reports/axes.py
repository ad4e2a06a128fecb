"""The figure an experiment is about, drawn over what it varies: a line an approach, rings where theory expects it."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.consequences.model import Figure, Outcome
from reports.approaches import place
from reports.consequences_words import quantity, told
from reports.curves import apart
from reports.findings import Told
from reports.palette import GRID, INK, MUTED, PAPER, Line, Look, looks
from reports.svg import Wording, drawing, lay_out, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, HEIGHT_IN, LABEL_IN = 8.2, 3.2, 0.19
ROOMY = 14
"""More labels than this make the plot higher."""
LINES: tuple[Line, ...] = ("-", "--", "-.", ":")
DECADES = 2
TICKS_MAX = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One line: the figure at every place of the axis, ascending. `nth` among those of its scheme."""

    name: str
    scheme: str
    nth: int
    points: tuple[tuple[float, Figure], ...]


def along(experiment: Told) -> str:
    """`plots` over the axis for all outcomes that have both and are not INVALID; "" where there is no line to draw."""
    lines = _series(experiment)
    if not any(len(one.points) > 1 for one in lines):
        return ""
    with drawing():
        from matplotlib.figure import Figure as Drawing  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Drawing(figsize=(WIDTH_IN, HEIGHT_IN + LABEL_IN * max(0, len(lines) - ROOMY)))
        axes = figure.subplots()
        colours = looks([one.scheme for one in lines])
        for one in lines:
            _line(axes, one, colours[one.scheme])
        _scales(axes, lines)
        lay_out(figure)  # what follows needs the limits
        _labels(axes, lines)
        axes.set_xlabel(experiment.axis)
        axes.set_ylabel(_what(experiment, lines))
        axes.tick_params(axis="both", which="both", length=0, labelcolor=MUTED)
        axes.grid(visible=True)
        return to_svg(figure, _wording(experiment, lines))


def _series(experiment: Told) -> list[Series]:
    points: dict[tuple[str, str], dict[float, Figure]] = {}
    schemes: dict[tuple[str, str], str] = {}
    for outcome, at in _drawable(experiment):
        key = _key(outcome, tuple(points))
        schemes[key] = outcome.scheme
        points.setdefault(key, {}).setdefault(at, outcome.figure(experiment.plots))
    ordered = sorted(points, key=lambda key: (place(key[0]), key[1]))
    before = [schemes[key] for key in ordered]
    every = (
        Series(_name(key, ordered), schemes[key], before[:index].count(schemes[key]), tuple(_ascending(points[key])))
        for index, key in enumerate(ordered)
    )
    return [one for one in every if one.points]


def _drawable(experiment: Told) -> Iterator[tuple[Outcome, float]]:
    """Those that can be placed; a control only where nothing else of its line is at that place."""
    for outcome in (*experiment.faulted, *experiment.controls):
        has_figure = any(figure.name == experiment.plots for figure in outcome.figures)
        if outcome.at is not None and has_figure and outcome.verdict.status != "INVALID":
            yield outcome, outcome.at


def _ascending(points: Mapping[float, Figure]) -> Iterator[tuple[float, Figure]]:
    """The points from left to right, without those that are no number."""
    for at in sorted(points):
        if math.isfinite(points[at].value):
            yield at, points[at]


def _key(outcome: Outcome, lines: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The line it is a point of; a control is one of the line whose setting it shares."""
    fitting = [rest for approach, rest in lines if approach == outcome.approach and rest in outcome.setting]
    shared = max(fitting, key=len) if outcome.is_control and fitting else _rest(outcome.setting)
    return outcome.approach, shared


def _rest(setting: str) -> str:
    """What a setting says besides the place on the axis, which is its first part with a figure."""
    parts = setting.split(", ")
    place_of_it = next((part for part in parts if re.search(r"\d", part)), "")
    return ", ".join(part for part in parts if part != place_of_it)


def _name(key: tuple[str, str], all_of_them: Sequence[tuple[str, str]]) -> str:
    approach, rest = key
    several = sum(other == approach for other, _ in all_of_them) > 1
    return f"{approach}: {rest}" if several and rest else approach


def _line(axes: "Axes", one: Series, look: Look) -> None:
    for at, figure in one.points:
        if figure.predicted is not None:
            axes.plot(
                [at], [figure.predicted], marker="o", markersize=11, linestyle="none", markerfacecolor=PAPER,
                markeredgecolor=MUTED, markeredgewidth=1,
            )  # fmt: skip
        if figure.low is not None and figure.high is not None:
            axes.plot([at, at], [figure.low, figure.high], color=look.light, linewidth=1.4)
    style = look.line if not one.nth else LINES[one.nth % len(LINES)]
    axes.plot(
        [at for at, _ in one.points], [figure.value for _, figure in one.points], color=look.light, linestyle=style,
        linewidth=1.7, marker=look.marker, markersize=5,
    )  # fmt: skip


def _scales(axes: "Axes", lines: Sequence[Series]) -> None:
    """Log where all is positive and spans two decades."""
    places = sorted({at for one in lines for at, _ in one.points})
    values = [figure.value for one in lines for _, figure in one.points]
    if _spans_decades(places):
        axes.set_xscale("log")
    if _spans_decades(values):
        axes.set_yscale("log")
    elif min(values) >= 0:
        axes.set_ylim(bottom=min(0, axes.get_ylim()[0]))
    if len(places) <= TICKS_MAX:
        axes.set_xticks(places, [_number(at) for at in places])
        axes.set_xticks([], minor=True)


def _spans_decades(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) / min(values) >= 10**DECADES


def _number(value: float) -> str:
    return quantity(value, "")


def _labels(axes: "Axes", lines: Sequence[Series]) -> None:
    """Each name beside the end of its line, pushed apart where they would overlap; the same end is told once."""
    ends: dict[tuple[float, float], list[str]] = {}
    for one in lines:
        at, figure = one.points[-1]
        ends.setdefault((at, figure.value), []).append(one.name)
    heights = {end: axes.transAxes.inverted().transform(axes.transData.transform(end))[1] for end in ends}
    ordered = sorted(ends, key=lambda end: heights[end])
    gap = LABEL_IN / HEIGHT_IN
    for end, height in zip(ordered, apart([heights[end] for end in ordered], gap), strict=True):
        axes.annotate(
            _joined(ends[end]), end, xytext=(1.03, height), textcoords="axes fraction", va="center", color=INK,
            annotation_clip=False, arrowprops={"arrowstyle": "-", "color": GRID, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip


def _joined(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _what(experiment: Told, lines: Sequence[Series]) -> str:
    unit = lines[0].points[0][1].unit
    return f"{experiment.plots}, in {unit}" if unit else experiment.plots


def _wording(experiment: Told, lines: Sequence[Series]) -> Wording:
    described = (
        f"{one.name}: " + ", ".join(f"{told(figure)} at {_number(at)}" for at, figure in one.points) for one in lines
    )
    title = f"{experiment.plots[:1].upper()}{experiment.plots[1:]} over {experiment.axis}"
    return Wording(f"axis-{experiment.name}", title, "; ".join(described) + ".")
