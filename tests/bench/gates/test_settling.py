"""Ratios and SLOs, held against made-up blocks: told where the interval lets it, never where it does not."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import Estimate, Verdict
from bench.gates.model import CellName, GateStatus, RatioGate, SloGate
from bench.gates.run_cells import plan
from bench.gates.settling import NARROW_RATIO, judge_ratio, judge_slo, settle
from loadtests.record import Record
from tests.bench.gates.made_up_blocks import DISTURBED, FAULTY, VALID, Level, block, refused

RATIO = RatioGate("ratio", CellName("redis-session"), CellName("none"), most=1.6)
SLO = SloGate("slo", CellName("redis-session", replicas=2), rate_rps=300, p99_ms=50, machine="ci")
(RATIOS,) = plan([RATIO])
(SLOS,) = plan([SLO])
POSITIVE = st.floats(0.01, 100)


def _ratio_blocks(ratios: Iterable[float], told: Verdict = VALID, first: int = 0) -> list[Record]:
    """One block for each ratio of the cell to the control; the control entered twice costs now more, now less."""
    made = []
    for number, ratio in enumerate(ratios, start=first):
        for arm in RATIOS.arms:
            again = 1 + 0.01 * (-1) ** number * arm.id.endswith("-again")
            cost_us = 500 * (ratio if arm.scheme == RATIO.cell.scheme else again)
            made.append(block(arm, RATIOS.load, number, Level(cost_us, told=told)))
    return made


def _slo_blocks(each_ms: Sequence[float], told: Verdict = VALID) -> list[Record]:
    (arm,) = SLOS.arms
    levels = [Level(response_ms=value, told=told) for value in each_ms]
    return [block(arm, SLOS.load, number, level) for number, level in enumerate(levels)]


@settings(max_examples=50)
@given(st.tuples(POSITIVE, POSITIVE, POSITIVE).map(sorted), POSITIVE)
def test_nothing_fails_but_what_lies_wholly_beyond(ends: list[float], most: float) -> None:
    """Fail means the lower end is beyond the bar; pass means the value is within it; nothing is both."""
    low, value, high = ends
    status = settle(Estimate(value, low, high), most)
    assert (status == "fail") == (low > most)
    assert status != "pass" or value <= most
    assert status != "inconclusive" or low <= most < high


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (Estimate(1.5, 1.4, 1.6), "pass"),
        (Estimate(1.58, 1.5, 1.58 * NARROW_RATIO), "pass"),
        (Estimate(1.58, 1.2, 1.8), "inconclusive"),
        (Estimate(1.61, 1.59, 1.63), "inconclusive"),
        (Estimate(1.7, 1.61, 1.8), "fail"),
    ],
)
def test_a_bar_inside_the_interval_passes_only_where_the_interval_is_narrow(
    found: Estimate, status: GateStatus
) -> None:
    """With the value below the bar, and known to a tenth."""
    assert settle(found, 1.6) == status


@pytest.mark.parametrize(
    ("ratios", "status"),
    [((1.3, 1.31, 1.29), "pass"), ((1.9, 1.91, 1.89), "fail"), ((1.2, 1.9, 1.6), "inconclusive")],
)
def test_a_ratio_is_told_with_its_interval(ratios: tuple[float, ...], status: GateStatus) -> None:
    """The geometric mean over blocks, its interval around it, every block's costs beside it."""
    judged = judge_ratio(RATIO, _ratio_blocks(ratios))
    assert judged.status == status
    assert judged.ratio is not None
    assert judged.ratio.low <= judged.ratio.value <= judged.ratio.high
    assert judged.found == f"{judged.ratio.value:.2f} x none"
    assert judged.bar == "<= 1.6 x none"
    assert len(judged.raw["cpu_us"][RATIOS.arms[1].id]) == len(ratios)
    assert bool(judged.next_step) == (status == "inconclusive")


def test_a_disturbed_block_is_set_aside() -> None:
    """Two that are believed tell; what the third would have said is not in the ratio."""
    judged = judge_ratio(RATIO, [*_ratio_blocks((1.3, 1.3)), *_ratio_blocks((9.0,), DISTURBED, first=2)])
    assert judged.status == "pass"
    assert judged.ratio is not None
    assert judged.ratio.value == pytest.approx(1.3 / 1.0)


