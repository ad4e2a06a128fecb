"""A fresh pair compares alike with alike, and what is decided of pairs is told as a gate's figure."""

import math
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from random import Random

import pytest

from bench.analysis.model import Estimate
from bench.gates import micro
from bench.gates.micro import fresh_pair, judge_micro, verdict
from bench.gates.model import Comparison, Decision, GateStatus, MicroGate, Pair
from bench.gates.protocol import Benchmark, Round, WorkerError
from bench.gates.rig import Rig, open_rig
from bench.gates.tree import Trees
from tests.bench.gates.trees import OURS

TREES = Trees(replace(OURS, commit="a1b2c3d"), replace(OURS, commit="e4f5a6b"))
GATE = MicroGate("verify stays cheap", "jwt-hs256", "verify")
CLEAN = Comparison(Estimate(1.004, 0.991, 1.017), 5, 200)
SLOW = Comparison(Estimate(1.104, 1.089, 1.121), 5, 200)


@pytest.fixture(scope="module")
def rig() -> Iterator[Rig]:
    """One for calls that ask no store."""
    with open_rig(TREES, [Benchmark("memory-session", "verify")]) as rig:
        yield rig


@pytest.fixture
def coins() -> Random:
    """The order of turns."""
    return Random(1)  # noqa: S311 - as `fresh_pair` takes it


@pytest.mark.parametrize("extra_ratio", [0.0, 0.5])
def test_a_pair_has_a_ratio_for_every_round(
    rig: Rig, coins: Random, monkeypatch: pytest.MonkeyPatch, extra_ratio: float
) -> None:
    """Finite ones, whether the candidate is slowed or not; the processes are gone afterwards."""
    monkeypatch.setattr(micro, "ROUNDS", 4)
    pair = fresh_pair(rig, TREES, Benchmark("memory-session", "verify"), coins, extra_ratio)
    assert len(pair) == 4
    assert all(math.isfinite(ratio) for ratio in pair)


class Paced:
    """A worker whose calls take `call_ns`, and wait as long as `waiting_ns`; it notes whom the turn is."""

    def __init__(self, name: str, call_ns: int, turns: list[str], waiting_ns: int = 0) -> None:
        self.name, self.call_ns, self.waiting_ns, self.turns = name, call_ns, waiting_ns, turns
        self.stocked = list[int]()

    def stock(self, credentials: int) -> float:
        """Each takes a millisecond to make."""
        self.stocked.append(credentials)
        return 1_000_000

    def round(self, calls: int) -> Round:
        """As long as it was told that calls take."""
        self.turns.append(self.name)
        return Round(calls, self.call_ns * calls, (self.call_ns + self.waiting_ns) * calls)


