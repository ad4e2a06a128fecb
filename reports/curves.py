"""The two plots along an axis: response time over percentiles, refused share over replicas."""

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench.analysis.comparison import AGAIN
from bench.analysis.model import CellSummary, Summary
from reports import format as figures
from reports.palette import GRID, INK, MUTED, PAPER, Look, looks
from reports.rows import groups, labels, latency_cells
from reports.svg import Wording, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, PANEL_IN, REFUSED_IN = 8.2, 3.1, 3.0
TICKS = (0.5, 0.9, 0.95, 0.99, 0.999)
FIRST_QUANTILE = 0.25
LABEL_GAP = 0.062
DODGE, DODGE_POINTS, TEXT_POINTS = 0.08, 18, 28
Curve = tuple[CellSummary, tuple[tuple[float, float], ...]]


def spectrum(summary: Summary) -> str:
    """Response time by percentile on a 1/(1-q) axis, one line a scheme, as far as the samples carry."""
    panels = _by_replicas(summary)
    if not panels:
        return ""
    names = labels(summary.cells)
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(panels) + 0.3))
        grid = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (title, curves) in zip(grid, panels.items(), strict=True):
            _spectrum_panel(axes, title, curves, looks([cell.cell.scheme for cell in summary.cells]))
        for axes, curves in zip(grid, panels.values(), strict=True):
            _direct_labels(axes, curves, names)
        grid[-1].set_xlabel("percentile of requests (each decade to the right is ten times rarer)")
        return to_svg(figure, _spectrum_wording(panels, names))


def refused(summary: Summary) -> str:
    """The refused share at each number of replicas: measured with its interval, and what theory predicts."""
    told = [row for group in groups(summary) for row in group.rows if not row.is_invalid]
    if not told:
        return ""
    marked = [row.cell for row in told if row.is_refused or row.cell.refusals.predicted_ratio]
    quiet = [row.cell for row in told if row.cell not in marked]
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Figure(figsize=(WIDTH_IN, REFUSED_IN))
        axes = figure.subplots()
        counts = sorted({row.cell.cell.replicas for row in told})
        _refused_axes(axes, counts)
        _quiet_points(axes, quiet, counts)
        for cell in marked:
            before = [other.cell.replicas for other in marked[: marked.index(cell)]].count(cell.cell.replicas)
            _refused_point(axes, cell, counts, before, looks([row.cell.cell.scheme for row in told]))
        return to_svg(figure, _refused_wording(marked, quiet, labels(summary.cells)))


def _by_replicas(summary: Summary) -> dict[str, list[Curve]]:
    """The curves of cells that may stand side by side: neither invalid nor refused."""
    panels: dict[str, list[Curve]] = {}
    for cell in sorted(latency_cells(summary), key=lambda one: (one.cell.replicas, one.cell.rate_rps)):
        points = _upper(cell)
        if len(points) > 1 and cell.verdict.status != "INVALID" and cell.refusals.ratio.value == 0:
            title = f"At {figures.plural(cell.cell.replicas, 'replica')}, {cell.cell.rate_rps:g} requests/s"
            panels.setdefault(title, []).append((cell, points))
    return panels


def _upper(cell: CellSummary) -> tuple[tuple[float, float], ...]:
    """The part worth a look: the quick quarter of the requests is left out."""
    return tuple((quantile, ms) for quantile, ms in cell.spectrum_ms if quantile >= FIRST_QUANTILE)


def _rarity(quantile: float) -> float:
    """log10 of 1/(1-q): 1 for p90, 2 for p99."""
    return -math.log10(1 - quantile)


def _spectrum_panel(axes: "Axes", title: str, curves: Sequence[Curve], colours: Mapping[str, Look]) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - as above

    for cell, points in curves:
        look = colours[cell.cell.scheme]
        is_again = cell.cell.arm.endswith(AGAIN)
        axes.plot(
            [_rarity(q) for q, _ in points], [ms for _, ms in points], color=look.light, linestyle=look.line,
            linewidth=1 if is_again else 1.8, marker=look.marker, markersize=4, markevery=max(len(points) // 6, 1),
        )  # fmt: skip
    axes.set_title(title)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="y", which="both", length=0, labelcolor=MUTED)
    axes.set_ylabel("response time, in ms (log scale)")
    last = max(points[-1][0] for _, points in curves)
    ticks = [tick for tick in TICKS if tick <= last]
    axes.set_xticks([_rarity(tick) for tick in ticks], [f"p{tick * 100:g}" for tick in ticks])
    axes.tick_params(axis="x", labelbottom=True)
    axes.grid(visible=True)


