"""The rule of relative gates in simulated noise: how often it accuses identical programs, and what it finds.

`python -m bench.selfcheck.gate_rule --trials 6000` prints the table of docs/gates_statistics.md.
"""

import argparse
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np

from bench.analysis.intervals import TAIL
from bench.gates.decision import Rule, decide, take_canary
from bench.gates.model import GateStatus, Pair
from bench.gates.statistics import compare, proportion
from bench.selfcheck.check import Finding, Selfcheck

MARGIN_RATIO, ALPHA, SEED = 0.03, 0.05, 20_262
TRIALS = 2000
FALSE_BAR, COVERED_BAR = 0.005, 0.94
ROUNDS, WITHIN, DISTURBED, DISTURBANCE, BURST = 40, 0.03, 0.05, math.log(1.3), math.log(1.5)


@dataclass(frozen=True, slots=True)
class Noise:
    """How log-ratios of identical programs scatter, beside 3 % between rounds, 5 % of which are off by 30 %.

    `between`: standard deviation of the pairs' own. `burst_share`: rounds of a pair in which one side, drawn for the
    pair, takes half as long again; `hit_ratio`: pairs that this happens to. `persistence`: the part of a pair's own
    ratio that the next one keeps, so that both stages drift together, as no fresh processes should.
    """

    name: str
    between: float
    burst_share: float = 0.0
    hit_ratio: float = 1.0
    persistence: float = 0.0

    def pairs(self, truth: float, seed: int) -> Iterator[Pair]:
        """Pairs without end of a candidate that takes `truth` times as long."""
        random = np.random.default_rng([SEED, seed])
        own = random.normal(0, self.between)
        while True:
            rounds = math.log(truth) + own + random.normal(0, WITHIN, ROUNDS)
            rounds += DISTURBANCE * random.choice([-1, 1], ROUNDS) * (random.random(ROUNDS) < DISTURBED)
            if random.random() < self.hit_ratio:
                rounds += BURST * random.choice([-1, 1]) * (random.random(ROUNDS) < self.burst_share)
            yield rounds.tolist()
            fresh = random.normal(0, self.between * math.sqrt(1 - self.persistence**2))
            own = self.persistence * own + fresh


QUIET, USUAL = Noise("0.5 % between pairs", 0.005), Noise("1 % between pairs", 0.01)
NOISES = (
    QUIET,
    USUAL,
    Noise("1.5 % between pairs", 0.015),
    Noise("4 % between pairs", 0.04),
    Noise("1 %, bursts in every pair", 0.01, burst_share=0.2),
    Noise("1 %, every third pair spoilt", 0.01, burst_share=0.6, hit_ratio=1 / 3),
    Noise("1.5 %, drifting", 0.015, persistence=0.9),
)
SLOWER = (1.02, 1.05, 1.06, 1.10)
"""Within the margin, beyond it, twice of it, and far beyond: what the table asks for."""
SHOWN: tuple[GateStatus, ...] = ("fail", "inconclusive")
FOUND_BARS = {1.05: 0.90, 1.10: 0.97}
"""How often a slowdown is to be found at 1 % between pairs, by how slow the candidate is."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the rule said in `trials` gates, which took `pairs` each on average."""

    said: Counter[GateStatus]
    trials: int
    pairs: float


def told(noise: Noise, truth: float, trials: int) -> Told:
    """Judge `trials` gates whose candidate takes `truth` times as long."""
    decisions = [decide(noise.pairs(truth, trial).__next__, _rule(trial), lambda: math.inf) for trial in range(trials)]
    pairs = sum(len(stage) for decision in decisions for stage in decision.raw)
    return Told(Counter(decision.status for decision in decisions), trials, pairs / trials)


def _rule(trial: int) -> Rule:
    return Rule(MARGIN_RATIO, ALPHA, seed=trial)


def mute(noise: Noise, trials: int) -> int:
    """How many of `trials` canaries cannot tell the base from itself."""
    canaries = (
        take_canary("micro", noise.pairs(1, trial).__next__, _rule(trial), lambda: math.inf) for trial in range(trials)
    )
    return sum(canary.status != "pass" for canary in canaries)


def covered(noise: Noise, trials: int) -> int:
    """How many of `trials` 95 % intervals over 5 pairs of identical programs hold 1."""
    stages = (list(islice(noise.pairs(1, trial), 5)) for trial in range(trials))
    ratios = (compare(stage, TAIL, SEED).ratio for stage in stages)
    return sum(ratio.low <= 1 <= ratio.high for ratio in ratios)


def run() -> Iterator[Finding]:
    """False alarms under every noise, then what is found, and how often an interval holds the truth."""
    for noise in NOISES:
        failed = told(noise, 1.0, TRIALS).said["fail"]
        figure = f"{noise.name}: {_spelled(failed, TRIALS)} identical programs fail"
        yield Finding(figure, f"<= {FALSE_BAR:.1%}", failed / TRIALS <= FALSE_BAR)
    for truth, bar in FOUND_BARS.items():
        failed = told(USUAL, truth, TRIALS).said["fail"]
        figure = f"{USUAL.name}: {_spelled(failed, TRIALS)} found that are {truth - 1:.0%} slower"
        yield Finding(figure, f">= {bar:.0%}", failed / TRIALS >= bar)
    held = covered(USUAL, TRIALS)
    yield Finding(
        f"{_spelled(held, TRIALS)} 95 % intervals hold the truth", f">= {COVERED_BAR:.0%}", held / TRIALS >= COVERED_BAR
    )


def _spelled(hits: int, trials: int) -> str:
    found = proportion(hits, trials)
    return f"{hits} of {trials} ({found.value:.2%}, {found.low:.2%}-{found.high:.2%})"


def row(noise: Noise, trials: int, slower_trials: int) -> str:
    """A noise as a line of the table: what becomes of equal and of slower programs, pairs taken, and mute canaries."""
    equal = told(noise, 1.0, trials)
    slower = [told(noise, truth, slower_trials) for truth in SLOWER]
    cells = (
        noise.name,
        f"{equal.said['fail']} (<= {proportion(equal.said['fail'], trials).high:.2%})",
        f"{equal.said['inconclusive'] / trials:.1%}",
        *(" / ".join(f"{one.said[status] / slower_trials:.1%}" for status in SHOWN) for one in slower),
        f"{equal.pairs:.1f} / {slower[-1].pairs:.1f}",
        f"{mute(noise, slower_trials) / slower_trials:.1%}",
    )
    return f"| {' | '.join(cells)} |"


CHECK = Selfcheck(
    "gate_rule", "the rule of relative gates accuses nobody and finds slowdowns, in simulated noise", "2 min", run
)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=CHECK.claim)
    parser.add_argument("--trials", type=int, default=TRIALS, help="identical programs a noise; a tenth of it slower")
    chosen = parser.parse_args()
    for each in NOISES:
        print(row(each, chosen.trials, chosen.trials // 10), flush=True)
