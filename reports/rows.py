"""What every telling of a run has in common: its cells in reading order, each beside what it may be compared with."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from bench.analysis.comparison import AGAIN, CONTROL_SCHEME, LEAST_LOG_RATIO
from bench.analysis.model import CellSummary, Comparison, Estimate, Summary
from reports.format import percent, plural

HALF, NEARLY_HALF = 0.5, 0.05
SMALLEST_TOLD_RATIO = 0.001
UNTOLD = frozenset(("roundrobin", "as-deployed"))
"""Policies that tell no arm from its neighbours."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the comparison: a CPU cell and the latency cell of the same arm.

    An arm that has no CPU cell is told by its latency cell alone. `versus` is None for the control and for
    whatever may not be compared.
    """

    cell: CellSummary
    latency: CellSummary | None
    versus: Comparison | None
    label: str

    @property
    def is_invalid(self) -> bool:
        """Shown, never compared."""
        return self.cell.verdict.status == "INVALID"

    @property
    def is_refused(self) -> bool:
        """Refused requests are cheap: such a cell leaves the ranking."""
        return self.cell.refusals.ratio.value > 0

    @property
    def is_control(self) -> bool:
        """The unprotected endpoint that every cost is a difference to."""
        return self.cell.cell.scheme == CONTROL_SCHEME and not self.cell.cell.arm.endswith(AGAIN)

    @property
    def total_us(self) -> Estimate | None:
        """CPU per successful request; None where there were no counters or the cell is invalid."""
        return None if self.is_invalid else self.cell.cpu_us.get("total")

    @property
    def can_be_compared(self) -> bool:
        """Neither invalid nor refused, and measured."""
        return not self.is_refused and self.total_us is not None


@dataclass(frozen=True, slots=True)
class Group:
    """Rows that share a rate and a number of replicas, hence a control. The control comes first."""

    rate_rps: float
    replicas: int
    rows: tuple[Row, ...]

    @property
    def title(self) -> str:
        """`2 replicas, roundrobin`."""
        policies = sorted({row.cell.cell.balancing for row in self.rows})
        return plural(self.replicas, "replica") + (", " + " and ".join(policies) if self.replicas > 1 else "")


def groups(summary: Summary) -> tuple[Group, ...]:
    """Every row of the run by rate, then replicas: control, comparable by cost, refused, invalid."""
    ordered = sorted(_rows(summary), key=_reading_order)
    return tuple(
        Group(rate_rps, replicas, tuple(members))
        for (rate_rps, replicas), members in groupby(
            ordered, key=lambda row: (row.cell.cell.rate_rps, row.cell.cell.replicas)
        )
    )


def comparisons(summary: Summary) -> tuple[Comparison, ...]:
    """Those to each other that may be told: none touches an invalid or refused cell."""
    return _trusted(summary.to_each_other, summary)


def turned(found: Comparison) -> Comparison:
    """The same comparison seen from its baseline: the ratio inverted, the difference negated."""
    ratio, difference = found.ratio, found.difference_us
    return Comparison(
        candidate=found.baseline,
        baseline=found.candidate,
        ratio=Estimate(1 / ratio.value, 1 / ratio.high, 1 / ratio.low if ratio.low else math.inf),
        difference_us=Estimate(-difference.value, -difference.high, -difference.low),
        shown=found.shown,
    )


def unshown(summary: Summary) -> tuple[float, float]:
    """The ratios to a control between which nothing is shown: the A/A half-width on the log scale, at least 2 %."""
    bar = max(summary.control.half_width_ratio if summary.control else 0.0, LEAST_LOG_RATIO)
    return math.exp(-bar), math.exp(bar)


def latency_cells(summary: Summary) -> tuple[CellSummary, ...]:
    """The cells that response times are told from; the CPU cells where there are no others."""
    found = tuple(cell for cell in summary.cells if cell.cell.purpose == "latency")
    return found or summary.cells


def labels(cells: Iterable[CellSummary]) -> dict[str, str]:
    """A short name per arm: the scheme, and whatever else is needed to tell it from its neighbours."""
    arms = {cell.cell.arm: cell.cell for cell in cells}
    carriers: dict[str, set[str]] = {}
    for plan in arms.values():
        carriers.setdefault(plan.scheme, set()).add(plan.carrier)
    return {
        arm: plan.scheme
        + (f" {plan.carrier}" if len(carriers[plan.scheme]) > 1 else "")
        + (f" {plan.balancing}" if plan.replicas > 1 and plan.balancing not in UNTOLD else "")
        + (f" {plan.journey}" if plan.journey != "steady" else "")
        + (" again" if arm.endswith(AGAIN) else "")
        for arm, plan in arms.items()
    }


def is_remote(summary: Summary) -> bool:
    """Whether somebody else ran the servers: then of those only the services can tell what they consume."""
    return any(cell.cell.balancing == "as-deployed" for cell in summary.cells)


def refused_in_words(ratio: float) -> str:
    """`half refused`, `37.2 % refused`."""
    if abs(ratio - HALF) <= NEARLY_HALF:
        return "half refused"
    return f"{percent(ratio) if ratio >= SMALLEST_TOLD_RATIO else 'under 0.1 %'} refused"


def _rows(summary: Summary) -> Iterable[Row]:
    names = labels(summary.cells)
    versus = {found.candidate: found for found in _trusted(summary.to_control, summary)}
    by_arm = {cell.cell.arm: cell for cell in summary.cells if cell.cell.purpose == "cpu"}
    for cell in summary.cells:
        is_main = cell.cell.purpose == "cpu" or cell.cell.arm not in by_arm
        if is_main:
            yield Row(cell, _latency_of(cell, summary.cells), versus.get(cell.id), names[cell.cell.arm])


def _latency_of(main: CellSummary, cells: Sequence[CellSummary]) -> CellSummary | None:
    """The latency cell of the same arm, the nearest rate first."""
    found = [cell for cell in cells if cell.cell.purpose == "latency" and cell.cell.arm == main.cell.arm]
    return min(found, key=lambda cell: abs(cell.cell.rate_rps - main.cell.rate_rps), default=None)


def _trusted(found: tuple[Comparison, ...], summary: Summary) -> tuple[Comparison, ...]:
    """Those that touch neither an invalid nor a refused cell, whoever handed them over."""
    barred = {cell.id for cell in summary.cells if cell.verdict.status == "INVALID" or cell.refusals.ratio.value > 0}
    return tuple(one for one in found if not {one.candidate, one.baseline} & barred)


def _reading_order(row: Row) -> tuple[float, int, int, float, str]:
    plan = row.cell.cell
    total = row.total_us
    rank = 0 if row.is_control else 3 if row.is_invalid else 2 if row.is_refused or total is None else 1
    return plan.rate_rps, plan.replicas, rank, total.value if total else 0.0, row.cell.id
