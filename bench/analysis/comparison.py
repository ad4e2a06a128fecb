"""Which cells differ in CPU per request, by how much and how surely; what cannot be told apart is said to be so."""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from bench.analysis.costs import TOTAL
from bench.analysis.intervals import PooledRatios, pooled_ratios
from bench.analysis.model import CellSummary, Comparison, Control, Estimate

CONTROL_SCHEME = "none"
AGAIN = "-again"
LEAST_LOG_RATIO = math.log(1.02)
"""No difference below 2 % is shown, however narrow its interval."""

BlockCosts = Mapping[int, float]
"""Total CPU us per successful request by block."""


@dataclass(frozen=True, slots=True)
class Comparisons:
    """What `compare` found, in the order of the cells. `control` is the widest A/A pair, None without one."""

    to_control: tuple[Comparison, ...]
    to_each_other: tuple[Comparison, ...]
    control: Control | None


@dataclass(frozen=True, slots=True)
class _Slice:
    """The comparable cells that were loaded together, and their ratios."""

    cells: tuple[CellSummary, ...]
    ratios: PooledRatios


def compare(cells: Sequence[CellSummary], costs: Mapping[str, BlockCosts]) -> Comparisons:
    """Compare the CPU cells of each slice; `costs` by cell id.

    Left out: INVALID cells, cells with refusals (a refused request is cheap), and those without a positive cost in
    some block. Blocks that not all the others have (an interrupted run) are left out too.
    """
    slices = list(_slices([cell for cell in cells if _comparable(cell, costs.get(cell.id, {}))], costs))
    pairs = [control for piece in slices for control in _controls(piece)]
    return Comparisons(
        to_control=tuple(found for piece in slices for found in _to_control(piece)),
        to_each_other=tuple(found for piece in slices for found in _to_each_other(piece)),
        control=max(pairs, key=lambda control: control.half_width_ratio, default=None),
    )


def _comparable(summary: CellSummary, costs: BlockCosts) -> bool:
    return (
        summary.cell.purpose == "cpu"
        and summary.verdict.status != "INVALID"
        and summary.refusals.ratio.value == 0
        and len(costs) > 0
        and min(costs.values()) > 0
    )


def _slices(cells: Iterable[CellSummary], costs: Mapping[str, BlockCosts]) -> Iterator[_Slice]:
    groups: dict[tuple[float, str], list[CellSummary]] = defaultdict(list)
    for summary in cells:
        groups[summary.cell.rate_rps, summary.cell.journey].append(summary)
    for group in groups.values():
        blocks = sorted(set.intersection(*(set(costs[summary.id]) for summary in group)))
        if blocks:
            table = {summary.id: [costs[summary.id][block] for block in blocks] for summary in group}
            yield _Slice(tuple(group), pooled_ratios(table))


def _to_control(piece: _Slice) -> Iterator[Comparison]:
    for candidate in piece.cells:
        baseline = _control_of(candidate, piece.cells)
        if baseline is not None and candidate.cell.scheme != CONTROL_SCHEME:
            yield _comparison(candidate, baseline, piece.ratios)


def _control_of(candidate: CellSummary, cells: Iterable[CellSummary]) -> CellSummary | None:
    """The control with as many replicas; of several, the one most like the candidate."""

    def unlikeness(control: CellSummary) -> tuple[bool, bool]:
        ours, other = candidate.cell, control.cell
        return ours.balancing != other.balancing, ours.carrier != other.carrier

    controls = [
        summary
        for summary in cells
        if summary.cell.scheme == CONTROL_SCHEME
        and summary.cell.replicas == candidate.cell.replicas
        and not _is_again(summary)
    ]
    return min(controls, key=unlikeness, default=None)


def _to_each_other(piece: _Slice) -> Iterator[Comparison]:
    """Every two cells at equal replicas once, the earlier as baseline; control and A/A repeats left out."""
    firsts = [summary for summary in piece.cells if not _is_again(summary) and summary.cell.scheme != CONTROL_SCHEME]
    for baseline, candidate in combinations(firsts, 2):
        if baseline.cell.replicas == candidate.cell.replicas:
            yield _comparison(candidate, baseline, piece.ratios)


def _comparison(candidate: CellSummary, baseline: CellSummary, ratios: PooledRatios) -> Comparison:
    ratio = ratios.ratio(candidate.id, baseline.id)
    level_us = baseline.cpu_us[TOTAL].value
    return Comparison(
        candidate=candidate.id,
        baseline=baseline.id,
        ratio=ratio,
        difference_us=Estimate(*((end - 1) * level_us for end in (ratio.value, ratio.low, ratio.high))),
        shown=_shown(ratio, ratios.half_width),
    )


def _shown(ratio: Estimate, half_width: float) -> bool:
    """Whether the interval lies wholly beyond what identical arms differ by, on the log scale to either side.

    The pooled variance gives every pair of a slice the same half-width, so the A/A pair's is at hand even where the
    pair itself was lost.
    """
    bar = max(half_width, LEAST_LOG_RATIO)
    return ratio.low > math.exp(bar) or ratio.high < math.exp(-bar)


def _controls(piece: _Slice) -> Iterator[Control]:
    by_arm = {summary.cell.arm: summary.id for summary in piece.cells}
    for arm, again in ((arm, arm + AGAIN) for arm in by_arm):
        if again in by_arm:
            ratio = piece.ratios.ratio(by_arm[again], by_arm[arm])
            differs = not ratio.low <= 1 <= ratio.high
            yield Control((by_arm[arm], by_arm[again]), ratio, piece.ratios.half_width, differs)


def _is_again(summary: CellSummary) -> bool:
    return summary.cell.arm.endswith(AGAIN)
