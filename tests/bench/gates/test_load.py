"""What is said of cells under load, on blocks whose costs are known: slow, as fast, too spoilt, or not to be told."""

import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from bench.analysis.model import Status
from bench.gates import cells, load
from bench.gates.blocks import Measured, Series
from bench.gates.cells import Role
from bench.gates.model import Canary, CellGate, CellMetric, CellName, Judged, Tree
from bench.gates.tree import Trees
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.plan import cell as cell_of
from loadtests.record import Record
from tests.bench.measure.made_up_runs import record

ALPHA = 0.025
TREE = Tree(Path("/nowhere"), Path("python"), "abc1234")
TREES = Trees(TREE, TREE)
REDIS, HS256 = CellName("redis-session"), CellName("jwt-hs256", replicas=2, carrier="cookie")
THIRD = CellName("none", balancing="leastconn")

Factor = Callable[[BlockPlan, ArmPlan, Role], float]
"""What an arm costs, as a multiple of what it usually does."""


def usual(_plan: BlockPlan, _arm: ArmPlan, _role: Role) -> float:
    """All alike."""
    return 1.0


def slow_redis(_plan: BlockPlan, arm: ArmPlan, role: Role) -> float:
    """The candidate of one cell costs a fifth more."""
    return 1.2 if role == "candidate" and arm.scheme == "redis-session" else 1.0


def noisy(plan: BlockPlan, _arm: ArmPlan, role: Role) -> float:
    """The base against itself is off by half, up and down."""
    return 1.5 ** (-1) ** plan.index if role == "base-again" else 1.0


@dataclass(slots=True)
class MadeUp:
    """Blocks of arms whose costs are known; the verdict of every slice as `verdict` has it."""

    factor: Factor = usual
    verdict: Callable[[BlockPlan, int], Status] = lambda _plan, _number: "VALID"
    plans: list[BlockPlan] = field(default_factory=list)
    arrivals: int = 500
    is_disturbed: bool = True

    def __call__(self, plan: BlockPlan, roles: Mapping[str, Role]) -> Iterator[Record]:
        """As servers would have it."""
        self.plans.append(plan)
        for number in range(len(plan.slices)):
            for arm in plan.arms:
                yield self._record(plan, number, arm, self.factor(plan, arm, roles[arm.id]))

    def _record(self, plan: BlockPlan, number: int, arm: ArmPlan, factor: float) -> Record:
        made = record(cell_of(arm, plan.slices[number]), plan.index, 5.0 * factor, self.arrivals)
        resources = tuple(replace(one, cpu_ns=round(one.cpu_ns * factor)) for one in made.resources)
        verdict = self.verdict(plan, number)
        assert made.footer
        reasons = ("others were busy",) if verdict == "INVALID" else ()
        footer = replace(made.footer, verdict=verdict, reasons=reasons, disturbed=bool(reasons) and self.is_disturbed)
        return replace(made, resources=resources, footer=footer)

    def laboratory(self, *_: object) -> AbstractContextManager[Measured]:
        """In place of real servers."""
        return nullcontext(self)


def gate(cell: CellName, metric: CellMetric = "cpu", margin_ratio: float = 0.1) -> CellGate:
    """A gate on one cell."""
    return CellGate(f"{cell.scheme} {metric}", cell, metric, margin_ratio)


def judged(
    monkeypatch: pytest.MonkeyPatch, made_up: MadeUp, gates: Sequence[CellGate], left_s: float = 1000.0
) -> tuple[tuple[Judged, ...], Canary | None]:
    """What is said of `gates`."""
    monkeypatch.setattr(load, "laboratory", made_up.laboratory)
    return load.judge_cells(gates, TREES, ALPHA, lambda: left_s, print)


def test_no_gate_starts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A project may have none on cells."""
    made_up = MadeUp()
    assert judged(monkeypatch, made_up, []) == ((), None)
    assert made_up.plans == []


def test_only_the_cell_that_is_slower_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the order of the gates; the failure is seen twice, in fresh blocks, and says by how much."""
    made_up = MadeUp(slow_redis)
    (hs256, redis), canary = judged(monkeypatch, made_up, [gate(HS256), gate(REDIS)])
    assert (hs256.status, hs256.found, hs256.next_step) == ("pass", "1.000x", "")
    assert hs256.why == ("CPU time per request of jwt-hs256-cookie-2: 1.000x (1.000 to 1.000) the base's in 4 blocks")
    assert (redis.status, redis.found, redis.bar) == ("fail", "1.200x", "<= 1.1x")
    assert redis.why == (
        "CPU time per request of redis-session-cookie-1: 1.200x (1.200 to 1.200) the base's in 4 blocks, "
        "and 1.200x (1.200 to 1.200) in 4 fresh ones"
    )
    assert redis.next_step == "see where the time goes: authbench run redis-session --ledger"
    assert canary
    assert (canary.kind, canary.status, len(made_up.plans)) == ("cell", "pass", 2 * load.STAGE_BLOCKS)


