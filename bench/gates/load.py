"""Holds the candidate's cells under load against the base's, both arms of the same blocks; a spoilt block says nothing.

Fresh process sets are the sampling unit: of identical code they differ by 2 to 3 %, however long they are measured. So
a pair is a block, its rounds are slices of it, and `bench.gates.decision` decides over blocks as over processes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any

from bench.gates.blocks import Measured, Series, Told, laboratory
from bench.gates.cells import METRICS, VISITORS_MAX, Asked, Block, Role, title
from bench.gates.decision import Rule, decide, judge_canary
from bench.gates.model import Canary, CellGate, CellMetric, Comparison, Decision, Judged, Pair
from bench.gates.tree import Trees

STAGE_BLOCKS, MOST_BLOCKS = 4, 10
SPOILT_MAX = 3
"""How many blocks may say nothing of a cell before the machine is left in peace."""
CELLS_MAX = 2
"""How many cells share a block: with more, each is so seldom asked that a p99 takes minutes."""

QUIETER = "run it again on a quieter machine, or with a longer budget_s"

Left = Callable[[], float]


class TooSpoiltError(Exception):
    """Too many blocks say nothing of a cell; the message is the first reason, and `next_step` what to do."""

    def __init__(self, reason: str, next_step: str) -> None:
        super().__init__(reason)
        self.next_step = next_step


@dataclass(slots=True)
class Blocks:
    """The blocks of a series as one gate takes them: in order, each once, spoilt ones passed over."""

    series: Series
    asked: Asked
    left_s: Left
    taken: int = 0
    spoilt: int = 0

    def take(self) -> Pair:
        """What the next block says; blocks while it is measured. TooSpoiltError."""
        while True:
            block = self.series.block(self.taken)
            self.taken += 1
            if pair := block.pair(self.asked):
                return pair
            self.spoilt += 1
            self._look_at(block)

    def time_s(self) -> float:
        """How long may still be measured; a block that was measured for another gate takes none."""
        return inf if self.taken < len(self.series.blocks) else self.left_s()

    def _look_at(self, block: Block) -> None:
        cell = self.asked.cell
        reason = next(iter(block.doubts[cell]), "too few requests were answered")
        if cell in block.faulty:
            raise TooSpoiltError(reason, f"see what it does: authbench run {cell.scheme}")
        if self.spoilt > SPOILT_MAX or self.time_s() <= 0:
            raise TooSpoiltError(reason, QUIETER)


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one gate. `decision` None: too many blocks were spoilt, for the reason given."""

    gate: CellGate
    series: Series
    decision: Decision | None = None
    spoilt: str = ""
    next_step: str = ""

    @property
    def asked(self) -> Asked:
        """What the gate is about."""
        return Asked(self.gate.cell, self.gate.metric)


def judge_cells(
    gates: Sequence[CellGate], trees: Trees, alpha: float, left_s: Left, progress: Told
) -> tuple[tuple[Judged, ...], Canary | None]:
    """Judge every gate, in their order; blocks until all are decided or the time is up. NotReadyError.

    Each metric has a canary of its own, as a p99 may be lost in noise that CPU time does not feel: a gate whose metric
    cannot tell the base from itself is inconclusive. The canary that is returned is the steadiest metric's.
    """
    if not gates:
        return (), None
    with laboratory(trees, VISITORS_MAX, progress) as measured:
        found = [_found(gate, series, alpha, left_s) for gate, series in _series(gates, measured)]
    canaries = {metric: canary for metric in METRICS if (canary := canary_of(metric, found, alpha))}
    judged = tuple(judgement(one, canaries.get(one.gate.metric)) for one in sorted(found, key=_place(gates)))
    passing = [canary for canary in canaries.values() if canary.status == "pass"]
    return judged, next(iter([*passing, *canaries.values()]), None)


def _place(gates: Sequence[CellGate]) -> Callable[[Found], int]:
    return lambda found: gates.index(found.gate)


def _series(gates: Sequence[CellGate], measured: Measured) -> Iterator[tuple[CellGate, Series]]:
    """Every gate with the blocks that its cell is part of."""
    cells = list(dict.fromkeys(gate.cell for gate in gates))
    for first in range(0, len(cells), CELLS_MAX):
        here = [gate for gate in gates if gate.cell in cells[first : first + CELLS_MAX]]
        series = Series([Asked(gate.cell, gate.metric) for gate in here], measured)
        yield from ((gate, series) for gate in here)


