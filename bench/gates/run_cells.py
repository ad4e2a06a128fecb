"""Ratio and SLO gates: few blocks of load on fresh processes, more only while an answer is open."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from random import Random

from bench.gates.ground import Teller, Told, arm_of, ground
from bench.gates.model import Judged, RatioGate, SloGate
from bench.gates.settling import LEAST_BLOCKS, judge_ratio, judge_slo
from bench.measure.block import Surroundings, run_block
from bench.measure.crew import Spread, generators
from bench.measure.profiles import AGAIN, STALL_S, VISITORS_MIN
from bench.measure.run import SPARE_USERS
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Record
from services.catalogue import schemes

MOST_BLOCKS = 3
CPU = SlicePlan("cpu", rate_rps=30, seconds=6, pinned=True)
LATENCY_SAMPLES = 600
"""At least so many in all blocks together: 459 make a p99, and arrivals are random."""
LATENCY_LEAST_S = 3


@dataclass(frozen=True, slots=True)
class Series:
    """Gates that the same arms answer, loaded together."""

    gates: tuple[RatioGate | SloGate, ...]
    arms: tuple[ArmPlan, ...]
    load: SlicePlan

    def block(self, index: int) -> BlockPlan:
        """The arms in an order of the block's own."""
        random = Random(f"gate/block/{index}")  # noqa: S311 - a reproducible order, not a secret
        return BlockPlan(index, random.getrandbits(48), tuple(random.sample(self.arms, len(self.arms))), (self.load,))


Measure = Callable[[Series], list[Record]]
"""Measures one more block."""


def judge_run(gates: Sequence[RatioGate | SloGate], machine: str | None, progress: Told) -> tuple[Judged, ...]:
    """Judge every gate, in their order; `machine`: the class of this one, if it has a name.

    All ratios come from one series of blocks; every SLO has its cell to itself, as company would slow it down.
    GateError and CatalogueError, before anything is started, where a gate names no cell; NotReadyError.
    """
    planned = tuple(plan(gates))
    if not planned:
        return ()
    with _site(planned, progress) as measure:
        found = {one.gate.name: one for series in planned for one in settled(series, measure, machine)}
    return tuple(found[gate.name] for gate in gates)


def plan(gates: Sequence[RatioGate | SloGate]) -> Iterator[Series]:
    """What has to be measured for `gates`. GateError, CatalogueError."""
    ratios = tuple(gate for gate in gates if isinstance(gate, RatioGate))
    if ratios:
        yield _of_ratios(ratios)
    slos = [gate for gate in gates if isinstance(gate, SloGate)]
    for cell, rate_rps in dict.fromkeys((gate.cell, gate.rate_rps) for gate in slos):
        asking = tuple(gate for gate in slos if (gate.cell, gate.rate_rps) == (cell, rate_rps))
        yield Series(asking, (arm_of(cell, _visitors(rate_rps)),), _latency(rate_rps))


def _of_ratios(gates: tuple[RatioGate, ...]) -> Series:
    """One arm is entered twice: what identical arms differ by is part of every interval."""
    cells = dict.fromkeys(cell for gate in gates for cell in (gate.to, gate.cell))
    arms = tuple(dict.fromkeys(arm_of(cell, _visitors(CPU.rate_rps)) for cell in cells))
    return Series(gates, (*arms, replace(arms[0], id=arms[0].id + AGAIN)), CPU)


def _visitors(rate_rps: float) -> int:
    return max(VISITORS_MIN, math.ceil(rate_rps * STALL_S))


def _latency(rate_rps: float) -> SlicePlan:
    seconds = max(LATENCY_LEAST_S, math.ceil(LATENCY_SAMPLES / LEAST_BLOCKS / rate_rps))
    return SlicePlan("latency", rate_rps, seconds, pinned=False)


def settled(series: Series, measure: Measure, machine: str | None) -> list[Judged]:
    """What its gates come to, after as many blocks as it takes."""
    records: list[Record] = []
    for done in range(1, MOST_BLOCKS + 1):
        records += measure(series)
        judged = [_judge(gate, records, machine) for gate in series.gates]
        if done >= LEAST_BLOCKS and all(one.status != "inconclusive" for one in judged):
            break
    return judged


def _judge(gate: RatioGate | SloGate, records: Sequence[Record], machine: str | None) -> Judged:
    return judge_ratio(gate, records) if isinstance(gate, RatioGate) else judge_slo(gate, records, machine)


@contextmanager
def _site(planned: Sequence[Series], progress: Told) -> Iterator[Measure]:
    """Where blocks are measured, each under a number of its own."""
    users = max(arm.visitors for series in planned for arm in series.arms) + SPARE_USERS
    numbers = count()
    with ground(users) as foundation, generators(foundation.supervisor, Spread()) as source:
        password = foundation.users_password_file.read_text(encoding="utf-8")
        around = Surroundings(source, schemes(), {}, password)
        teller = Teller(progress)
        yield lambda series: list(run_block(series.block(next(numbers)), foundation, around, teller))
