"""A gate run in words: a line for each gate, for each canary and for the whole, no longer than its place."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from bench.analysis.model import Estimate
from bench.gates.model import (
    Canary,
    CellGate,
    CellMetric,
    CellName,
    CountFigure,
    CountGate,
    Gate,
    GateRun,
    GateStatus,
    InstructionsGate,
    Judged,
    MicroGate,
    RatioGate,
    SloGate,
    Tree,
)
from reports import format as figures

ORDER: tuple[GateStatus, ...] = ("fail", "inconclusive", "void", "advice", "pass")
"""What a reader must see first."""
COUNTED: Mapping[GateStatus, str] = {
    "fail": "failed",
    "inconclusive": "inconclusive",
    "void": "void",
    "advice": "advisory",
    "pass": "passed",
}
FIGURES: Mapping[CountFigure, str] = {
    "store-operations": "store operations",
    "bytes-up": "bytes up",
    "bytes-down": "bytes down",
    "unexpected-401-ratio": "unexpected 401s",
    "logged-out-users": "logged-out users",
    "session-bytes": "session bytes",
}
METRICS: Mapping[CellMetric, str] = {"cpu": "CPU", "p50": "p50", "p99": "p99"}
MACHINE = ("cpu_model", "kernel", "python")
UNKNOWN = "-"
NEAR_ONE_BELOW, NEAR_ONE_SCALE = 2.0, 0.1
"""A ratio close to 1 is told as exactly as what it differs by: to three decimals."""
STOPS = ".!?"
NAME_MAX, CELL_MAX, SENTENCE_MAX = 60, 80, 600
UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\u2027\u202f-\u2065\u206a-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]+")
"""Control, line, direction and lone surrogate characters, and whatever else XML 1.0 cannot hold."""


@dataclass(frozen=True, slots=True)
class Told:
    """One gate as every output tells it: clean text without line breaks.

    `subject`: what is measured of whom; `why` ends in what to do next; `line` says all but name and status.
    """

    status: GateStatus
    name: str
    subject: str
    found: str
    bar: str
    why: str
    line: str
    took_s: float

    @property
    def word(self) -> str:
        """`FAIL`."""
        return self.status.upper()


def told(run: GateRun) -> tuple[Told, ...]:
    """All gates, failures first."""
    return tuple(sorted((_told(judged, run) for judged in run.judged), key=lambda one: ORDER.index(one.status)))


def standing(judged: Judged) -> GateStatus:
    """The gate's status as it counts: a failure that does not block is advice."""
    return "advice" if judged.status == "fail" and not judged.blocking else judged.status


def closing(run: GateRun) -> str:
    """`FAIL: 2 of 7 gates failed, 5 passed; base 1a2b3c4, candidate 5d6e7f8+.`."""
    standings = [standing(judged) for judged in run.judged]
    counts = {status: standings.count(status) for status in (run.status, *ORDER) if status in standings}
    said = [f"{count} {COUNTED[status]}" for status, count in counts.items()]
    if run.status == "void" and not any(judged.blocking for judged in run.judged):
        said.insert(0, "no gate that blocks was judged")
    else:
        said[0] = f"{counts[run.status]} of {figures.plural(len(standings), 'gate')} {COUNTED[run.status]}"
    base = f"base {commit(run.base)}, " if run.base else ""
    return f"{run.status.upper()}: {', '.join(said)}; {base}candidate {commit(run.candidate)}."


def canaries(run: GateRun) -> tuple[str, ...]:
    """What the base against itself came to, a line each."""
    return tuple(map(_canary, run.canaries))


def machine(run: GateRun) -> str:
    """`AMD EPYC, 2 cores, Linux 6.1.0, CPython 3.11.2`, as far as the fingerprint knows."""
    known = [str(run.environment[name]) for name in MACHINE if run.environment.get(name)]
    if cores := run.environment.get("cores"):
        known.insert(1, figures.plural(cores, "core"))
    return plain(", ".join(known), SENTENCE_MAX) or "an unknown machine"


def circumstances(run: GateRun) -> str:
    """How long it took, when and where."""
    return f"Measured in {figures.duration(run.took_s)} from {plain(run.started_at, NAME_MAX)} on {machine(run)}."


