"""Which blocks ratio and SLO gates take, how many of them, and that they run on a real stack."""

import pytest

from bench.gates import run_cells
from bench.gates.errors import GateError
from bench.gates.model import CellName, RatioGate, SloGate
from bench.gates.run_cells import CPU, LATENCY_SAMPLES, MOST_BLOCKS, Series, judge_run, plan, settled
from bench.gates.settling import LEAST_BLOCKS
from loadtests.record import Record
from tests.bench.gates.made_up_blocks import Level, block
from tests.fleet import unmeasured

NONE, REDIS = CellName("none"), CellName("redis-session")
RATIO = RatioGate("a ratio", REDIS, NONE, 1.6)
OTHER = RatioGate("another", CellName("jwt-hs256", replicas=2, balancing="leastconn"), NONE, 2)
FAST = SloGate("fast", REDIS, rate_rps=300, p99_ms=50, machine="ci")
FASTER = SloGate("faster", REDIS, rate_rps=300, p99_ms=20, machine="ci")
SLOW = SloGate("slow", REDIS, rate_rps=20, p99_ms=50, machine="ci")


def test_all_ratios_share_one_series() -> None:
    """Each cell is one arm however many gates name it, and one of them is entered twice."""
    (series,) = plan([RATIO, OTHER])
    names = [arm.id for arm in series.arms]
    assert names == ["none-bearer-1", "redis-session-cookie-1", "jwt-hs256-bearer-2-leastconn", "none-bearer-1-again"]
    assert (series.gates, series.load) == ((RATIO, OTHER), CPU)


def test_an_slo_has_its_cell_to_itself() -> None:
    """Gates about one cell at one rate share a series; another rate is another series, with visitors for it."""
    first, second = plan([FAST, SLOW, FASTER])
    assert [first.gates, second.gates] == [(FAST, FASTER), (SLOW,)]
    assert [len(first.arms), first.arms[0].visitors, second.arms[0].visitors] == [1, 300, 24]


@pytest.mark.parametrize("gate", [FAST, SLOW])
def test_the_fewest_blocks_hold_requests_enough_for_a_p99(gate: SloGate) -> None:
    """At a low rate a slice takes longer."""
    (series,) = plan([gate])
    assert LEAST_BLOCKS * series.load.rate_rps * series.load.seconds >= LATENCY_SAMPLES


def test_every_block_has_an_order_of_its_own() -> None:
    """The same arms and load in each, drawn anew, and the same again when it is run again."""
    (series,) = plan([RATIO, OTHER])
    blocks = [series.block(number) for number in range(8)]
    assert {frozenset(block.arms) for block in blocks} == {frozenset(series.arms)}
    assert len({block.arms for block in blocks}) > 1
    assert blocks == [series.block(number) for number in range(8)]


class Rehearsed:
    """Blocks whose ratio of cell to control is known."""

    def __init__(self, *ratios: float) -> None:
        self.ratios = ratios
        self.measured = 0

    def measure(self, series: Series) -> list[Record]:
        """The next one."""
        ratio = self.ratios[self.measured]
        self.measured += 1
        return [
            block(arm, series.load, self.measured, Level(500 * (ratio if arm.scheme == "redis-session" else 1)))
            for arm in series.arms
        ]


@pytest.mark.parametrize(
    ("ratios", "status", "blocks"),
    [
        ((1.3, 1.3), "pass", LEAST_BLOCKS),
        ((2.0, 2.0), "fail", LEAST_BLOCKS),
        ((1.0, 2.0, 1.3, 1.3), "inconclusive", MOST_BLOCKS),
    ],
)
def test_blocks_are_added_only_while_the_answer_is_open(ratios: tuple[float, ...], status: str, blocks: int) -> None:
    """A clear answer takes the fewest, an open one no more than the most."""
    rehearsed = Rehearsed(*ratios)
    (series,) = plan([RATIO])
    (judged,) = settled(series, rehearsed.measure, None)
    assert (judged.status, rehearsed.measured) == (status, blocks)


def test_a_cell_without_such_a_carrier_is_refused_before_anything_starts() -> None:
    """The user's mistake is one line that says what there is."""
    strange = RatioGate("it", CellName("bff", carrier="bearer"), NONE, 2)
    with pytest.raises(GateError, match="scheme 'bff' has no carrier 'bearer'; it has: cookie"):
        judge_run([strange], None, pytest.fail)


def test_nothing_is_started_for_no_gate() -> None:
    """Without a gate nothing is measured."""
    assert judge_run([], None, pytest.fail) == ()


@pytest.mark.stack
def test_blocks_run_on_a_real_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate is judged from what real servers answered, and its progress is told in lines."""
    monkeypatch.setattr(run_cells, "MOST_BLOCKS", 1)
    monkeypatch.setattr(run_cells, "LATENCY_SAMPLES", 1)
    monkeypatch.setattr(run_cells, "LATENCY_LEAST_S", 1)
    lines: list[str] = []
    with unmeasured():
        (judged,) = judge_run([SloGate("it", NONE, rate_rps=30, p99_ms=50, machine="ci")], "ci", lines.append)
    assert (judged.gate.name, judged.status) == ("it", "inconclusive")
    assert lines[0] == "starting 1 arms"
    assert lines[-1] == "latency cells: 30 requests/s over 1 arms (1 s)"
