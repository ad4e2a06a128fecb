"""What was answered second by second while a fault was on: one strip an outcome, all on one axis of time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill, shorten, wrap
from typing import TYPE_CHECKING

from bench.consequences.model import Mark, Outcome, Timeline
from reports import format as figures
from reports.consequences_tables import ordered
from reports.findings import Told
from reports.palette import ANSWERS, INK, MUTED, OTHER_ANSWER, PAPER, Answer
from reports.svg import Wording, drawing, to_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_IN, STRIP_IN, AROUND_IN, WORDS_IN = 8.2, 0.6, 0.9, 0.17
SERVED, OTHER = "200", "other"
KINDS: Mapping[str, Answer] = {**ANSWERS, OTHER: OTHER_ANSWER}
LABEL_CHARS, HEADLINE_CHARS, WORDS_CHARS = 26, 28, 40
LINE_POINTS = 11
CHARS_ACROSS = 62
"""So many characters are as wide as the axis of time."""
LATE = 0.75
"""From this share of the time on, words stand left of their mark."""
MS_PER_S = 1000.0


@dataclass(frozen=True, slots=True)
class Strip:
    """One outcome and its timeline; `says_setting` where it is not that of every strip."""

    outcome: Outcome
    timeline: Timeline
    says_setting: bool

    @property
    def label(self) -> tuple[str, ...]:
        """Which approach this is, and in which setting, line by line."""
        setting = wrap(self.outcome.setting, LABEL_CHARS) if self.says_setting else ()
        return self.outcome.approach, *setting

    @property
    def end_s(self) -> float:
        """When its last bin ends."""
        return self.timeline.bin_s * max(map(len, self.timeline.counts.values()), default=0)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What was done while it was loaded, in words that leave room for others."""
        timely = (mark for mark in self.timeline.marks if mark.at_s <= self.end_s)
        return tuple(Mark(mark.at_s, shorten(mark.what, WORDS_CHARS, placeholder="…")) for mark in timely)


def timelines(told: Told) -> str:
    """Shares of answers over time for every outcome under the fault that has a timeline; "" where none has."""
    strips = _strips(told)
    if not strips:
        return ""
    worded = [_is_worded(strips, index) for index in range(len(strips))]
    end_s = max(one.end_s for one in strips)
    rows = [_rows(one.marks, end_s) if says else {} for one, says in zip(strips, worded, strict=True)]
    words = sum(max(places.values(), default=-1) + 1 for places in rows)
    with drawing():
        from matplotlib.figure import Figure  # noqa: PLC0415 - costs a second, and only a report draws

        figure = Figure(figsize=(WIDTH_IN, STRIP_IN * len(strips) + WORDS_IN * words + AROUND_IN))
        panels = figure.subplots(len(strips), 1, sharex=True, squeeze=False)[:, 0]
        for axes, one, places in zip(panels, strips, rows, strict=True):
            _draw(axes, one, end_s, places)
        for axes in panels[:-1]:
            axes.xaxis.set_visible(False)  # even without a label, ticks cost most of the time
        panels[-1].set_xlabel("seconds since the load began")
        _legend(figure, strips)
        return to_svg(figure, _wording(told, strips))


def _strips(told: Told) -> list[Strip]:
    """Approaches in the order of the story, the settings of each in the order they were measured in."""
    drawn = [(outcome, outcome.timeline) for outcome in ordered(told.faulted) if outcome.timeline is not None]
    differ = len({outcome.setting for outcome, _ in drawn}) > 1
    return [Strip(outcome, timeline, differ) for outcome, timeline in drawn if timeline.counts]


def _is_worded(strips: Sequence[Strip], index: int) -> bool:
    """Whether the words of its marks are not yet above: other words, or the same in another bin or more away."""
    if not index:
        return True
    mine, above = strips[index].marks, strips[index - 1].marks
    if [mark.what for mark in mine] != [mark.what for mark in above]:
        return True
    return any(
        abs(one.at_s - other.at_s) > strips[index].timeline.bin_s for one, other in zip(mine, above, strict=True)
    )


def _rows(marks: Sequence[Mark], end_s: float) -> dict[Mark, int]:
    """The row above the strip that the words of each mark stand in: the lowest where nothing meets them."""
    rows: dict[Mark, int] = {}
    spans = {mark: _span_s(mark, end_s) for mark in marks}
    for mark in sorted(marks, key=lambda one: -one.at_s):
        start_s, stop_s = spans[mark]
        # what leads up from another mark must not cross these words
        lowest = max((row + 1 for other, row in rows.items() if start_s < other.at_s < stop_s), default=0)
        crowded = {row for other, row in rows.items() if spans[other][0] < stop_s and start_s < spans[other][1]}
        rows[mark] = min(set(range(lowest, lowest + len(marks) + 1)) - crowded)
    return rows


def _span_s(mark: Mark, end_s: float) -> tuple[float, float]:
    """What the words of `mark` cover, in seconds of the axis of time."""
    width_s = len(mark.what) / CHARS_ACROSS * end_s
    return (mark.at_s - width_s, mark.at_s) if _is_late(mark, end_s) else (mark.at_s, mark.at_s + width_s)