def _found(gate: CellGate, series: Series, alpha: float, left_s: Left) -> Found:
    blocks = Blocks(series, Asked(gate.cell, gate.metric), left_s)
    try:
        return Found(gate, series, decide(blocks.take, _rule(gate.margin_ratio, alpha), blocks.time_s))
    except TooSpoiltError as error:
        spoilt = f"{blocks.spoilt} of {blocks.taken} blocks say nothing of {title(gate.cell)}: {error}"
        return Found(gate, series, spoilt=spoilt, next_step=error.next_step)


def _rule(margin_ratio: float, alpha: float) -> Rule:
    return Rule(margin_ratio, alpha, STAGE_BLOCKS, MOST_BLOCKS)


def canary_of(metric: CellMetric, found: Sequence[Found], alpha: float) -> Canary | None:
    """The base against itself over all cells, by the tightest margin of a metric's gates; None where nothing counts."""
    about = {one.asked: one.series for one in found if one.gate.metric == metric}
    pairs = [block.pair(asked, "base-again") for asked, series in about.items() for block in series.blocks]
    if not any(pairs):
        return None
    margin_ratio = min(one.gate.margin_ratio for one in found if one.gate.metric == metric)
    return judge_canary("cell", [pair for pair in pairs if pair], _rule(margin_ratio, alpha))


def judgement(found: Found, canary: Canary | None) -> Judged:
    """A gate's figure and what it means; nothing is said of a metric whose canary does not sing."""
    gate, decision, bar = found.gate, found.decision, f"<= {1 + found.gate.margin_ratio:g}x"
    if decision is None:
        return Judged(gate, "inconclusive", "", bar, found.spoilt, next_step=found.next_step, raw=raw(found))
    comparison = decision.confirming or decision.first
    status, why, next_step = decision.status, _why(gate, decision), _next_step(gate, decision)
    if canary and canary.status != "pass":
        status, why, next_step = "inconclusive", f"{METRICS[gate.metric].words}: {canary.why}", QUIETER
    return Judged(
        gate,
        status,
        found=f"{comparison.ratio.value:.3f}x",
        bar=bar,
        why=why,
        ratio=comparison.ratio,
        next_step=next_step,
        raw=raw(found),
    )


def _why(gate: CellGate, decision: Decision) -> str:
    first, confirming = decision.first, decision.confirming
    about = f"{METRICS[gate.metric].words} of {title(gate.cell)}: {_ratio(first)} the base's in {first.pairs} blocks"
    if confirming is None:
        return about if decision.status == "pass" else f"{about}, which may and may not be beyond the margin"
    again = f"{about}, and {_ratio(confirming)} in {confirming.pairs} fresh ones"
    return again if decision.status == "fail" else f"{again}, which does not confirm it"


def _ratio(comparison: Comparison) -> str:
    ratio = comparison.ratio
    return f"{ratio.value:.3f}x ({ratio.low:.3f} to {ratio.high:.3f})"


def _next_step(gate: CellGate, decision: Decision) -> str:
    if decision.status == "fail":
        return f"see where the time goes: authbench run {gate.cell.scheme} --ledger"
    return QUIETER if decision.status == "inconclusive" else ""


def raw(found: Found) -> Mapping[str, Any]:
    """Everything the judgement can be recomputed from: of each block what the arms cost in its rounds, and the pairs.

    Costs are in the `unit`; null where a round was not believed. `doubts`: why slices of a block do not count.
    """
    asked, blocks = found.asked, found.series.blocks
    return {
        "metric": asked.metric,
        "unit": METRICS[asked.metric].unit,
        "blocks": [_block(block, asked) for block in blocks],
        "stages": [[list(pair) for pair in stage] for stage in found.decision.raw] if found.decision else [],
        "canary": [list(block.pair(asked, "base-again")) for block in blocks],
    }


def _block(block: Block, asked: Asked) -> Mapping[str, Any]:
    costs: Mapping[Role, Any] = {
        role: [round(cost, 4) if isfinite(cost) else None for cost in values]
        for role, values in block.costs[asked].items()
    }
    return {"costs": costs, "doubts": list(block.doubts[asked.cell])}