def _direct_labels(axes: "Axes", curves: Sequence[Curve], names: Mapping[str, str]) -> None:
    """Each name at the end of its line, pushed apart where they would overlap."""
    low, high = (math.log10(end) for end in axes.get_ylim())
    ends = sorted((points[-1][1], *points[-1], names[cell.cell.arm]) for cell, points in curves)
    edge = max(_rarity(quantile) for _, quantile, _, _ in ends)
    wanted = [(math.log10(ms) - low) / (high - low) for _, _, ms, _ in ends]
    for (_, quantile, ms, name), place in zip(ends, apart(wanted, LABEL_GAP), strict=True):
        axes.annotate(
            name, (_rarity(quantile), ms), xytext=(edge + 0.12, 10 ** (low + place * (high - low))), va="center",
            color=INK, annotation_clip=False, arrowprops={"arrowstyle": "-", "color": GRID, "shrinkA": 1, "shrinkB": 3},
        )  # fmt: skip


def apart(wanted: Sequence[float], gap: float) -> list[float]:
    """Ascending places at least `gap` apart, shifted as a whole to stay near the wanted ones."""
    places: list[float] = []
    for want in wanted:
        places.append(max(want, places[-1] + gap) if places else want)
    shift = sum(place - want for place, want in zip(places, wanted, strict=True)) / len(places)
    return [place - shift for place in places]


def _spectrum_wording(panels: Mapping[str, Sequence[Curve]], names: Mapping[str, str]) -> Wording:
    told = [
        f"{title}, {names[cell.cell.arm]}: {figures.number(points[0][1])} ms at {points[0][0]:.1%}, "
        f"{figures.number(points[-1][1])} ms at {points[-1][0]:.1%}"
        for title, curves in panels.items()
        for cell, points in curves
    ]
    return Wording("spectrum", "Response time by percentile", "; ".join(told) + ".")


def _refused_axes(axes: "Axes", counts: Sequence[int]) -> None:
    axes.set_xticks(range(len(counts)), [str(number) for number in counts])
    axes.set_xlim(-0.4, len(counts) - 0.25)
    axes.set_ylim(-4, 104)
    axes.set_yticks(range(0, 101, 25))
    axes.tick_params(axis="both", length=0, labelcolor=MUTED)
    axes.set_xlabel("replicas")
    axes.set_ylabel("requests refused, in %")
    axes.grid(axis="y")


def _quiet_points(axes: "Axes", quiet: Sequence[CellSummary], counts: Sequence[int]) -> None:
    """Schemes that refused nobody lie on one another: one point tells all of them."""
    for place, replicas in enumerate(counts):
        number = len({cell.cell.scheme for cell in quiet if cell.cell.replicas == replicas})
        if number:
            axes.plot([place], [0], marker="o", color=MUTED, markersize=6, clip_on=False)
            text = f"{figures.plural(number, 'scheme')}: none refused"
            axes.annotate(text, (place, 0), xytext=(9, 8), textcoords="offset points", color=MUTED, va="center")


def _refused_point(
    axes: "Axes", cell: CellSummary, counts: Sequence[int], before: int, colours: Mapping[str, Look]
) -> None:
    look, ratio, predicted = colours[cell.cell.scheme], cell.refusals.ratio, cell.refusals.predicted_ratio
    place = counts.index(cell.cell.replicas) + DODGE * before
    if predicted is not None:
        axes.plot(
            [place], [predicted * 100], marker="o", markersize=15, linestyle="none", markerfacecolor=PAPER,
            markeredgecolor=MUTED, markeredgewidth=1.2,
        )  # fmt: skip
    axes.plot([place, place], [ratio.low * 100, ratio.high * 100], color=look.light, linewidth=2)
    axes.plot([place], [ratio.value * 100], marker=look.marker, color=look.light, markersize=6, linestyle="none")
    theory = "" if predicted is None else f"\nthe ring is theory: {figures.percent(predicted)}"
    text = f"{cell.cell.scheme}, {cell.cell.balancing}: {figures.percent_interval(ratio)}{theory}"
    offset = (-13 - DODGE_POINTS * before, -TEXT_POINTS * before)
    axes.annotate(
        text, (place, ratio.value * 100), xytext=offset, textcoords="offset points", ha="right", va="center",
        color=INK,
    )  # fmt: skip


def _refused_wording(marked: Sequence[CellSummary], quiet: Sequence[CellSummary], names: Mapping[str, str]) -> Wording:
    told = [
        f"{names[cell.cell.arm]} at {figures.plural(cell.cell.replicas, 'replica')}: "
        f"{figures.percent_interval(cell.refusals.ratio)} refused"
        for cell in marked
    ]
    rest = f"{figures.plural(len(quiet), 'other cell')} refused nobody"
    return Wording("refused", "Refused share by replicas", "; ".join((*told, rest)) + ".")
