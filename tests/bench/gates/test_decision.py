"""What the rule says of stages made by hand, of any noise at all, and of identical programs many times over."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gates.decision import Rule, corrected, decide, judge_canary, take_canary
from bench.gates.model import Decision, Pair
from bench.gates.statistics import compare
from bench.selfcheck.gate_rule import FOUND_BARS, NOISES, USUAL, Noise, told

RULE = Rule(margin_ratio=0.03, alpha=0.05, stage_pairs=5, most_pairs=9)
FORTY = np.linspace(-0.03, 0.03, 40)


def around(centre: float, spread: float) -> list[list[float]]:
    """Five pairs of 40 rounds, their medians evenly over +/- `spread` about `centre`, as log-ratios."""
    return [(FORTY + centre + spread * step / 2).tolist() for step in range(-2, 3)]


def handing(*stages: Sequence[Pair]) -> Callable[[], Pair]:
    """Pairs in the order given, the last stage's over and over."""
    return _endless(stages).__next__


def _endless(stages: Sequence[Sequence[Pair]]) -> Iterator[Pair]:
    for stage in stages[:-1]:
        yield from stage
    yield from cycle(stages[-1])


def forever() -> float:
    """Time left where time is no matter."""
    return math.inf


def pairs_of(decision: Decision) -> int:
    """All pairs that were taken."""
    return sum(len(stage) for stage in decision.raw)


QUIET, SLOW, NOISY = around(0.0, 0.002), around(0.1, 0.002), around(0.0, 0.2)


@pytest.mark.parametrize(
    ("stages", "status", "taken"),
    [
        pytest.param([QUIET], "pass", [5], id="equal"),
        pytest.param([around(-0.2, 0.002)], "pass", [5], id="faster"),
        pytest.param([around(0.025, 0.002)], "pass", [5], id="slower within the margin"),
        pytest.param([SLOW], "fail", [5, 5], id="slower"),
        pytest.param([around(0.045, 0.0)], "fail", [5, 5], id="a little slower, twice alike"),
        pytest.param([SLOW, QUIET], "pass", [5, 5], id="slower only once"),
        pytest.param([SLOW, NOISY], "inconclusive", [5, 9], id="slower, then noisy"),
        pytest.param([NOISY], "inconclusive", [9], id="noisy"),
        pytest.param([around(0.1, 0.4)], "inconclusive", [9], id="slower, but as noisy"),
    ],
)
def test_the_rule(stages: list[Sequence[Pair]], status: str, taken: list[int]) -> None:
    """A slowdown fails when it shows in both stages; noise is never an answer, and only noise is given more pairs."""
    decision = decide(handing(*stages), RULE, forever)
    assert (decision.status, [len(stage) for stage in decision.raw]) == (status, taken)


def test_a_confirming_stage_shares_no_pair_with_the_first() -> None:
    """Its pairs were taken after those of the first stage, its figures are of them alone, at its share of alpha."""
    slower = around(0.2, 0.002)
    decision = decide(handing(SLOW, slower), RULE, forever)
    assert decision.raw == (tuple(SLOW), tuple(slower))
    assert decision.first == compare(SLOW, RULE.alpha, RULE.seed)
    assert decision.confirming == compare(slower, RULE.alpha / 2, RULE.seed)


def test_an_open_answer_that_becomes_known_ends_the_stage() -> None:
    """Noisy pairs followed by quiet ones: pairs are added two at a time until the interval is narrow, and no more."""
    rule = Rule(margin_ratio=0.03, alpha=0.05, stage_pairs=5, most_pairs=40)
    decision = decide(handing(around(0.0, 0.12), QUIET), rule, forever)
    assert decision.status == "pass"
    assert 5 < pairs_of(decision) < 40
    assert pairs_of(decision) % 2 == 1


