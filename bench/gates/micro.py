"""Judges what a call costs, candidate against base: fresh pairs of processes, taking turns of milliseconds."""

import math
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from random import Random
from statistics import median

from bench.gates.decision import Rule, decide, take_canary
from bench.gates.ground import Told
from bench.gates.model import Canary, Comparison, Decision, GateStatus, Judged, MicroGate, Pair, Tree
from bench.gates.protocol import Benchmark, Round, Worker, WorkerError
from bench.gates.rig import Rig, open_rig
from bench.gates.tree import Trees
from bench.stack.pinning import pinned

ROUNDS = 40
ROUND_NS = 5_000_000
"""CPU time of a round; where calls wait for a store it may last so long by the wall clock:"""
ROUND_WALL_NS = 15_000_000
PROBE_CALLS = 16
WARM_ROUNDS = 3
CALLS_MAX = 20_000
MAKING_NS = 250_000_000
"""How long the credentials of one worker may take to make."""
STOCK_ROUNDS = 2
"""Credentials that are good for many calls come back after so many rounds."""


def judge_micro(
    gates: Sequence[MicroGate], trees: Trees, alpha: float, left_s: Callable[[], float], progress: Told
) -> tuple[tuple[Judged, ...], Canary | None]:
    """Every gate, and the canary on what the first measurable one measures; no canary where there is none.

    `alpha` is each gate's own, corrected for all of them. A gate the base has nothing to compare with is void; one of
    which a worker fails is inconclusive. NotReadyError where a tree cannot be run at all.
    """
    progress("calls: starting what they need")
    with open_rig(trees, [benchmark_of(gate) for gate in gates]) as rig:
        court = Court(rig, trees, alpha, left_s, progress)
        canary = court.canary([gate for gate in gates if not rig.lacking(trees, benchmark_of(gate))])
        return tuple(court.judged(gate) for gate in gates), canary


@dataclass(frozen=True, slots=True)
class Court:
    """Where gates are judged, as `judge_micro` says."""

    rig: Rig
    trees: Trees
    alpha: float
    left_s: Callable[[], float]
    progress: Told

    def canary(self, gates: Sequence[MicroGate]) -> Canary | None:
        """The base against itself by the tightest margin, and by the first call that it can make; None without any."""
        alike = Trees(self.trees.base, self.trees.base)
        for gate in gates:
            benchmark, random = benchmark_of(gate), _random(gate)
            rule = Rule(min(gate.margin_ratio for gate in gates), self.alpha)
            self.progress(f"{benchmark}: the base against itself")
            # who fails here fails the gate's own pairs, too, and is told there
            with suppress(WorkerError):
                return take_canary("micro", partial(fresh_pair, self.rig, alike, benchmark, random), rule, self.left_s)
        return None

    def judged(self, gate: MicroGate) -> Judged:
        """What comes of one gate."""
        if tree := self.rig.lacking(self.trees, benchmark_of(gate)):
            return absent(gate, tree, is_base=tree == self.trees.base)
        benchmark, random, rule = benchmark_of(gate), _random(gate), Rule(gate.margin_ratio, self.alpha)
        self.progress(f"{benchmark}: candidate against base")
        try:
            decision = decide(partial(fresh_pair, self.rig, self.trees, benchmark, random), rule, self.left_s)
        except WorkerError as error:
            return Judged(gate, "inconclusive", "", bar(gate), str(error), next_step="run the tests of that commit")
        return verdict(gate, self.trees, decision)


def benchmark_of(gate: MicroGate) -> Benchmark:
    """What a gate has called."""
    return Benchmark(gate.scheme, gate.step)


def bar(gate: MicroGate) -> str:
    """What a gate lets pass."""
    return f"<= {1 + gate.margin_ratio:g}x"


def absent(gate: MicroGate, tree: Tree, *, is_base: bool) -> Judged:
    """A base that lacks what is new compares with nothing; a candidate that lost it is no pass."""
    if is_base:
        why = f"the base {tree.commit} does not have {benchmark_of(gate)}"
        next_step = "nothing: it is judged once the base has it"
        return Judged(gate, "void", "", bar(gate), why, blocking=False, next_step=next_step)
    why = f"the candidate {tree.commit} does not have {benchmark_of(gate)}"
    return Judged(gate, "inconclusive", "", bar(gate), why, next_step="correct the gate, or restore the scheme")


