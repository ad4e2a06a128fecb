"""Whether a gate can be trusted on this machine: how often it cries wolf, and how often it sees a real slowdown."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

from bench.analysis.model import Estimate
from bench.gates.decision import Rule, decide
from bench.gates.micro import fresh_pair
from bench.gates.model import GateStatus, MicroGate, Pair, Tree
from bench.gates.protocol import Benchmark
from bench.gates.rig import Rig, open_rig
from bench.gates.statistics import proportion
from bench.gates.tree import Trees


@dataclass(frozen=True, slots=True)
class Trials:
    """What to try: `gate` on code that is the same, and slowed by each of `slowdowns`, `count` times each.

    A slowdown of 0.1 is a tenth more of a call's own cost, really worked off. `budget_s` bounds one trial's additions.
    """

    gate: MicroGate
    alpha: float
    count: int
    slowdowns: tuple[float, ...] = (0.10,)
    budget_s: float = 60.0
    stage_pairs: int = 5
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Trial:
    """One gate run over identical code, or over code made slower by `slowdown_ratio`. `raw`: its pairs, by stage."""

    slowdown_ratio: float
    status: GateStatus
    ratio: float
    is_confirmed: bool
    took_s: float
    raw: tuple[tuple[Pair, ...], ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """How often gates failed and could not tell at one slowdown, of how many, with exact 95 % intervals.

    `clean_s`, `confirmed_s`: median time of a trial without and with a confirming stage; None where there was none.
    """

    slowdown_ratio: float
    trials: int
    failed: Estimate
    inconclusive: Estimate
    clean_s: float | None
    confirmed_s: float | None


def run(tree: Tree, asked: Trials, told: Callable[[str], None]) -> Iterator[Trial]:
    """Trial after trial, each slowdown in turn, so that a slow hour hits all alike. NotReadyError."""
    benchmark, trees = Benchmark(asked.gate.scheme, asked.gate.step), Trees(tree, tree)
    with open_rig(trees, [benchmark]) as rig:
        course = _Course(asked, rig, trees, benchmark)
        for number in range(asked.count):
            for slowdown_ratio in (0.0, *asked.slowdowns):
                told(f"trial {number + 1} of {asked.count}, slowed by {slowdown_ratio:.0%}")
                yield course.trial(number, slowdown_ratio)


@dataclass(frozen=True, slots=True)
class _Course:
    """What all trials share."""

    asked: Trials
    rig: Rig
    trees: Trees
    benchmark: Benchmark

    def trial(self, number: int, slowdown_ratio: float) -> Trial:
        """One gate, from its first pair to its decision."""
        random = Random(f"{self.asked.seed}/{number}/{slowdown_ratio}")  # noqa: S311 - the order of rounds
        end = time.monotonic() + self.asked.budget_s
        found = decide(
            lambda: fresh_pair(self.rig, self.trees, self.benchmark, random, slowdown_ratio),
            self._rule(random.getrandbits(32)),
            lambda: end - time.monotonic(),
        )
        told = (found.confirming or found.first).ratio.value
        return Trial(slowdown_ratio, found.status, told, found.confirming is not None, found.took_s, found.raw)

    def _rule(self, seed: int) -> Rule:
        asked = self.asked
        return Rule(asked.gate.margin_ratio, asked.alpha, asked.stage_pairs, seed=seed)


def rates(trials: Sequence[Trial]) -> tuple[Rate, ...]:
    """What all trials come to, by slowdown in ascending order."""
    slowdowns = sorted({trial.slowdown_ratio for trial in trials})
    return tuple(_rate(ratio, [trial for trial in trials if trial.slowdown_ratio == ratio]) for ratio in slowdowns)


def _rate(slowdown_ratio: float, trials: Sequence[Trial]) -> Rate:
    return Rate(
        slowdown_ratio,
        len(trials),
        failed=proportion(sum(trial.status == "fail" for trial in trials), len(trials)),
        inconclusive=proportion(sum(trial.status == "inconclusive" for trial in trials), len(trials)),
        clean_s=_median_s([trial for trial in trials if not trial.is_confirmed]),
        confirmed_s=_median_s([trial for trial in trials if trial.is_confirmed]),
    )


def _median_s(trials: Sequence[Trial]) -> float | None:
    return median(trial.took_s for trial in trials) if trials else None
