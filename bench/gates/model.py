"""A gate, what it found, and what a whole gate run came to, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from bench.analysis.model import Estimate
from loadtests.plan import Balancing
from services.contract import Carrier, Step, Store

GateStatus = Literal["pass", "fail", "inconclusive", "void", "advice"]
"""`inconclusive`: the machine was too noisy to tell. `void`: not measured, or not here. `advice` never blocks."""

CountFigure = Literal[
    "store-operations", "bytes-up", "bytes-down", "unexpected-401-ratio", "logged-out-users", "session-bytes"
]
CellMetric = Literal["cpu", "p50", "p99"]

MARGINS: Mapping[str, float] = {"micro": 0.05, "cpu": 0.10, "p50": 0.10, "p99": 0.25}
"""How much slower a candidate's median may be, by metric, unless a gate says otherwise."""


@dataclass(frozen=True, slots=True)
class CellName:
    """The load cell a gate is about. `carrier` None: the scheme's own default."""

    scheme: str
    replicas: int = 1
    balancing: Balancing = "roundrobin"
    carrier: Carrier | None = None


@dataclass(frozen=True, slots=True)
class CountGate:
    """A count that may be no more than `most`: it is exact, and so is the gate.

    `step` and `store` narrow `store-operations` (a read on all stores by default); `experiment` names the consequence
    whose `logged-out-users` are meant.
    """

    name: str
    figure: CountFigure
    cell: CellName
    most: float
    step: Step = "verify"
    store: Store | None = None
    experiment: str | None = None


@dataclass(frozen=True, slots=True)
class MicroGate:
    """The CPU time of one call of the candidate against the base's, in fresh process pairs side by side."""

    name: str
    scheme: str
    step: Step
    margin_ratio: float = MARGINS["micro"]


@dataclass(frozen=True, slots=True)
class CellGate:
    """A cell of the candidate under load against the same cell of the base, arms of the same blocks."""

    name: str
    cell: CellName
    metric: CellMetric
    margin_ratio: float


@dataclass(frozen=True, slots=True)
class RatioGate:
    """What one cell costs over what another (the control by default) costs in the same run: at most `most`."""

    name: str
    cell: CellName
    to: CellName
    most: float


@dataclass(frozen=True, slots=True)
class SloGate:
    """The response time of a cell at a rate, in milliseconds; it blocks on machines of the class `machine` alone."""

    name: str
    cell: CellName
    rate_rps: float
    p99_ms: float
    machine: str


@dataclass(frozen=True, slots=True)
class InstructionsGate:
    """Instructions of a call as callgrind counts them, candidate over base: a hint, never a verdict on time."""

    name: str
    scheme: str
    step: Step = "verify"
    margin_ratio: float = 0.01


Gate = CountGate | MicroGate | CellGate | RatioGate | SloGate | InstructionsGate


@dataclass(frozen=True, slots=True)
class Config:
    """All gates of a project, as `source` has them. `budget_s`: how long undecided comparisons may go on, in total."""

    gates: tuple[Gate, ...]
    source: Path
    budget_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Tree:
    """One state of the code and the Python that runs it. `commit` is short; a dirty tree's ends in `+`."""

    path: Path
    python: Path
    commit: str


Pair = Sequence[float]
"""ln(candidate / base) of every round of one fresh pair of processes."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one stage of pairs says: the pooled median of round ratios, its interval by a bootstrap over pairs."""

    ratio: Estimate
    pairs: int
    rounds: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What a relative gate came to. `confirming`: the fresh stage a slowdown must show in again. `raw`: all pairs."""

    status: GateStatus
    first: Comparison
    confirming: Comparison | None
    raw: tuple[tuple[Pair, ...], ...]
    took_s: float


@dataclass(frozen=True, slots=True)
class Judged:
    """What a gate came to. `found` and `bar` are one figure each, in words with unit; `why` is one plain sentence.

    `ratio` where two were compared. `blocking`: whether a failure fails the run. `next_step`: what to do now; empty
    where there is nothing. `raw`: what a reader recomputes it from, as JSON values. `took_s`: 0 where the gate was not
    timed apart from others.
    """

    gate: Gate
    status: GateStatus
    found: str
    bar: str
    why: str
    blocking: bool = True
    ratio: Estimate | None = None
    next_step: str = ""
    raw: Mapping[str, Any] = field(default_factory=dict)
    took_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Canary:
    """The base against itself, measured as the relative gates were: what they would have said of nothing.

    `status`: "pass" where it shows no difference and knows it to within the margin; "inconclusive" else, and then no
    relative gate of the same `kind` can tell anything.
    """

    kind: Literal["micro", "cell"]
    status: GateStatus
    ratio: Estimate
    why: str


@dataclass(frozen=True, slots=True)
class GateRun:
    """A whole gate run. `base` None: nothing was to be compared. `environment`: the machine's fingerprint."""

    candidate: Tree
    base: Tree | None
    judged: tuple[Judged, ...]
    canaries: tuple[Canary, ...]
    environment: Mapping[str, Any]
    config: Config
    started_at: str
    took_s: float

    @property
    def status(self) -> GateStatus:
        """The worst of what blocks; void where a gate was to be judged and was not, or there was none."""
        told = {judged.status for judged in self.judged if judged.blocking}
        for status in ("fail", "void", "inconclusive", "pass"):
            if status in told:
                return status
        return "void"