@pytest.mark.parametrize(
    ("call_ns", "waiting_ns", "calls"),
    [(50_000, 0, 100), (4_000, 0, 1250), (100, 0, 20_000), (80_000_000, 0, 1), (100_000, 900_000, 15)],
)
def test_a_round_takes_its_time(call_ns: int, waiting_ns: int, calls: int) -> None:
    """As many calls of the slower worker as take 5 ms of CPU or 15 ms in all, one at least."""
    slow, quick = Paced("base", call_ns, [], waiting_ns), Paced("candidate", call_ns // 2, [])
    assert micro._warmed([slow, quick]) == calls  # type: ignore[list-item]


def test_credentials_that_are_dear_to_make_are_few() -> None:
    """Of those that take a millisecond each, no more are made than take a quarter of a second."""
    worker = Paced("base", 4_000, [])
    micro._warmed([worker])  # type: ignore[list-item]
    assert worker.stocked == [16, 250]


def test_who_begins_a_round_is_drawn(coins: Random) -> None:
    """Both begin some, and the ratio is the candidate's over the base's in either case."""
    turns = list[str]()
    base, candidate = Paced("base", 1000, turns), Paced("candidate", 1100, turns)
    ratios = [micro._round(base, candidate, 10, coins) for _ in range(20)]  # type: ignore[arg-type]
    assert ratios == pytest.approx([math.log(1.1)] * 20)
    assert set(turns[::2]) == {"base", "candidate"}


SLOWER = "jwt-hs256 verify at e4f5a6b costs 1.104x [1.089, 1.121] the CPU time of a1b2c3d"
EQUAL = "jwt-hs256 verify at e4f5a6b costs 1.004x [0.991, 1.017] the CPU time of a1b2c3d"


@pytest.mark.parametrize(
    ("status", "first", "confirming", "why"),
    [
        ("pass", CLEAN, None, f"{EQUAL}, in 5 pairs"),
        ("fail", SLOW, SLOW, f"{SLOWER}; 5 fresh pairs say 1.104x [1.089, 1.121]"),
        ("pass", SLOW, CLEAN, f"{SLOWER}; 5 fresh pairs say 1.004x [0.991, 1.017], which does not confirm it"),
        ("inconclusive", CLEAN, None, f"{EQUAL}, which 5 pairs leave open"),
    ],
)
def test_a_decision_is_told_in_one_sentence(
    status: GateStatus, first: Comparison, confirming: Comparison | None, why: str
) -> None:
    """With benchmark, ratio, interval and both commits; the figure is the last stage's."""
    judged = verdict(GATE, TREES, Decision(status, first, confirming, (((0.1,),),), 4.9))
    assert judged.why == why
    assert judged.ratio == (confirming or first).ratio
    assert (judged.status, judged.bar, judged.blocking) == (status, "<= 1.05x", True)
    assert judged.raw == {"stages": (((0.1,),),), "took_s": 4.9}


def pairs_of(rig: Rig, monkeypatch: pytest.MonkeyPatch, slowdown: float, *, broken: str = "") -> list[Trees]:
    """Have pairs say that the candidate is slower by so much, the scheme `broken` fail; who was compared."""
    compared = list[Trees]()

    def pair(_rig: Rig, trees: Trees, benchmark: Benchmark, random: Random) -> Pair:
        if benchmark.scheme == broken:
            message = "candidate e4f5a6b: KeyError: 'kid'"
            raise WorkerError(message)
        compared.append(trees)
        shift = 0.0 if trees.base == trees.candidate else math.log(1 + slowdown)
        return [shift + random.gauss(0, 0.005) for _ in range(40)]

    monkeypatch.setattr(micro, "fresh_pair", pair)
    monkeypatch.setattr(micro, "open_rig", lambda _trees, _benchmarks: nullcontext(rig))
    return compared


def test_every_gate_is_judged_and_the_base_against_itself(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is slower fails, what breaks or is not there says so; the canary is of the first call that can be made."""
    compared, told = pairs_of(rig, monkeypatch, 0.2, broken="jwt-rs256"), list[str]()
    broken, absent = MicroGate("broken", "jwt-rs256", "verify"), MicroGate("absent", "none", "renew")
    judged, canary = judge_micro([absent, broken, GATE], TREES, 0.05, lambda: 0.0, told.append)
    assert [one.status for one in judged] == ["void", "inconclusive", "fail"]
    assert judged[0].why == "the base a1b2c3d does not have none renew"
    assert judged[1].why == "candidate e4f5a6b: KeyError: 'kid'"
    assert judged[2].found.startswith("1.2")
    assert canary is not None
    assert (canary.kind, canary.status) == ("micro", "pass")
    assert compared[0] == Trees(TREES.base, TREES.base)
    assert told[-1] == "jwt-hs256 verify: candidate against base"


def test_what_nobody_can_call_has_no_canary(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured, and nothing said of the machine."""
    compared = pairs_of(rig, monkeypatch, 0.0)
    judged, canary = judge_micro([MicroGate("absent", "none", "renew")], TREES, 0.05, lambda: 0.0, lambda _text: None)
    assert ([one.status for one in judged], canary, compared) == (["void"], None, [])


def test_a_candidate_that_lost_a_call_is_no_pass() -> None:
    """The gate cannot be judged, which is told apart from a call that is new."""
    judged = micro.absent(GATE, TREES.candidate, is_base=False)
    assert (judged.status, judged.why) == ("inconclusive", "the candidate e4f5a6b does not have jwt-hs256 verify")