def _is_late(mark: Mark, end_s: float) -> bool:
    return mark.at_s > LATE * end_s


def _draw(axes: "Axes", strip: Strip, end_s: float, rows: Mapping[Mark, int]) -> None:
    """`rows`: of the marks whose words were not yet said above."""
    _stack(axes, strip.timeline)
    for mark in strip.marks:
        axes.axvline(mark.at_s, color=PAPER, linewidth=2.6)
        axes.axvline(mark.at_s, color=INK, linewidth=1, linestyle=(0, (3, 2)))
    for mark, row in rows.items():
        _say(axes, mark, row, is_late=_is_late(mark, end_s))
    axes.set_xlim(0, end_s)
    axes.set_ylim(0, 1)
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.tick_params(axis="x", length=0)
    for index, line in enumerate(strip.label):  # one by one, as each must end where the strip begins in any font
        axes.annotate(
            line, (0, 0.5), xycoords="axes fraction", xytext=(-6, (len(strip.label) / 2 - index - 0.5) * LINE_POINTS),
            textcoords="offset points", ha="right", va="center", color=MUTED if index else INK,
        )  # fmt: skip
    axes.text(1.015, 0.5, _result(strip), transform=axes.transAxes, va="center", color=INK)


def _stack(axes: "Axes", timeline: Timeline) -> None:
    """Shares of a bin's requests from the bottom up, served first; a bin without requests stays empty."""
    folded = _folded(timeline)
    totals = [sum(counts) for counts in zip(*folded.values(), strict=True)]
    edges_s = [place * timeline.bin_s for place in range(len(totals) + 1)]
    below = [0.0] * len(totals)
    for kind, counts in folded.items():
        above = [
            low + (count / total if total else 0.0) for low, count, total in zip(below, counts, totals, strict=True)
        ]
        look = KINDS[kind]
        axes.fill_between(
            edges_s, [*below, below[-1]], [*above, above[-1]], step="post", facecolor=look.light, hatch=look.hatch,
            edgecolor=PAPER, linewidth=0,
        )  # fmt: skip
        below = above


def _folded(timeline: Timeline) -> dict[str, tuple[int, ...]]:
    """Counts by the kinds that are drawn, in their order: every 2xx is served, what has no look of its own is other."""
    folded: dict[str, tuple[int, ...]] = {}
    for kind, counts in timeline.counts.items():
        drawn = SERVED if kind.startswith("2") else kind if kind in ANSWERS else OTHER
        before = folded.get(drawn, (0,) * len(counts))
        folded[drawn] = tuple(one + other for one, other in zip(before, counts, strict=True))
    return {kind: folded[kind] for kind in KINDS if kind in folded}


def _say(axes: "Axes", mark: Mark, row: int, *, is_late: bool) -> None:
    axes.annotate(
        mark.what, (mark.at_s, 1), xycoords=axes.get_xaxis_transform(), xytext=(0, 4 + row * 12),
        textcoords="offset points", ha="right" if is_late else "left", color=INK, annotation_clip=False,
        bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.8},
        arrowprops={"arrowstyle": "-", "color": INK, "relpos": (1 if is_late else 0, 0), "shrinkA": 0, "shrinkB": 0},
    )  # fmt: skip


def _result(strip: Strip) -> str:
    status = strip.outcome.verdict.status
    headline = strip.outcome.headline if status == "VALID" else f"{status}: {strip.outcome.headline}"
    waits = [ms for ms in strip.timeline.worst_ms if ms is not None]
    longest = f"\nlongest wait {figures.number(max(waits) / MS_PER_S)}{figures.SPACE}s" if waits else ""
    return fill(headline, HEADLINE_CHARS) + longest


def _legend(figure: "Figure", strips: Sequence[Strip]) -> None:
    from matplotlib.patches import Patch  # noqa: PLC0415 - costs a second, and only a report draws

    seen = {kind for one in strips for kind, counts in _folded(one.timeline).items() if any(counts)}
    patches = [
        Patch(facecolor=look.light, hatch=look.hatch, edgecolor=PAPER, linewidth=0, label=_meaning(kind))
        for kind, look in KINDS.items()
        if kind in seen
    ]
    figure.legend(handles=patches, loc="outside upper left", ncols=len(patches), frameon=False, labelcolor=INK)


def _meaning(kind: str) -> str:
    return KINDS[kind].meaning if kind == OTHER else f"{kind}: {KINDS[kind].meaning}"


def _wording(told: Told, strips: Sequence[Strip]) -> Wording:
    described = (
        f"{one.outcome.approach}, {one.outcome.setting}: {_totals(one.timeline)}; {_marked(one.timeline)}"
        f"{one.outcome.headline}"
        for one in strips
    )
    return Wording(f"time-{told.name}", f"Answers over time: {told.fault}", ". ".join(described) + ".")


def _totals(timeline: Timeline) -> str:
    return ", ".join(f"{figures.count(sum(counts))} x {kind}" for kind, counts in timeline.counts.items())


def _marked(timeline: Timeline) -> str:
    return "".join(f"{mark.what} at {figures.number(mark.at_s)} s; " for mark in timeline.marks)
