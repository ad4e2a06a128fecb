"""Base, candidate and base again of every cell as arms of the same blocks, and what each round of a block says of them.

A round is one slice of load: the shorter it is the fewer of them a disturbance spoils, and a spoilt one is left out for
all three. Only a p99 needs all of a block's latency slices together.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

import numpy as np

from bench.analysis.costs import TOTAL, cpu_us
from bench.analysis.intervals import minimum_samples, plain_percentile
from bench.analysis.latency import PERCENTILES, response_ms, timed
from bench.gates.model import CellMetric, CellName, Pair
from loadtests.plan import ArmPlan, BlockPlan, Purpose, SlicePlan
from loadtests.record import Record
from services.catalogue import find

Role = Literal["base", "candidate", "base-again"]
ROLES: tuple[Role, ...] = get_args(Role)

TOTAL_RPS = 240.0
"""Over all arms of a block: 60 % of what two cores bear, the generator included."""
STALL_S = 0.5
VISITORS_MIN = 24
VISITORS_MAX = math.ceil(TOTAL_RPS / len(ROLES) * STALL_S)
"""Of one cell alone: rate x the longest stall to be survived (Little's law)."""
SLICES: Mapping[Purpose, tuple[int, int]] = {"cpu": (3, 2), "latency": (3, 4)}
"""How many slices of a kind a block has, and how many seconds each."""

Costs = Sequence[float]
"""Of each round, NaN where it is not known."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is compared: `rounds` of the records of one arm's slices of a kind. `unit` in words."""

    words: str
    unit: str
    purpose: Purpose
    rounds: Callable[[Sequence[Record]], Costs]


def _cpu_us(records: Sequence[Record]) -> Costs:
    return [cpu_us(record).get(TOTAL, math.nan) for record in records]


def _p50_ms(records: Sequence[Record]) -> Costs:
    return [_percentile_ms([record], "p50") for record in records]


def _p99_ms(records: Sequence[Record]) -> Costs:
    return [_percentile_ms(records, "p99")]


def _percentile_ms(records: Iterable[Record], name: str) -> float:
    """From intended start to answer, as users wait."""
    times = [response_ms(timed(record.samples, record.header.cell.journey)) for record in records]
    ascending, quantile = np.sort(np.concatenate([np.empty(0), *times])), PERCENTILES[name]
    return plain_percentile(ascending, quantile) if len(ascending) >= minimum_samples(quantile) else math.nan


METRICS: Mapping[CellMetric, Metric] = {
    "cpu": Metric("CPU time per request", "us", "cpu", _cpu_us),
    "p50": Metric("median response time", "ms", "latency", _p50_ms),
    "p99": Metric("p99 of the response time", "ms", "latency", _p99_ms),
}


def title(cell: CellName) -> str:
    """The cell in one word, safe in a file name."""
    balanced = "" if cell.balancing == "roundrobin" else f"-{cell.balancing}"
    return f"{cell.scheme}-{_carrier(cell)}-{cell.replicas}{balanced}"


def arm_id(cell: CellName, role: Role) -> str:
    """The arm that plays `role` for `cell`."""
    return f"{title(cell)}-{role}"


def plan_block(cells: Sequence[CellName], metrics: Iterable[CellMetric], number: int) -> BlockPlan:
    """Block `number` of `cells`, three arms each in an order of its own, with the slices that `metrics` need."""
    rate_rps = TOTAL_RPS / (len(cells) * len(ROLES))
    visitors = max(VISITORS_MIN, math.ceil(rate_rps * STALL_S))
    random = Random(f"gate/block/{number}")  # noqa: S311 - a reproducible order, not a secret
    arms = [_arm(cell, role, visitors) for cell in cells for role in ROLES]
    purposes = {METRICS[metric].purpose for metric in metrics}
    slices = [
        SlicePlan(purpose, rate_rps, seconds, pinned=purpose == "cpu")
        for purpose, (count, seconds) in SLICES.items()
        for _ in range(count)
        if purpose in purposes
    ]
    return BlockPlan(number, random.getrandbits(48), tuple(random.sample(arms, len(arms))), tuple(slices))


def _arm(cell: CellName, role: Role, visitors: int) -> ArmPlan:
    return ArmPlan(
        arm_id(cell, role), cell.scheme, _carrier(cell), cell.replicas, cell.balancing, "steady", visitors
    )  # fmt: skip


def _carrier(cell: CellName) -> Literal["cookie", "bearer"]:
    return cell.carrier or find(cell.scheme).traits.default_carrier


@dataclass(frozen=True, slots=True)
class Asked:
    """What a gate wants to know of a block."""

    cell: CellName
    metric: CellMetric


@dataclass(frozen=True, slots=True)
class Block:
    """What a block said: the costs of every arm in the rounds that count, and why others do not.

    `faulty`: cells with a fault that lies in themselves, not in the machine, and would come again in another block.
    """

    costs: Mapping[Asked, Mapping[Role, Costs]]
    doubts: Mapping[CellName, tuple[str, ...]]
    faulty: frozenset[CellName] = frozenset()

    def pair(self, asked: Asked, role: Role = "candidate") -> Pair:
        """ln(role / base) of every round; none where no round counts."""
        costs = self.costs[asked]
        sides = zip(costs[role], costs["base"], strict=True)
        return tuple(math.log(cost / base) for cost, base in sides if cost > 0 and base > 0)


def read_block(records: Iterable[Record], questions: Iterable[Asked]) -> Block:
    """What `records` of one block say to every question."""
    by_arm: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        by_arm[record.header.cell.arm].append(record)
    questions = tuple(questions)
    return Block(
        {asked: _costs(asked, by_arm) for asked in questions},
        {asked.cell: _doubts(asked.cell, by_arm) for asked in questions},
        frozenset(asked.cell for asked in questions if any(map(_at_fault, _records(asked.cell, by_arm)))),
    )


def _costs(asked: Asked, by_arm: Mapping[str, Sequence[Record]]) -> Mapping[Role, Costs]:
    """A slice counts for a cell where all three of its arms are believed: as one they were disturbed, or were not."""
    metric = METRICS[asked.metric]
    slices = zip(*(by_arm[arm_id(asked.cell, role)] for role in ROLES), strict=True)
    kept = [arms for arms in slices if arms[0].header.cell.purpose == metric.purpose and all(map(_believed, arms))]
    return {role: metric.rounds([arms[place] for arms in kept]) for place, role in enumerate(ROLES)}


def _believed(record: Record) -> bool:
    return record.footer is not None and record.footer.verdict != "INVALID"


def _at_fault(record: Record) -> bool:
    return not _believed(record) and record.footer is not None and not record.footer.disturbed


def _records(cell: CellName, by_arm: Mapping[str, Sequence[Record]]) -> Iterator[Record]:
    return (record for role in ROLES for record in by_arm[arm_id(cell, role)])


def _doubts(cell: CellName, by_arm: Mapping[str, Sequence[Record]]) -> tuple[str, ...]:
    """Why slices do not count, each reason once, with whose arm it was."""
    found = [
        f"{role}: {reason}"
        for role in ROLES
        for record in by_arm[arm_id(cell, role)]
        if record.footer and not _believed(record)
        for reason in record.footer.reasons
    ]
    return tuple(dict.fromkeys(found))
