"""The plots of a run, each one inline SVG or nothing where no valid figure is to be drawn."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.analysis.model import Estimate, Summary
from reports import format as figures
from reports.palette import (
    BAND,
    COMPONENTS,
    INK,
    MUTED,
    OTHER_COMPONENT,
    PAPER,
    Look,
    looks,
)
from reports.rows import Group, Row, groups, unshown
from reports.svg import Wording, drawing, to_svg
from reports.words import difference

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN = 8.2
ROW_IN, PANEL_IN = 0.29, 0.62
BESIDE = 1.015
BAR_HEIGHT = 0.62


def forest(summary: Summary) -> str:
    """The cost of every comparable cell against its control, with intervals; the A/A band shaded."""
    found = [group for group in groups(summary) if any(row.versus for row in group.rows)]
    if not found:
        return ""
    with drawing():
        figure, panels = _panels([_protected(group) for group in found])
        colours = _looks(summary)
        for axes, group in zip(panels, found, strict=True):
            _forest_panel(axes, group, colours, unshown(summary))
        panels[-1].set_xlabel("CPU per successful request against the control, in %, with 95 % interval")
        return to_svg(figure, _forest_wording(found))


def components(summary: Summary) -> str:
    """CPU per successful request by component, stacked from zero."""
    found = [group for group in groups(summary) if any(row.total_us for row in group.rows)]
    if not found:
        return ""
    with drawing():
        figure, panels = _panels([group.rows for group in found])
        names = component_names(found)
        for axes, group in zip(panels, found, strict=True):
            _component_panel(axes, group, names)
        panels[-1].set_xlabel("CPU per successful request, in µs; the whisker is the 95 % interval of the total")
        panels[0].set_title(panels[0].get_title(loc="left"), pad=24)
        panels[0].legend(
            loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(names), frameon=False, labelcolor=INK,
            borderaxespad=0.2, handlelength=1.1, columnspacing=1.4,
        )  # fmt: skip
        return to_svg(figure, _component_wording(found))


def component_names(found: Sequence[Group]) -> list[str]:
    """The components that cost anything in any of these groups, in the order a request meets them."""
    seen = {
        name
        for group in found
        for row in group.rows
        if row.total_us
        for name, each in row.cell.cpu_us.items()
        if name != "total" and round(each.value)
    }
    return [name for name in COMPONENTS if name in seen] + sorted(seen - COMPONENTS.keys())


def _panels(rows: Sequence[Sequence[Row]]) -> tuple["Figure", list["Axes"]]:
    """One panel a group, as high as its rows need, on a shared axis."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

    heights = [len(members) * ROW_IN + PANEL_IN for members in rows]
    figure = Figure(figsize=(WIDTH_IN, sum(heights) + 0.3))
    grid = figure.subplots(len(rows), 1, sharex=True, squeeze=False, height_ratios=heights)
    return figure, list(grid[:, 0])


def _looks(summary: Summary) -> Mapping[str, Look]:
    return looks([cell.cell.scheme for cell in summary.cells])


def _protected(group: Group) -> tuple[Row, ...]:
    return tuple(row for row in group.rows if not row.is_control)


def _list(axes: "Axes", rows: Sequence[Row], title: str) -> None:
    """Rows from the top down, their names at the left, no frame but the zero line."""
    axes.set_title(title)
    axes.set_yticks(range(len(rows)), [row.label for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelbottom=True)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")


def _forest_panel(axes: "Axes", group: Group, colours: Mapping[str, Look], band: tuple[float, float]) -> None:
    rows = _protected(group)
    _list(axes, rows, f"At {group.title}")
    if math.isfinite(band[1]):
        axes.axvspan(*((end - 1) * 100 for end in band), color=BAND, linewidth=0)
    axes.axvline(0, color=MUTED, linewidth=1)
    for place, row in enumerate(rows):
        if row.versus is not None:
            _mark(axes, place, row.versus.ratio, colours[row.cell.cell.scheme], is_shown=row.versus.shown)
        _beside(axes, place, _forest_text(row), is_muted=row.versus is None or not row.versus.shown)


def _mark(axes: "Axes", place: int, ratio: Estimate, look: Look, *, is_shown: bool) -> None:
    """A filled marker where a difference is shown, a hollow grey one where it is not."""
    colour = look.light if is_shown else MUTED
    low, value, high = ((end - 1) * 100 for end in (ratio.low, ratio.value, ratio.high))
    if figures.has_interval(ratio):
        axes.plot([low, high], [place, place], color=colour, linewidth=1.8, solid_capstyle="butt")
    axes.plot(
        [value], [place], marker=look.marker, markersize=7, linestyle="none",
        markerfacecolor=colour if is_shown else PAPER, markeredgecolor=colour, markeredgewidth=1.2,
    )  # fmt: skip


def _beside(axes: "Axes", place: float, text: str, *, is_muted: bool) -> None:
    axes.text(
        BESIDE, place, text, transform=axes.get_yaxis_transform(), va="center", color=MUTED if is_muted else INK
    )  # fmt: skip


def _forest_text(row: Row) -> str:
    if row.versus is not None and row.versus.shown:
        return figures.signed_interval(row.versus.difference_us, "µs")
    return difference(row)


def _forest_wording(found: Sequence[Group]) -> Wording:
    told = [f"{row.label} at {group.title}: {difference(row)}" for group in found for row in _protected(group)]
    return Wording("forest", "Cost of each scheme against the unprotected control", "; ".join(told) + ".")


def _component_panel(axes: "Axes", group: Group, names: Sequence[str]) -> None:
    _list(axes, group.rows, f"At {group.title}")
    for place, row in enumerate(group.rows):
        if row.total_us is None:
            axes.text(0, place, f" {_absence(row)}", va="center", color=MUTED)
        else:
            _stack(axes, place, row, names)
            _whisker(axes, place, row.total_us)
            _beside(axes, place, _total_text(row, row.total_us), is_muted=row.is_refused)
    for name in names:
        axes.barh([0], [0], color=COMPONENTS.get(name, OTHER_COMPONENT)[0], label=name)
    axes.set_xlim(left=0)


def _absence(row: Row) -> str:
    return "invalid: not drawn" if row.is_invalid else "not measured"


def _stack(axes: "Axes", place: int, row: Row, names: Sequence[str]) -> None:
    """A component whose idle rate was above its cost is below zero in the table and not drawn here."""
    left = 0.0
    for name in names:
        estimate = row.cell.cpu_us.get(name)
        width = max(estimate.value, 0.0) if estimate else 0.0
        colour = COMPONENTS.get(name, OTHER_COMPONENT)[0]
        axes.barh([place], [width], left=left, height=BAR_HEIGHT, color=colour, edgecolor=PAPER, linewidth=0.6)
        left += width


def _whisker(axes: "Axes", place: int, total: Estimate) -> None:
    if figures.has_interval(total):
        axes.plot([total.low, total.high], [place, place], color=INK, linewidth=1.4, solid_capstyle="butt")


def _total_text(row: Row, total: Estimate) -> str:
    told = figures.interval(total, "µs")
    return f"{told}, not ranked" if row.is_refused else told


def _component_wording(found: Sequence[Group]) -> Wording:
    told = [
        f"{row.label} at {group.title}: {figures.interval(row.total_us, 'µs') if row.total_us else _absence(row)}"
        for group in found
        for row in group.rows
    ]
    return Wording("components", "CPU per successful request by component", "; ".join(told) + ".")
