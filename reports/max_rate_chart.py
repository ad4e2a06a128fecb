"""Rate against p99: a line a scheme, the SLO across, and on each line the highest rate with its interval."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from bench.analysis.ladder import LADDER
from bench.analysis.max_rate import MaxRate
from reports import format as figures
from reports.max_rate_words import by_replicas, labels, rate, slo
from reports.palette import GRID, INK, MUTED, Look, looks
from reports.svg import Wording, drawing, lay_out, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH_IN, PANEL_IN, LABEL_IN = 8.2, 3.3, 0.19
BEYOND = 20
"""How far above the SLO, as a factor, a line is drawn: how much slower it gets is no longer the question."""
Curve = tuple[MaxRate, tuple[tuple[float, float], ...]]


def curves(outcomes: Sequence[MaxRate], slo_ms: float) -> str:
    """One panel a number of replicas; "" where nothing was verified."""
    panels = {count: drawn for count, members in by_replicas(outcomes).items() if (drawn := _drawn(members, slo_ms))}
    if not panels:
        return ""
    names = labels(outcomes)
    colours = looks([outcome.arm.scheme for outcome in outcomes])
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Figure(figsize=(WIDTH_IN, PANEL_IN * len(panels)))
        grid = figure.subplots(len(panels), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (count, drawn) in zip(grid, panels.items(), strict=True):
            axes.set_title(f"At {figures.plural(count, 'replica')}")
            _panel(axes, drawn, colours, slo_ms)
        lay_out(figure)
        for axes, drawn in zip(grid, panels.values(), strict=True):
            _name(axes, drawn, names)
        grid[-1].set_xlabel("requests offered per second (log scale)")
        return to_svg(figure, _wording(panels, names, slo_ms))


def _drawn(members: Sequence[MaxRate], slo_ms: float) -> list[Curve]:
    """Those with a rate, from the lowest."""
    known = sorted((one.rate_rps.value, one.arm.id, one) for one in members if one.rate_rps)
    return [(one, _points(one, slo_ms)) for _, _, one in known]


def _points(one: MaxRate, slo_ms: float) -> tuple[tuple[float, float], ...]:
    """Rate and p99, the median where several probes offered the rate; as far as worth a look."""
    by_rung: dict[int, list[float]] = {}
    for probe in one.probes:
        if probe.is_believed:
            by_rung.setdefault(probe.rung, []).append(probe.p99_ms)
    found = ((LADDER[rung], median(by_rung[rung])) for rung in sorted(by_rung))
    return tuple((rate_rps, p99_ms) for rate_rps, p99_ms in found if p99_ms <= BEYOND * slo_ms)


def _panel(axes: "Axes", drawn: Sequence[Curve], colours: Mapping[str, Look], slo_ms: float) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter  # noqa: PLC0415 - as above

    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.axhline(slo_ms, color=MUTED, linewidth=1, linestyle=(0, (5, 3)))
    axes.annotate(
        f"SLO {slo(slo_ms)}", (0, slo_ms), xycoords=("axes fraction", "data"), xytext=(4, 3),
        textcoords="offset points", color=MUTED,
    )  # fmt: skip
    for one, points in drawn:
        _line(axes, one, points, colours[one.arm.scheme])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
        axis.set_minor_formatter(NullFormatter())
    axes.tick_params(axis="both", which="both", length=0, labelcolor=MUTED)
    axes.tick_params(axis="x", labelbottom=True)
    axes.set_ylabel("p99 of the response time, in ms (log scale)")
    axes.grid(visible=True)


def _line(axes: "Axes", one: MaxRate, points: Sequence[tuple[float, float]], look: Look) -> None:
    axes.plot(
        [rate_rps for rate_rps, _ in points], [p99_ms for _, p99_ms in points], color=look.light, linestyle=look.line,
        linewidth=1.4, marker=look.marker, markersize=2.5,
    )  # fmt: skip
    if one.rate_rps and one.p99_ms:
        if figures.has_interval(one.rate_rps):
            ends = [one.rate_rps.low, one.rate_rps.high]
            axes.plot(ends, [one.p99_ms.value] * 2, color=look.light, linewidth=2.6, solid_capstyle="butt")
        axes.plot([one.rate_rps.value], [one.p99_ms.value], color=look.light, marker=look.marker, markersize=7)


def _name(axes: "Axes", drawn: Sequence[Curve], names: Mapping[str, str]) -> None:
    """Beside the ends of the lines, from the top: the line that ends first has the way above the others."""
    for place, (one, points) in enumerate(drawn):
        height = 1 - place * LABEL_IN / (PANEL_IN - 1)
        axes.annotate(
            names[one.arm.id], points[-1], xytext=(1.03, height), textcoords="axes fraction", va="center", color=INK,
            annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": GRID, "shrinkA": 1, "shrinkB": 3, "relpos": (0, 0.5)},
        )  # fmt: skip


def _wording(panels: Mapping[int, Sequence[Curve]], names: Mapping[str, str], slo_ms: float) -> Wording:
    told = (
        f"{names[one.arm.id]} at {figures.plural(count, 'replica')}: {rate(one)}"
        for count, drawn in panels.items()
        for one, _ in drawn
    )
    return Wording("max-rate", f"Rate against p99, with an SLO of {slo(slo_ms)}", "; ".join(told) + ".")