@pytest.mark.parametrize("metric", ["p50", "p99"])
def test_response_times_are_held_too(monkeypatch: pytest.MonkeyPatch, metric: CellMetric) -> None:
    """From the latency slices; a p99 takes all of a block's together."""
    made_up = MadeUp(slow_redis, arrivals=200)
    (redis, hs256), _ = judged(monkeypatch, made_up, [gate(REDIS, metric), gate(HS256, metric)])
    assert (redis.status, hs256.status) == ("fail", "pass")
    assert {piece.purpose for plan in made_up.plans for piece in plan.slices} == {"latency"}
    rounds = {len(pair) for stage in redis.raw["stages"] for pair in stage}
    assert rounds == {cells.SLICES["latency"][0] if metric == "p50" else 1}


def test_a_slowdown_that_does_not_come_again_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A neighbour who was busy for the first stage alone makes nobody's build red."""

    def at_first(plan: BlockPlan, arm: ArmPlan, role: Role) -> float:
        return slow_redis(plan, arm, role) if plan.index < load.STAGE_BLOCKS else 1.0

    (redis,), _ = judged(monkeypatch, MadeUp(at_first), [gate(REDIS)])
    assert (redis.status, redis.found) == ("pass", "1.000x")
    assert redis.why.endswith("and 1.000x (1.000 to 1.000) in 4 fresh ones, which does not confirm it")


def test_a_base_that_differs_from_itself_makes_nothing_of_its_metric_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others have their own canary, and the run's is the steadiest one."""
    made_up = MadeUp(noisy)
    gates = [gate(REDIS, "cpu"), gate(REDIS, "p50", margin_ratio=9.0)]
    (cpu, p50), canary = judged(monkeypatch, made_up, gates)
    assert (cpu.status, cpu.next_step, p50.status) == ("inconclusive", load.QUIETER, "pass")
    assert cpu.why.startswith("CPU time per request: the base ")
    assert canary
    assert canary.status == "pass"


def test_what_cannot_be_told_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks that disagree widely are added up to a limit, and leave the question open."""

    def swaying(plan: BlockPlan, _arm: ArmPlan, role: Role) -> float:
        return 1.6 ** (-1) ** plan.index if role == "candidate" else 1.0

    made_up = MadeUp(swaying)
    (redis,), _ = judged(monkeypatch, made_up, [gate(REDIS)])
    assert (redis.status, redis.next_step, len(made_up.plans)) == ("inconclusive", load.QUIETER, load.MOST_BLOCKS)
    assert redis.why.endswith("in 10 blocks, which may and may not be beyond the margin")


def test_blocks_that_are_there_are_looked_at_however_late_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate whose time another one took still knows what that one measured; nothing more is measured."""

    def swaying(plan: BlockPlan, arm: ArmPlan, role: Role) -> float:
        sways = role == "candidate" and arm.scheme == HS256.scheme
        return 1.6 ** (-1) ** plan.index if sways else slow_redis(plan, arm, role)

    made_up = MadeUp(swaying)
    (redis, hs256), _ = judged(monkeypatch, made_up, [gate(REDIS), gate(HS256)], left_s=0.0)
    assert (redis.status, hs256.status, len(made_up.plans)) == ("fail", "inconclusive", 2 * load.STAGE_BLOCKS)
    assert "in 8 blocks" in hs256.why


