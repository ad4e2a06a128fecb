"""Hints at what a call costs in instructions, as callgrind counts them: steadier than a clock, but no verdict on time.

Two rounds of a process that differ in nothing but how many calls they have are subtracted, so what is around the calls
drops out. Hashes are not random there, as the order of a dict would count. What a call uses up (by a renewal, a logout)
is made for it and counts with it. Source: Weidendorfer, Kowarschik and Trinitis, "A Tool Suite for Simulation Based
Analysis of Memory Access Behavior", ICCS 2004.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from bench.gates.ground import Told
from bench.gates.model import InstructionsGate, Judged
from bench.gates.protocol import Benchmark, Errand, Worker
from bench.gates.rig import Rig, open_rig
from bench.gates.tree import Trees
from bench.stack.errors import NotReadyError

TRACER, CONTROL = "valgrind", "callgrind_control"
FEW, MANY = 200, 400
ANSWER_S = 600.0
"""Callgrind runs code fifty times slower."""
CONTROL_S = 30.0
TOTAL = re.compile(r"^(?:summary|totals): (\d+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counted:
    """Instructions of one call, in base and candidate."""

    base: float
    candidate: float

    @property
    def ratio(self) -> float:
        """Candidate over base."""
        return self.candidate / self.base


def judge_instructions(gates: Sequence[InstructionsGate], trees: Trees | None, progress: Told) -> tuple[Judged, ...]:
    """A hint for every gate; void where there is no base, no valgrind, or no such call. Blocks for a minute each."""
    if not gates:
        return ()
    if trees is None:
        return tuple(void(gate, "no base to compare with", "name one: --base REF") for gate in gates)
    if shutil.which(TRACER) is None:
        return tuple(void(gate, f"{TRACER} is not on PATH", f"install it: apt install {TRACER}") for gate in gates)
    with open_rig(trees, [_benchmark(gate) for gate in gates]) as rig:
        return tuple(_judged(rig, trees, gate, progress) for gate in gates)


def void(gate: InstructionsGate, why: str, next_step: str) -> Judged:
    """Nothing was counted."""
    return Judged(gate, "void", "", _bar(gate), why, blocking=False, next_step=next_step)


def advice(gate: InstructionsGate, trees: Trees, counted: Counted) -> Judged:
    """What the counts come to."""
    is_more = counted.ratio > 1 + gate.margin_ratio
    found = f"{counted.ratio:.4f}x ({counted.candidate:,.0f} instructions)"
    why = (
        f"{_benchmark(gate)} takes {counted.candidate:,.0f} instructions at {trees.candidate.commit} "
        f"and {counted.base:,.0f} at {trees.base.commit}"
    )
    next_step = "see whether its time is gated, too: instructions are no time" if is_more else ""
    raw = {"base": counted.base, "candidate": counted.candidate}
    return Judged(gate, "advice", found, _bar(gate), why, blocking=False, next_step=next_step, raw=raw)


def total(text: str) -> int:
    """All instructions of a callgrind profile. ValueError where it tells none."""
    if told := TOTAL.search(text):
        return int(told[1])
    message = f"found {text[:60]!r}, expected a callgrind profile with a line of totals"
    raise ValueError(message)


def count(rig: Rig, trees: Trees, benchmark: Benchmark) -> Counted:
    """Instructions of a call in base and candidate. NotReadyError."""
    with rig.errands(trees, benchmark) as errands, ExitStack() as ending:
        both = [
            Traced(ending.enter_context(Worker(rig.supervisor, tree, traced(errand, folder))), folder)
            for tree, errand in zip((trees.base, trees.candidate), errands, strict=True)
            for folder in [rig.supervisor.folder("callgrind")]
        ]
        return Counted(*[one.count(benchmark) for one in both])


def traced(errand: Errand, folder: Path) -> Errand:
    """`errand` under callgrind, which does not count until it is told to: a start would take a minute."""
    prefix = (TRACER, "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder / 'profile'}")
    environment = {**errand.environment, "PYTHONHASHSEED": "0"}
    return replace(errand, environment=environment, prefix=prefix, answer_s=ANSWER_S)


@dataclass(frozen=True, slots=True)
class Traced:
    """A worker that runs under callgrind, which writes its profiles into `folder`."""

    worker: Worker
    folder: Path

    def count(self, benchmark: Benchmark) -> float:
        """Instructions of a call."""
        self.worker.open(benchmark)
        self.worker.stock(FEW)
        self.worker.round(FEW)
        self._control("--instr=on")
        few, many = (self._round(calls) for calls in (FEW, MANY))
        return (many - few) / (MANY - FEW)

    def _round(self, calls: int) -> int:
        """All that was done since the profile before."""
        self.worker.round(calls)
        self._control("--dump")
        newest = max(self.folder.iterdir(), key=lambda path: int(path.suffix.removeprefix(".") or 0))
        return total(newest.read_text(encoding="utf-8"))

    def _control(self, order: str) -> None:
        said = _said(order, self.worker.process.pid)
        if "OK." not in said:
            found = next(iter(said.splitlines()), "nothing")
            message = f"{CONTROL}: found {found!r}, expected it to reach a process of ours; allow ptrace here"
            raise NotReadyError(message)


def _said(order: str, pid: int) -> str:
    """What the control says, which ends with code 0 in any case; nothing when it hangs."""
    argv = (CONTROL, order, str(pid))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=CONTROL_S, check=False)
    except subprocess.TimeoutExpired:
        return ""
    return done.stderr + done.stdout


def _judged(rig: Rig, trees: Trees, gate: InstructionsGate, progress: Told) -> Judged:
    benchmark = _benchmark(gate)
    if tree := rig.lacking(trees, benchmark):
        return void(
            gate, f"{tree.commit} does not have {benchmark}", "nothing: it is counted once both commits have it"
        )
    progress(f"{benchmark}: counting instructions")
    try:
        return advice(gate, trees, count(rig, trees, benchmark))
    except NotReadyError as error:
        return void(gate, str(error), "gate its time instead, by a gate of kind micro")


def _benchmark(gate: InstructionsGate) -> Benchmark:
    return Benchmark(gate.scheme, gate.step)


def _bar(gate: InstructionsGate) -> str:
    return f"<= {1 + gate.margin_ratio:g}x"
