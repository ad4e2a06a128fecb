"""When a comparison is decided: a slowdown must show twice in fresh processes, and a pass must be able to see it.

Only the confirming stage can fail a gate, and its two looks share one chance of a false alarm. However often the first
stage is looked at, it can but ask for that second opinion: its looks do not add up.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.intervals import TAIL
from bench.gates.model import Canary, Comparison, Decision, GateStatus, Pair
from bench.gates.statistics import compare

STEP_PAIRS = 2
"""How many pairs are added before the next look."""
LOOKS = 2
"""How often a confirming stage is looked at, at most: as it starts, and with all pairs it may have."""
FEWEST_PAIRS = 2
"""One pair alone says nothing of how much pairs differ."""

Take = Callable[[], Pair]
Left = Callable[[], float]
CanaryKind = Literal["micro", "cell"]
Reading = Literal["slow", "clean", "open"]
STATUSES: Mapping[Reading, GateStatus] = {"slow": "fail", "clean": "pass", "open": "inconclusive"}


@dataclass(frozen=True, slots=True)
class Rule:
    """What decides a relative gate.

    `margin_ratio`: how much slower the median may be. `alpha`: the chance of a false alarm if nothing else than the
    interval decided, corrected for the gates of the run. A stage starts with `stage_pairs` and ends at `most_pairs`.
    """

    margin_ratio: float
    alpha: float
    stage_pairs: int = 5
    most_pairs: int = 15
    seed: int = 1

    def __post_init__(self) -> None:
        if not FEWEST_PAIRS <= self.stage_pairs <= self.most_pairs:
            message = f"found stages of {self.stage_pairs} to {self.most_pairs} pairs, expected {FEWEST_PAIRS} at least"
            raise ValueError(message)


def corrected(alpha: float, gates: int) -> float:
    """`alpha` shared among all relative gates of a run, so that any false alarm at all has a chance of `alpha` at most.

    Bonferroni's alpha / gates. Holm's stepwise rule needs every gate's p-value before it can judge one; here a gate is
    told as soon as it is known. Source: Dunn, "Multiple Comparisons among Means", JASA 56, 1961.
    """
    return alpha / max(1, gates)


def decide(take: Take, rule: Rule, left_s: Left) -> Decision:
    """Take pairs until the answer is known, `most_pairs` are taken or no time is `left_s`; then confirm a slowdown.

    What a stage starts with is always taken, and a suspicion is always followed up, whatever time is left. The first
    stage grows by a step at a time; the confirming one is looked at twice at most, so each look has its share of alpha.
    """
    started_s = time.monotonic()
    first = _stage(_growing(take, rule, STEP_PAIRS, left_s), rule, rule.alpha)
    if first.reading != "slow":
        return Decision(STATUSES[first.reading], first.seen, None, (first.pairs,), time.monotonic() - started_s)
    second = _stage(_growing(take, rule, rule.most_pairs, left_s), rule, rule.alpha / LOOKS)
    raw = (first.pairs, second.pairs)
    return Decision(STATUSES[second.reading], first.seen, second.seen, raw, time.monotonic() - started_s)


@dataclass(frozen=True, slots=True)
class _Stage:
    pairs: tuple[Pair, ...]
    seen: Comparison
    reading: Reading


def _stage(looks: Iterator[tuple[Pair, ...]], rule: Rule, alpha: float) -> _Stage:
    """The first look that answers, or the last one there is."""
    for pairs in looks:
        seen = compare(pairs, alpha, rule.seed)
        stage = _Stage(pairs, seen, _reading(seen, rule))
        if stage.reading != "open":
            break
    return stage


def _growing(take: Take, rule: Rule, step_pairs: int, left_s: Left) -> Iterator[tuple[Pair, ...]]:
    """The pairs of a stage, look by look: what it starts with, then a step more while there are room and time."""
    pairs = tuple(take() for _ in range(rule.stage_pairs))
    yield pairs
    while len(pairs) < rule.most_pairs and left_s() > 0:
        pairs += tuple(take() for _ in range(min(step_pairs, rule.most_pairs - len(pairs))))
        yield pairs


def _reading(comparison: Comparison, rule: Rule) -> Reading:
    """Slow: beyond the margin, and surely more than nothing. Clean: within it, and surely less than twice of it."""
    ratio = comparison.ratio
    if ratio.value > 1 + rule.margin_ratio:
        return "slow" if ratio.low > 1 else "open"
    return "clean" if ratio.high <= 1 + 2 * rule.margin_ratio else "open"


def take_canary(kind: CanaryKind, take: Take, rule: Rule, left_s: Left) -> Canary:
    """Pairs of the base and itself, taken as the gates take theirs: more of them only while they cannot tell."""
    for pairs in _growing(take, rule, STEP_PAIRS, left_s):
        canary = judge_canary(kind, pairs, rule)
        if canary.status == "pass":
            break
    return canary


def judge_canary(kind: CanaryKind, pairs: Sequence[Pair], rule: Rule) -> Canary:
    """The base against itself: whether pairs like these can tell a difference of the margin from none.

    Its interval is a plain 95 % one: a run has one canary of a kind, and none of its answers is an alarm.
    """
    ratio = compare(pairs, TAIL, rule.seed).ratio
    half_ratio = math.sqrt(ratio.high / ratio.low) - 1 if ratio.low else math.inf
    if max(ratio.value, 1 / ratio.value) > 1 + rule.margin_ratio:
        why = f"the base differs from itself by {abs(ratio.value - 1):.1%}, the margin is {rule.margin_ratio:.1%}"
        return Canary(kind, "inconclusive", ratio, why)
    if half_ratio > rule.margin_ratio:
        why = f"the base compares with itself only to +/- {half_ratio:.1%}, the margin is {rule.margin_ratio:.1%}"
        return Canary(kind, "inconclusive", ratio, why)
    return Canary(kind, "pass", ratio, f"the base shows no difference from itself, to +/- {half_ratio:.1%}")