def test_a_spoilt_slice_is_left_out_and_a_spoilt_block_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was disturbed says nothing; the record tells why."""

    def verdict(plan: BlockPlan, number: int) -> Status:
        return "INVALID" if plan.index == 1 or (plan.index, number) == (0, 2) else "VALID"

    (redis,), _ = judged(monkeypatch, MadeUp(verdict=verdict), [gate(REDIS)])
    assert redis.status == "pass"
    assert [len(pair) for pair in redis.raw["stages"][0]] == [2, 3, 3, 3]
    assert redis.raw["blocks"][1] == {
        "costs": {"base": [], "candidate": [], "base-again": []},
        "doubts": [f"{role}: others were busy" for role in cells.ROLES],
    }


@pytest.mark.parametrize(("left_s", "blocks"), [(1000.0, load.SPOILT_MAX + 1), (0.0, 1)])
def test_a_machine_that_spoils_everything_is_left_in_peace(
    monkeypatch: pytest.MonkeyPatch, left_s: float, blocks: int
) -> None:
    """Neither red nor green, with the first reason; at once where no time is left."""
    made_up = MadeUp(verdict=lambda _plan, _number: "INVALID")
    (redis, hs256), canary = judged(monkeypatch, made_up, [gate(REDIS), gate(HS256)], left_s)
    assert (redis.status, hs256.status, canary, len(made_up.plans)) == ("inconclusive", "inconclusive", None, blocks)
    assert redis.why == f"{blocks} of {blocks} blocks say nothing of redis-session-cookie-1: base: others were busy"
    assert (redis.found, redis.ratio, redis.raw["stages"]) == ("", None, [])


def test_a_fault_of_the_cell_is_not_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would come again in the next block; what to do is about the scheme, not about the machine."""
    made_up = MadeUp(verdict=lambda _plan, _number: "INVALID", is_disturbed=False)
    (redis,), canary = judged(monkeypatch, made_up, [gate(REDIS)])
    assert (redis.status, canary, len(made_up.plans)) == ("inconclusive", None, 1)
    assert redis.next_step == "see what it does: authbench run redis-session"
    assert redis.why.startswith("1 of 1 blocks say nothing of redis-session-cookie-1: base: others were busy")


def test_too_few_requests_for_a_percentile_say_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A p99 of 450 requests is their maximum."""
    (redis,), _ = judged(monkeypatch, MadeUp(arrivals=150), [gate(REDIS, "p99")])
    assert (redis.status, redis.raw["blocks"][0]["costs"]["base"]) == ("inconclusive", [None])
    assert redis.why == "4 of 4 blocks say nothing of redis-session-cookie-1: too few requests were answered"


def test_the_raw_values_give_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are JSON, and whoever doubts a verdict can recompute it."""
    (redis,), _ = judged(monkeypatch, MadeUp(slow_redis), [gate(REDIS)])
    raw = json.loads(json.dumps(redis.raw, allow_nan=False))
    block = raw["blocks"][0]["costs"]
    recomputed = [math.log(one / base) for one, base in zip(block["candidate"], block["base"], strict=True)]
    assert raw["stages"][0][0] == pytest.approx(recomputed, abs=1e-4)
    assert (raw["metric"], raw["unit"], set(map(len, raw["canary"]))) == ("cpu", "us", {3})


def test_three_cells_take_two_series_of_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all in one each would be asked too seldom; gates on one cell share its blocks, and so do all three arms."""
    made_up = MadeUp()
    gates = [gate(REDIS), gate(HS256), gate(THIRD), gate(REDIS, "p50")]
    found, _ = judged(monkeypatch, made_up, gates)
    assert [one.gate for one in found] == gates
    by_company = [{arm.id.removesuffix("-again").rpartition("-")[0] for arm in plan.arms} for plan in made_up.plans]
    first = {"redis-session-cookie-1", "jwt-hs256-cookie-2"}
    assert by_company == [first] * 4 + [{"none-bearer-1-leastconn"}] * 4
    (rates,) = {tuple(piece.rate_rps for piece in plan.slices) for plan in made_up.plans[:4]}
    assert set(rates) == {cells.TOTAL_RPS / 6}


def test_blocks_are_asked_for_once_and_drawn_anew() -> None:
    """Each has an order and a seed of its own, the same whenever it is planned."""
    made_up = MadeUp()
    series = Series([cells.Asked(REDIS, "cpu")], made_up)
    assert series.block(1) is series.blocks[1]
    assert series.block(0) is series.blocks[0]
    one, other = made_up.plans
    assert (one.index, other.index, one.seed == other.seed) == (0, 1, False)
    assert cells.plan_block([REDIS], ["cpu"], 1) == other
    assert other.slices == (SlicePlan("cpu", cells.TOTAL_RPS / 3, 2, pinned=True),) * 3
