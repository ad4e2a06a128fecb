"""What schemes need as users grow, to internet scale: a line a scheme for cores and Redis operations."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from bench.analysis.capacity.values import Curve, Derived, Point
from reports.palette import GRID, INK, MUTED, Look, looks
from reports.plan_words import amount, crossing_users
from reports.svg import Wording, drawing, lay_out, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, PANEL_IN, LABEL_IN = 8.2, 3.2, 0.17
Pick = Callable[[Point], Derived]
Series = tuple[str, tuple[tuple[float, float], ...]]
PANELS: tuple[tuple[str, str, Pick], ...] = (
    ("Cores of all servers together", "cores (log scale)", lambda point: point.cores),
    ("Redis operations a second", "operations/s (log scale)", lambda point: point.redis_operations_per_s),
)


def growth(curves: Sequence[Curve], users: float) -> str:
    """One panel a quantity with a mark across at the asked `users`; "" where nothing is known."""
    panels = [(title, axis, drawn) for title, axis, pick in PANELS if (drawn := tuple(_series(curves, pick)))]
    if not panels:
        return ""
    colours = looks([curve.scheme for curve in curves])
    crossed = {curve.scheme: list(_crossed(curve)) for curve in curves}
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(panels)))
        grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
        for axes, (title, axis, drawn) in zip(grid, panels, strict=True):
            axes.set_title(title)
            axes.set_ylabel(axis)
            _panel(axes, users)
            for scheme, points in drawn:
                _line(axes, points, crossed[scheme], colours[scheme])
        lay_out(figure)
        for axes, (_, _, drawn) in zip(grid, panels, strict=True):
            _name(axes, drawn)
        grid[-1].set_xlabel("users (log scale)")
        return to_svg(figure, _wording(curves))


def _series(curves: Sequence[Curve], pick: Pick) -> Iterator[Series]:
    """Whoever has something to draw on a logarithmic axis, from the lowest at the end."""
    found = []
    for curve in curves:
        known = ((point.users, pick(point).value) for point in curve.points)
        points = tuple((users, value) for users, value in known if value)
        if points:
            found.append((curve.scheme, points))
    yield from sorted(found, key=lambda series: -series[1][-1][1])


def _crossed(curve: Curve) -> Iterator[float]:
    return (one.users.value for one in curve.crossings if one.users.value)


def _panel(axes: "Axes", users: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - as above

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axvline(users, color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
    axes.annotate(
        f"{amount(users)} users", (users, 0), xycoords=("data", "axes fraction"), xytext=(4, 4),
        textcoords="offset points", color=MUTED,
    )  # fmt: skip
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=16))
        axis.set_major_formatter(FuncFormatter(lambda value, _: amount(value)))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="both", which="both", length=0, labelcolor=MUTED)
    axes.tick_params(axis="x", labelbottom=True)
    axes.grid(visible=True)


def _line(axes: "Axes", points: Sequence[tuple[float, float]], crossed: Sequence[float], look: Look) -> None:
    """A mark wherever one of the scheme's limits is met."""
    import numpy as np  # noqa: PLC0415 - as above

    users, values = zip(*points, strict=True)
    axes.plot(users, values, color=look.light, linestyle=look.line, linewidth=1.4)
    within = [one for one in crossed if users[0] <= one <= users[-1]]
    heights = np.exp(np.interp(np.log(within), np.log(users), np.log(values)))
    axes.plot(within, heights, color=look.light, linestyle="none", marker=look.marker, markersize=5)


def _name(axes: "Axes", drawn: Sequence[Series]) -> None:
    """Beside the ends of the lines, from the top: the highest has the topmost name."""
    for place, (scheme, points) in enumerate(drawn):
        height = 1 - place * LABEL_IN / (PANEL_IN - 1)
        axes.annotate(
            scheme, points[-1], xytext=(1.03, height), textcoords="axes fraction", va="center", color=INK,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GRID, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)},
        )  # fmt: skip


def _wording(curves: Sequence[Curve]) -> Wording:
    told = (
        f"{curve.scheme}: {amount(cores)} cores at {amount(point.users)} users"
        + "".join(f", {one.resource} ends at {crossing_users(one)}" for one in curve.crossings[:1] if one.users.value)
        for curve in curves
        for point in curve.points[-1:]
        if (cores := point.cores.value) is not None
    )
    return Wording("plan", "What schemes need as users grow", "; ".join(told) + ".")