def times(ratio: Estimate) -> str:
    """`1.104x (1.089-1.121)`."""
    scale = NEAR_ONE_SCALE if ratio.value < NEAR_ONE_BELOW else ratio.value
    ends = figures.ends(ratio, scale=scale) if figures.has_interval(ratio) else "no interval"
    return f"{figures.number(ratio.value, scale=scale)}x ({ends})"


def subject(gate: Gate) -> str:
    """What the gate measures, and of whom."""
    return plain(_subject(gate), SENTENCE_MAX)


def _subject(gate: Gate) -> str:
    match gate:
        case CountGate():
            return f"{_counted(gate)} of {cell(gate.cell)}"
        case MicroGate():
            return f"{gate.scheme} {gate.step}"
        case CellGate():
            return f"{METRICS[gate.metric]} of {cell(gate.cell)}"
        case RatioGate():
            return f"CPU of {cell(gate.cell)} over {cell(gate.to)}"
        case SloGate():
            return f"p99 of {cell(gate.cell)} at {gate.rate_rps:g}/s"
        case InstructionsGate():
            return f"instructions of {gate.scheme} {gate.step}"
        case _:  # pragma: no cover - mypy shows that there is no other
            assert_never(gate)


def cell(name: CellName) -> str:
    """`redis-session`, and whatever else is not as usual: `memory-session cookie, 2 replicas, sticky`."""
    carrier = f" {name.carrier}" if name.carrier else ""
    replicas = f", {figures.plural(name.replicas, 'replica')}" if name.replicas > 1 else ""
    balancing = f", {name.balancing}" if name.balancing != "roundrobin" else ""
    return f"{name.scheme}{carrier}{replicas}{balancing}"


def commit(tree: Tree) -> str:
    """`1a2b3c4`, with a `+` where the tree is dirty."""
    return plain(tree.commit, NAME_MAX)


def plain(text: str, most: int) -> str:
    """`text` in one line of printable characters, at most so many of them."""
    clean = UNPRINTABLE.sub(" ", text).strip()
    return clean if len(clean) <= most else f"{clean[: most - 3].rstrip()}..."


def _told(judged: Judged, run: GateRun) -> Told:
    found, bar, what = plain(judged.found, CELL_MAX), plain(judged.bar, CELL_MAX), subject(judged.gate)
    why = " ".join(filter(None, (_sentence(judged.why), judged.next_step and _sentence(f"next: {judged.next_step}"))))
    seen = _compared(judged, run) or found
    told_bar = f"; bar {bar}" if bar else ""
    return Told(
        status=standing(judged),
        name=plain(judged.gate.name, NAME_MAX),
        subject=what,
        found=found or UNKNOWN,
        bar=bar or UNKNOWN,
        why=why,
        line=f"{f'{what}: {seen}{told_bar}' if seen else what}. {why}".strip(),
        took_s=judged.took_s,
    )


def _compared(judged: Judged, run: GateRun) -> str:
    """Ratio, interval and commits where two states of the code were compared."""
    if judged.ratio is None or run.base is None or not isinstance(judged.gate, MicroGate | CellGate | InstructionsGate):
        return ""
    return f"{times(judged.ratio)} of base {commit(run.base)} in candidate {commit(run.candidate)}"


def _counted(gate: CountGate) -> str:
    figure = FIGURES[gate.figure]
    match gate.figure:
        case "store-operations":
            return f"{figure} ({gate.store or 'all stores'}) per {gate.step}"
        case "logged-out-users" if gate.experiment:
            return f"{figure} in {gate.experiment}"
        case _:
            return figure


def _canary(canary: Canary) -> str:
    seen = f"A/A canary ({canary.kind}) {canary.status.upper()}: the base against itself is {times(canary.ratio)}."
    return f"{seen} {_sentence(canary.why)}".rstrip()


def _sentence(text: str) -> str:
    """`text` with the capital and the stop that it may lack; a first word that is a name keeps its letters."""
    clean = plain(text, SENTENCE_MAX)
    first = clean.partition(" ")[0].rstrip(STOPS + ":;,")
    clean = clean[:1].upper() + clean[1:] if first.isalpha() else clean
    return clean if not clean or clean[-1] in STOPS else f"{clean}."