def test_a_machine_that_disturbs_every_block_makes_it_inconclusive() -> None:
    """Neither red nor green, with the reason and what to do."""
    for judged in (
        judge_ratio(RATIO, _ratio_blocks((1.3, 1.3), DISTURBED)),
        judge_slo(SLO, _slo_blocks((5, 5), DISTURBED), "ci"),
    ):
        assert judged.status == "inconclusive"
        assert judged.why == DISTURBED.reasons[0]
        assert "quieter machine" in judged.next_step


def test_a_cell_that_cannot_be_believed_makes_it_void() -> None:
    """A fault of the cell's own would come again: it is told, and judged is nothing."""
    for judged in (
        judge_ratio(RATIO, _ratio_blocks((1.3, 1.3), FAULTY)),
        judge_slo(SLO, [*_slo_blocks((5, 5)), *_slo_blocks((5,), FAULTY)], "ci"),
    ):
        assert judged.status == "void"
        assert judged.why == FAULTY.reasons[0]


def test_a_cell_that_died_makes_it_void() -> None:
    """A record without a footer says that nobody knows how it ended."""
    died = [replace(record, footer=None) for record in _slo_blocks((5, 5))]
    judged = judge_slo(SLO, died, "ci")
    assert (judged.status, judged.why) == ("void", "a cell died while it was measured")


def test_several_reasons_are_told_in_short() -> None:
    """One sentence: the first, and how many more there are."""
    two = Verdict("INVALID", ("first", "second", "third"))
    assert judge_slo(SLO, _slo_blocks((5, 5), two), "ci").why == "first (and 2 more such reasons)"


def test_refused_requests_make_it_void() -> None:
    """A refusal is cheap and fast: nothing that has some is held against what has none."""
    for judged in (
        judge_ratio(RATIO, [refused(record, 3) for record in _ratio_blocks((1.3, 1.3))]),
        judge_slo(SLO, [refused(record, 3) for record in _slo_blocks((5, 5))], "ci"),
    ):
        assert judged.status == "void"
        assert "requests were refused" in judged.why


def test_one_block_is_not_enough() -> None:
    """One set of processes tells no spread."""
    judged = judge_ratio(RATIO, _ratio_blocks((1.3,)))
    assert (judged.status, judged.why) == ("inconclusive", "fewer than 2 blocks were measured")


@pytest.mark.parametrize(
    ("each_ms", "status"),
    [((5, 6), "pass"), ((60, 70), "fail"), ((5, 70), "inconclusive")],
)
def test_an_slo_fails_only_where_every_block_misses_it(each_ms: tuple[float, ...], status: GateStatus) -> None:
    """A tail that one block alone has is the machine's."""
    judged = judge_slo(SLO, _slo_blocks(each_ms), "ci")
    assert (judged.status, judged.blocking) == (status, True)
    assert judged.bar == "p99 <= 50 ms at 300/s"
    assert judged.found == f"p99 {max(each_ms):g} ms"
    assert [len(times) for times in judged.raw["response_ms"]] == [300, 300]


@pytest.mark.parametrize("machine", [None, "laptop"])
def test_an_slo_is_advice_on_any_other_machine(machine: str | None) -> None:
    """The figure is told all the same; it blocks nothing."""
    judged = judge_slo(SLO, _slo_blocks((60, 70)), machine)
    assert (judged.status, judged.blocking, judged.found) == ("advice", False, "p99 70 ms")
    assert "blocks on 'ci' alone" in judged.why
    assert judge_slo(SLO, _slo_blocks((5, 5), FAULTY), machine).status == "void"


def test_too_few_requests_tell_no_p99() -> None:
    """Below 459 the highest sample may well lie below the quantile."""
    few = [replace(record, samples=record.samples[:200]) for record in _slo_blocks((5, 5))]
    judged = judge_slo(SLO, few, "ci")
    assert (judged.status, judged.why) == ("void", "400 requests are too few to know a p99")
