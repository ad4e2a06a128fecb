"""A whole gate run: every gate judged by what measures its kind, and told nothing by a machine that is too noisy."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from bench.gates import tree
from bench.gates.counts import judge_counts
from bench.gates.decision import corrected
from bench.gates.ground import Told
from bench.gates.instructions import judge_instructions
from bench.gates.load import judge_cells
from bench.gates.micro import judge_micro
from bench.gates.model import (
    Canary,
    CellGate,
    Config,
    CountGate,
    Gate,
    GateRun,
    InstructionsGate,
    Judged,
    MicroGate,
    RatioGate,
    SloGate,
    Tree,
)
from bench.gates.run_cells import judge_run
from bench.gates.tree import Trees
from bench.measure import environment
from bench.stack import binaries

ALPHA = 0.05
"""How often all relative gates of a run together may let a bound miss, before each slowdown has to show twice."""
Named = TypeVar("Named", bound=Gate)


@dataclass(frozen=True, slots=True)
class Asked:
    """What to hold to what: the gates of `config` over the checkout `candidate`, against the commit `base` names.

    `base` None: what takes two is not judged. `machine`: the class of this machine, for the gates that name one.
    """

    config: Config
    candidate: Path
    base: str | None = None
    machine: str | None = None


def judge(asked: Asked, told: Told) -> GateRun:
    """Judge every gate, in the order of the configuration. GateError, GateTreeError, UnknownRefError, NotReadyError."""
    began, started_at = time.monotonic(), datetime.now(UTC).astimezone()
    gates = asked.config.gates
    servers = {binary.name: binary.version for binary in binaries.found()}
    candidate = tree.candidate(asked.candidate)
    with _base(asked, candidate, told) as base:
        trees = Trees(base, candidate) if base else None
        judged = [
            *judge_counts(_of(CountGate, gates), told),
            *judge_run([*_of(RatioGate, gates), *_of(SloGate, gates)], asked.machine, told),
            *judge_instructions(_of(InstructionsGate, gates), trees, told),
        ]
        compared, canaries = _compared(asked.config, trees, told)
    by_gate = {one.gate.name: one for one in (*judged, *compared)}
    return GateRun(
        candidate=candidate,
        base=base,
        judged=tuple(by_gate[gate.name] for gate in gates),
        canaries=canaries,
        environment=environment.to_jsonable(environment.describe(servers)),
        config=asked.config,
        started_at=started_at.isoformat(timespec="seconds"),
        took_s=round(time.monotonic() - began, 1),
    )


@contextmanager
def _base(asked: Asked, candidate: Tree, told: Told) -> Iterator[Tree | None]:
    """The base, for as long as it is needed; None where there is nothing to compare."""
    if asked.base is None or not _relative(asked.config.gates):
        yield None
        return
    told(f"building the base, {asked.base}")
    with tree.base_of(asked.base, candidate) as base:
        yield base


def _compared(config: Config, trees: Trees | None, told: Told) -> tuple[list[Judged], tuple[Canary, ...]]:
    """What takes two trees."""
    micro, cells = _of(MicroGate, config.gates), _of(CellGate, config.gates)
    if trees is None:
        return [*map(_without_base, micro), *map(_without_base, cells)], ()
    alpha, left_s = corrected(ALPHA, len(micro) + len(cells)), _countdown(config.budget_s)
    calls, canary = judge_micro(micro, trees, alpha, left_s, told) if micro else ((), None)
    under_load, other = judge_cells(cells, trees, alpha, left_s, told)  # it silences its own, metric by metric
    heard = [silenced(one, canary) if canary else one for one in calls]
    return [*heard, *under_load], tuple(one for one in (canary, other) if one)


def silenced(judged: Judged, canary: Canary) -> Judged:
    """`judged` as it is where the canary sang; else inconclusive, as the machine would have said it of nothing, too."""
    if canary.status == "pass" or judged.status == "void":
        return judged
    return replace(
        judged,
        status="inconclusive",
        why=f"the base against itself: {canary.why}",
        next_step="run it again on a quieter machine",
    )


def _without_base(gate: MicroGate | CellGate) -> Judged:
    return Judged(
        gate,
        "void",
        found="",
        bar=f"<= {1 + gate.margin_ratio:g}x",
        why="no base to compare with",
        blocking=False,
        next_step="name one: --base REF",
    )


def _relative(gates: Sequence[Gate]) -> bool:
    return any(isinstance(gate, MicroGate | CellGate | InstructionsGate) for gate in gates)


def _of(kind: type[Named], gates: Sequence[Gate]) -> list[Named]:
    return [gate for gate in gates if isinstance(gate, kind)]


def _countdown(budget_s: float) -> Callable[[], float]:
    """Seconds left from now on; below zero once they are gone."""
    end = time.monotonic() + budget_s
    return lambda: end - time.monotonic()