def verdict(gate: MicroGate, trees: Trees, decision: Decision) -> Judged:
    """A decision in words; the figure is that of the last stage."""
    told = decision.confirming or decision.first
    return Judged(
        gate,
        decision.status,
        found=_interval(told),
        bar=bar(gate),
        why=_why(gate, trees, decision),
        ratio=told.ratio,
        next_step=NEXT_STEPS[decision.status].format(benchmark=benchmark_of(gate), commit=trees.candidate.commit),
        raw={"stages": decision.raw, "took_s": round(decision.took_s, 1)},
    )


NEXT_STEPS: Mapping[GateStatus, str] = {
    "pass": "",
    "fail": "see what {commit} changed in {benchmark}, or widen the gate's margin_ratio if it is worth it",
    "inconclusive": "run it again on a quieter machine, or with a longer budget_s",
}


def _why(gate: MicroGate, trees: Trees, decision: Decision) -> str:
    first, again = decision.first, decision.confirming
    cost = (
        f"{benchmark_of(gate)} at {trees.candidate.commit} costs {_interval(first)} the CPU time of {trees.base.commit}"
    )
    if again:
        says = f"{cost}; {again.pairs} fresh pairs say {_interval(again)}"
        return says if decision.status == "fail" else f"{says}, which does not confirm it"
    return (
        f"{cost}, in {first.pairs} pairs"
        if decision.status == "pass"
        else f"{cost}, which {first.pairs} pairs leave open"
    )


def _interval(comparison: Comparison) -> str:
    ratio = comparison.ratio
    return f"{ratio.value:.3f}x [{ratio.low:.3f}, {ratio.high:.3f}]"


def _random(gate: MicroGate) -> Random:
    """The same for a gate of that name whenever it is judged."""
    return Random(zlib.crc32(gate.name.encode()))  # noqa: S311 - the order of turns


def fresh_pair(rig: Rig, trees: Trees, benchmark: Benchmark, random: Random, extra_ratio: float = 0.0) -> Pair:
    """ln(candidate / base) of the CPU time of a call, by round, of two processes that nobody has used.

    Both warm up, then make as many calls a round, about ROUND_NS, in an order that is drawn for each. `extra_ratio`:
    the candidate does real work on top, that share of each call's own cost. WorkerError.
    """
    with rig.workers(trees, benchmark) as (base, candidate):
        for worker in (base, candidate):
            worker.open(benchmark)
        with _on_one_core(rig, (base, candidate), random):
            calls = _warmed((base, candidate))
            if extra_ratio:
                candidate.slow(extra_ratio)
            pair = [_round(base, candidate, calls, random) for _ in range(ROUNDS)]
        base.close()
        candidate.close()
    return tuple(pair)


@contextmanager
def _on_one_core(rig: Rig, workers: Sequence[Worker], random: Random) -> Iterator[None]:
    """The workers on one core, as no two are disturbed alike, and the stores, where there are more, on the others.

    Medians of pairs of identical code then differ by 2 % where they differed by 17, with others at work on the machine.
    """
    cores = set(os.sched_getaffinity(0))
    core = random.choice(sorted(cores))
    with pinned([worker.process.pid for worker in workers], {core}), pinned(rig.servers, cores - {core} or cores):
        yield


def _warmed(workers: Sequence[Worker]) -> int:
    """How many calls make a round, of the slower one; both have credentials for them and have made them before."""
    making_ns = max(worker.stock(PROBE_CALLS) for worker in workers)
    calls = _portion(workers, PROBE_CALLS)
    affordable = max(PROBE_CALLS, int(MAKING_NS / max(1.0, making_ns)))
    for worker in workers:
        worker.stock(min(STOCK_ROUNDS * calls, affordable))
    return _portion(workers, calls)


def _portion(workers: Sequence[Worker], calls: int) -> int:
    """As many as fit into a round, going by some of `calls`."""
    fitting = min(_fitting(worker.round(calls) for _ in range(WARM_ROUNDS)) for worker in workers)
    return max(1, min(CALLS_MAX, int(fitting)))


def _fitting(rounds: Iterable[Round]) -> float:
    return median(min(ROUND_NS / one.call_ns, ROUND_WALL_NS * one.calls / one.wall_ns) for one in rounds)


def _round(base: Worker, candidate: Worker, calls: int, random: Random) -> float:
    if random.random() < 0.5:  # noqa: PLR2004 - a coin
        base_ns = base.round(calls).call_ns
        return math.log(candidate.round(calls).call_ns / base_ns)
    candidate_ns = candidate.round(calls).call_ns
    return math.log(candidate_ns / base.round(calls).call_ns)
