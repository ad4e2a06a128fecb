"""Where a request's microseconds go: the control's whole request, and below it what each scheme adds, part by part."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.analysis.model import Summary
from reports import format as figures
from reports.ledger_words import OPEN, Group, Told, added_us, by_kind, groups, residual
from reports.palette import INK, MUTED, PAPER, PARTS
from reports.svg import Wording, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, ROW_IN, PANEL_IN = 8.2, 0.31, 0.75
LEGEND_COLUMNS, LEGEND_IN = 6, 0.24
BAR_HEIGHT, BESIDE = 0.62, 1.015
UNEXPLAINED, HATCH = "unexplained", "////"
Panel = tuple[str, tuple[Told, ...]]


def waterfall(summary: Summary) -> str:
    """One panel for a rate and a number of replicas, another for the schemes with a BFF; "" without ledgers."""
    panels = [panel for group in groups(summary) for panel in _panels(group)]
    if not panels:
        return ""
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        kinds = _kinds(panels)
        rows = -(-(len(kinds) + 1) // LEGEND_COLUMNS)
        heights = [(len(told) + 1) * ROW_IN + PANEL_IN for _, told in panels]
        figure = Figure(figsize=(WIDTH_IN, sum(heights) + rows * LEGEND_IN))
        grid = figure.subplots(len(panels), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, told) in zip(grid, panels, strict=True):
            _panel(axes, title, told)
        grid[-1].set_xlabel("CPU per successful request, in µs; the whisker is the 95 % interval of the measured extra")
        _legend(grid[0], kinds, rows)
        return to_svg(figure, _wording(panels))


def _panels(group: Group) -> list[Panel]:
    """A BFF adds so much that nothing else could be seen beside it."""
    plain = tuple(one for one in group.members if not one.has_bff)
    behind = tuple(one for one in group.members if one.has_bff)
    found = ((f"At {group.title}", plain), (f"At {group.title}, with a BFF (another scale)", behind))
    return [(title, told) for title, told in found if told]


def _kinds(panels: Sequence[Panel]) -> list[str]:
    seen = {name for _, told in panels for one in told for name in (*added_us(one.ledger), *_whole(one))}
    return [name for name in PARTS if name in seen]


def _whole(one: Told) -> Mapping[str, float]:
    """The control's whole request by kind of work."""
    return by_kind((part, part.us.value) for part in one.ledger.control_request.parts)


def _panel(axes: "Axes", title: str, told: Sequence[Told]) -> None:
    axes.set_title(title)
    axes.set_yticks(range(len(told) + 1), ["the control, whole", *(one.label for one in told)])
    axes.set_ylim(len(told) + 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.axvline(0, color=MUTED, linewidth=1)
    _stack(axes, 0, _whole(told[0]))
    control_us = told[0].ledger.control_request.total_us.value
    _beside(axes, 0, f"{figures.number(control_us)}{figures.SPACE}µs in its twin", is_muted=True)
    for place, one in enumerate(told, 1):
        right, left = _stack(axes, place, added_us(one.ledger))
        _remainder(axes, place, one.ledger.residual_us.value, right, left)
        _measured(axes, place, one)
        _beside(axes, place, _text(one), is_muted=not one.ledger.is_judged)


def _stack(axes: "Axes", place: int, us_by_kind: Mapping[str, float]) -> tuple[float, float]:
    """What adds goes to the right of zero, what saves to its left; where both end."""
    right = left = 0.0
    for name, us in us_by_kind.items():
        start = right if us > 0 else left
        axes.barh(
            [place], [us], left=start, height=BAR_HEIGHT, color=PARTS[name][0], edgecolor=PAPER, linewidth=0.6
        )  # fmt: skip
        right, left = (right + us, left) if us > 0 else (right, left + us)
    return right, left


def _remainder(axes: "Axes", place: int, us: float, right: float, left: float) -> None:
    start = right if us > 0 else left
    axes.barh(
        [place], [us], left=start, height=BAR_HEIGHT, facecolor="none", edgecolor=MUTED, linewidth=0.8, hatch=HATCH
    )  # fmt: skip


def _measured(axes: "Axes", place: int, one: Told) -> None:
    """The extra, as arms without spans have it."""
    extra = one.ledger.extra_us
    if figures.has_interval(extra):
        axes.plot([extra.low, extra.high], [place, place], color=INK, linewidth=1.2, solid_capstyle="butt")
    axes.plot([extra.value], [place], color=INK, marker="|", markersize=11, markeredgewidth=1.6, linestyle="none")


def _beside(axes: "Axes", place: int, text: str, *, is_muted: bool) -> None:
    colour = MUTED if is_muted else INK
    axes.text(BESIDE, place, text, transform=axes.get_yaxis_transform(), va="center", color=colour)


def _text(one: Told) -> str:
    extra = one.ledger.extra_us
    told = f"{figures.signed(extra.value)}{figures.SPACE}µs"
    left_over = figures.signed(one.ledger.residual_us.value, scale=extra.value)
    return f"{told}, {left_over} {UNEXPLAINED}" + (": open" if one.state == OPEN else "")


def _legend(axes: "Axes", kinds: Sequence[str], rows: int) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - as above

    patches = [Patch(facecolor=PARTS[name][0], label=name) for name in kinds]
    blank = Patch(facecolor="none", edgecolor=MUTED, hatch=HATCH, linewidth=0.8, label=UNEXPLAINED)
    axes.set_title(axes.get_title(loc="left"), pad=8 + 15 * rows)
    axes.legend(
        handles=[*patches, blank], loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=LEGEND_COLUMNS, frameon=False,
        labelcolor=INK, borderaxespad=0.2, handlelength=1.1, columnspacing=1.4,
    )  # fmt: skip


def _wording(panels: Sequence[Panel]) -> Wording:
    told = (
        f"{one.label} {title[0].lower()}{title[1:]}: "
        f"{figures.signed_interval(one.ledger.extra_us, 'µs')}, of which {residual(one.ledger)} {UNEXPLAINED}"
        for title, members in panels
        for one in members
    )
    return Wording("ledger", "What each scheme adds to a request, part by part", "; ".join(told) + ".")
