"""What one call costs: a row a call, hot and cold on one line, the floors below it marked."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bench.micro.figures import Figure, FloorKind
from reports import format as figures
from reports.micro_words import GLANCE, TIMES, at_a_glance, labels, others
from reports.palette import INK, MUTED, PAPER, Look, looks
from reports.svg import Wording, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, ROW_IN, PANEL_IN, AROUND_IN = 8.2, 0.29, 0.62, 0.5
BESIDE = 1.015
STORES = "store"
"""What the groups of calls to the stores begin with."""
FLOORS: Mapping[FloorKind, tuple[str, float]] = {"library": ("|", 13.0), "wire": ("x", 5.0)}
"""The mark of each kind and its size."""


def calls(found: Sequence[Figure]) -> str:
    """A panel for signature against lookup and one a group of store calls; "" where nothing can be drawn."""
    panels = {title: drawable for title, members in _panels(found) if (drawable := _drawable(members))}
    if not panels:
        return ""
    colours = looks([one.subject for members in panels.values() for one in members])
    with drawing():
        from matplotlib.figure import Figure as Drawing  # noqa: PLC0415 - costs a second, and only a report draws

        heights = [len(members) * ROW_IN + PANEL_IN for members in panels.values()]
        figure = Drawing(figsize=(WIDTH_IN, sum(heights) + AROUND_IN))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for axes, (title, members) in zip(grid, panels.items(), strict=True):
            _panel(axes, title, members, colours)
        _explain(grid[0])
        grid[-1].set_xlabel("µs of CPU a call takes its thread (log scale)")
        return to_svg(figure, _wording(panels))


def _panels(found: Sequence[Figure]) -> Iterator[tuple[str, Sequence[Figure]]]:
    yield GLANCE, at_a_glance(found)
    for title, members in others(found).items():
        if title.startswith(STORES):
            yield title, members


def _drawable(members: Sequence[Figure]) -> list[Figure]:
    """A logarithm needs more than nothing."""
    return [one for one in members if one.hot_us.value > 0 and one.cold_us.value > 0]


def _panel(axes: "Axes", title: str, members: Sequence[Figure], colours: Mapping[str, Look]) -> None:
    axes.set_title(title)
    axes.set_xscale("log")
    axes.set_yticks(range(len(members)), labels(members))
    axes.set_ylim(len(members) - 0.5, -0.5)
    axes.tick_params(axis="both", which="both", length=0)
    axes.tick_params(axis="x", labelbottom=True)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    _plain_numbers(axes)
    for place, one in enumerate(members):
        _row(axes, place, one, colours[one.subject])
        axes.text(BESIDE, place, _beside(one), transform=axes.get_yaxis_transform(), va="center", color=INK)


def _plain_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - as above

    axes.xaxis.set_major_locator(LogLocator(subs=(1,)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _row(axes: "Axes", place: int, one: Figure, look: Look) -> None:
    hot, cold = one.hot_us.value, one.cold_us.value
    axes.plot([hot, cold], [place, place], color=look.light, linewidth=1.6)
    for floor in one.floors:
        if floor.hot_us.value > 0:
            mark, size = FLOORS[floor.kind]
            axes.plot([floor.hot_us.value], [place], marker=mark, markersize=size, color=MUTED, markeredgewidth=1.4)
    for at, face in ((hot, PAPER), (cold, look.light)):
        axes.plot(
            [at], [place], marker=look.marker, markersize=6.5, markerfacecolor=face, markeredgecolor=look.light,
            markeredgewidth=1.3,
        )  # fmt: skip


def _beside(one: Figure) -> str:
    return f"{figures.number(one.cold_us.value)}{figures.SPACE}µs, {TIMES}{figures.number(one.cold_to_hot_ratio)}"


def _explain(axes: "Axes") -> None:
    """What the marks mean, above the first panel, in ink: shape and filling say it, not colour."""
    axes.plot([], [], "o", color=INK, markersize=6.5, markerfacecolor=PAPER, label="hot")
    axes.plot([], [], "o", color=INK, markersize=6.5, label="cold, as beside it, and its multiple of hot")
    for kind, (mark, size) in FLOORS.items():
        axes.plot([], [], mark, color=MUTED, markersize=size, label=f"{kind} floor")
    axes.set_title(axes.get_title(loc="left"), pad=24)
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2 + len(FLOORS), frameon=False, labelcolor=INK,
        borderaxespad=0.2, handlelength=1.1, columnspacing=1.4,
    )  # fmt: skip


def _wording(panels: Mapping[str, Sequence[Figure]]) -> Wording:
    told = (
        f"{title}, {name}: hot {figures.interval(one.hot_us, 'µs')}, cold {figures.interval(one.cold_us, 'µs')}"
        for title, members in panels.items()
        for name, one in zip(labels(members), members, strict=True)
    )
    return Wording("calls", "CPU time of a call, hot and cold", "; ".join(told) + ".")