def test_no_time_left_ends_what_is_open_but_neither_a_stage_nor_the_second_opinion() -> None:
    """With no second left noise stays inconclusive after the stage it began with, and a slowdown is still confirmed."""
    assert pairs_of(decide(handing(NOISY), RULE, lambda: 0.0)) == 5
    assert decide(handing(SLOW), RULE, lambda: 0.0).status == "fail"


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.8, 1.3), st.floats(0, 0.3), st.integers(5, 12))
def test_whatever_the_noise_the_rule_keeps_its_word(seed: int, truth: float, between: float, most: int) -> None:
    """Twice `most_pairs` at most, no failure with a stage within the margin, no pass that twice of it could be behind.

    A failure needs both medians beyond the margin and both intervals above 1. The same seed decides the same.
    """
    rule = Rule(margin_ratio=0.03, alpha=0.05, stage_pairs=5, most_pairs=most, seed=seed)
    noise = Noise("any", between)
    decision, again = (decide(noise.pairs(truth, seed).__next__, rule, forever) for _ in range(2))
    stages = [decision.first] + ([decision.confirming] if decision.confirming else [])
    assert pairs_of(decision) <= 2 * most
    if decision.status == "fail":
        assert len(stages) == 2
        assert all(stage.ratio.value > 1.03 and stage.ratio.low > 1 for stage in stages)
    if decision.status == "pass":
        assert stages[-1].ratio.value <= 1.03
        assert stages[-1].ratio.high <= 1.06
    assert (again.status, again.raw, again.first) == (decision.status, decision.raw, decision.first)


@pytest.mark.parametrize("noise", NOISES, ids=lambda noise: noise.name)
def test_identical_programs_do_not_fail(noise: Noise) -> None:
    """Of 40 gates none does, whatever the noise; `authbench selfcheck gates` asks thousands."""
    assert told(noise, 1.0, 40).said["fail"] == 0


@pytest.mark.parametrize("truth", FOUND_BARS)
def test_slower_programs_fail(truth: float) -> None:
    """Of 40 gates at 1 % between pairs all but one do at least."""
    assert told(USUAL, truth, 40).said["fail"] >= 39


@pytest.mark.parametrize(("stage", "most"), [(1, 5), (6, 5)])
def test_a_rule_that_could_not_decide_is_refused(stage: int, most: int) -> None:
    """One pair knows no spread, and no stage ends before it starts."""
    with pytest.raises(ValueError, match="expected 2 at least"):
        Rule(0.03, 0.05, stage, most)


def test_alpha_is_shared_among_the_gates() -> None:
    """Any false alarm among k gates has a chance of alpha: each has alpha / k, and no gate at all is no division."""
    assert corrected(0.05, 20) == pytest.approx(0.0025)
    assert corrected(0.05, 1) == corrected(0.05, 0) == 0.05


@pytest.mark.parametrize(
    ("pairs", "status", "why"),
    [
        (QUIET, "pass", "shows no difference"),
        (around(0.1, 0.002), "inconclusive", r"differs from itself by 10.5%, the margin is 3.0%"),
        (around(-0.1, 0.002), "inconclusive", "differs from itself by 9.5%"),
        (NOISY, "inconclusive", "only to "),
        (QUIET[:1], "inconclusive", "only to "),
    ],
    ids=["quiet", "slower", "faster", "noisy", "one pair"],
)
def test_a_canary_sings_only_where_nothing_is_seen_as_nothing(pairs: list[list[float]], status: str, why: str) -> None:
    """It passes within the margin and known to within it; else it says in one sentence what is wrong."""
    canary = judge_canary("micro", pairs, RULE)
    assert (canary.kind, canary.status) == ("micro", status)
    assert why in canary.why


def test_a_canary_is_given_more_pairs_only_while_it_cannot_tell() -> None:
    """A quiet base is known after one stage, a noisy one takes all pairs there may be, one that calms down sings."""
    taken = Counter[str]()

    def counted(name: str, *stages: Sequence[Pair]) -> Callable[[], Pair]:
        pairs = _endless(stages)

        def take() -> Pair:
            taken[name] += 1
            return next(pairs)

        return take

    assert take_canary("cell", counted("quiet", QUIET), RULE, forever).status == "pass"
    assert take_canary("cell", counted("noisy", NOISY), RULE, forever).status == "inconclusive"
    rule = Rule(0.03, 0.05, 5, 40)
    assert take_canary("cell", counted("calming", around(0.0, 0.12), QUIET), rule, forever).status == "pass"
    assert (taken["quiet"], taken["noisy"]) == (5, 9)
    assert 5 < taken["calming"] < 40
