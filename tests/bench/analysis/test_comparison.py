"""Who is compared with whom, and when a difference is shown."""

import math
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from bench.analysis.model import Comparison, Summary
from bench.analysis.summary import summarise
from loadtests.plan import CellPlan

LEVELS_US = {"none": 400.0, "memory-session": 410.0, "redis-session": 600.0, "jwt-rs256": 602.0}
NOISE = (1.002, 0.998, 1.0, 1.001)
"""By block; shifted by arm, so that no two arms are disturbed alike."""


def _run(synthetic: SimpleNamespace, cells: Sequence[CellPlan], noise: Sequence[float] = NOISE) -> Summary:
    """Four blocks of `cells` with the levels above and a little noise."""
    return summarise(
        [
            synthetic.record(cell, block, cpu_us={"replicas/r1": LEVELS_US[cell.scheme] * noise[(block + arm) % 4]})
            for block in range(4)
            for arm, cell in enumerate(cells)
        ],
        needs_affinity={"memory-session"},
    )


def _pairs(comparisons: Sequence[Comparison]) -> list[tuple[str, str]]:
    return [(comparison.candidate.split(".")[0], comparison.baseline.split(".")[0]) for comparison in comparisons]


def test_every_scheme_meets_the_control_with_as_many_replicas(synthetic: SimpleNamespace) -> None:
    """One replica against one, two against two; the earlier cell of a pair is the baseline."""
    cells = [synthetic.cell(scheme, replicas=n) for n in (1, 2) for scheme in ("none", "redis-session", "jwt-rs256")]
    summary = _run(synthetic, cells)
    assert _pairs(summary.to_control) == [
        ("redis-session-1", "none-1"),
        ("jwt-rs256-1", "none-1"),
        ("redis-session-2", "none-2"),
        ("jwt-rs256-2", "none-2"),
    ]
    assert _pairs(summary.to_each_other) == [("jwt-rs256-1", "redis-session-1"), ("jwt-rs256-2", "redis-session-2")]


def test_a_large_difference_is_shown_with_its_interval(synthetic: SimpleNamespace) -> None:
    """600 against 400: ratio 1.5, +200 us of the control's 400; the interval is the ratio's in microseconds."""
    summary = _run(synthetic, [synthetic.cell("none"), synthetic.cell("redis-session")])
    (found,) = summary.to_control
    assert found.shown
    assert found.ratio.value == pytest.approx(1.5, rel=1e-3)
    assert found.difference_us.value == pytest.approx(200, rel=5e-3)
    assert found.difference_us.low == pytest.approx((found.ratio.low - 1) * 400.1, rel=1e-3)


def test_a_difference_below_two_percent_is_never_shown(synthetic: SimpleNamespace) -> None:
    """602 against 600 without any noise: an interval that narrow excludes 1, yet 0.3 % is no difference to show."""
    cells = [synthetic.cell(scheme) for scheme in ("redis-session", "jwt-rs256")]
    (found,) = _run(synthetic, cells, noise=(1.0, 1.0, 1.0, 1.0)).to_each_other
    assert found.ratio.low > 1
    assert not found.shown


def test_a_cheaper_candidate_is_shown_too(synthetic: SimpleNamespace) -> None:
    """400 against 600, turned over: the bar holds to either side."""
    cells = [synthetic.cell("redis-session"), synthetic.cell("memory-session")]
    (found,) = _run(synthetic, cells).to_each_other
    assert found.shown
    assert found.ratio.high < 1


def test_what_the_control_pair_differs_by_is_not_shown(synthetic: SimpleNamespace) -> None:
    """600 against 400 disappears when identical arms differ by as much from block to block."""
    cells = [synthetic.cell("none"), synthetic.cell("none", arm="none-1-again"), synthetic.cell("redis-session")]
    summary = _run(synthetic, cells, noise=(2.0, 0.5, 1.0, 1.5))
    assert summary.control is not None
    assert summary.control.half_width_ratio > math.log(1.5) / 2
    assert [found.shown for found in summary.to_control] == [False]


def test_the_control_pair_is_one_scheme_entered_twice(synthetic: SimpleNamespace) -> None:
    """The repeat is found by its name, is no scheme of its own, and does not differ when its costs do not."""
    cells = [
        synthetic.cell("none"),
        synthetic.cell("redis-session"),
        synthetic.cell("redis-session", arm="redis-session-1-again"),
    ]
    summary = _run(synthetic, cells)
    assert summary.control is not None
    assert summary.control.pair == ("redis-session-1.cpu-40", "redis-session-1-again.cpu-40")
    assert summary.control.ratio.value == pytest.approx(1.0, abs=0.01)
    assert not summary.control.differs
    assert summary.to_each_other == ()
    assert _pairs(summary.to_control) == [("redis-session-1", "none-1"), ("redis-session-1-again", "none-1")]


def test_a_control_pair_that_differs_says_so(synthetic: SimpleNamespace) -> None:
    """Two equal arms 50 % apart in every block are a false alarm, and are called one."""
    cells = [synthetic.cell("none"), synthetic.cell("none", arm="none-1-again")]
    costs = {"none-1": 400.0, "none-1-again": 600.0}
    records = [
        synthetic.record(cell, block, cpu_us={"replicas/r1": costs[cell.arm] * NOISE[(block + arm) % 4]})
        for block in range(4)
        for arm, cell in enumerate(cells)
    ]
    control = summarise(records, ()).control
    assert control is not None
    assert control.differs


def test_invalid_and_refused_cells_are_compared_with_nothing(synthetic: SimpleNamespace) -> None:
    """An INVALID verdict in one block, or a single refusal, leaves a cell out of all comparisons and the pooling."""
    bad, refused = synthetic.cell("redis-session"), synthetic.cell("memory-session", replicas=2)
    samples = [synthetic.sample(0, status=401), synthetic.sample(1)]
    records = [
        synthetic.record(bad, 0, verdict="INVALID", reasons=("late",)),
        synthetic.record(bad, 1),
        *(synthetic.record(refused, block, samples=samples) for block in (0, 1)),
        *(synthetic.record(synthetic.cell("none", replicas=n), block) for n in (1, 2) for block in (0, 1)),
    ]
    summary = summarise(records, {"memory-session"})
    assert (summary.to_control, summary.to_each_other) == ((), ())


def test_only_cpu_cells_are_compared_and_each_in_its_slice(synthetic: SimpleNamespace) -> None:
    """A latency cell shares cores with its neighbours; another rate is another cost."""
    cells = [
        synthetic.cell("none"),
        synthetic.cell("redis-session", rate_rps=80.0),
        synthetic.cell("none", purpose="latency"),
        synthetic.cell("redis-session", purpose="latency"),
    ]
    assert _run(synthetic, cells).to_control == ()


def test_the_control_most_like_the_candidate_is_taken(synthetic: SimpleNamespace) -> None:
    """Of two controls the one under the same balancing, then with the same carrier."""
    cells = [
        synthetic.cell("none", arm="none-bearer", carrier="bearer"),
        synthetic.cell("none", arm="none-sticky", balancing="sticky"),
        synthetic.cell("none", arm="none-cookie"),
        synthetic.cell("redis-session"),
    ]
    assert _pairs(_run(synthetic, cells).to_control) == [("redis-session-1", "none-cookie")]


def test_an_interrupted_block_is_left_out_for_all(synthetic: SimpleNamespace) -> None:
    """Three blocks of one arm and two of the other: the comparison is that of the two they share."""
    none, redis = synthetic.cell("none"), synthetic.cell("redis-session")
    shared = [
        synthetic.record(cell, block, cpu_us={"replicas/r1": LEVELS_US[cell.scheme] + 3 * block * (cell == redis)})
        for cell in (none, redis)
        for block in (0, 1)
    ]
    alone = synthetic.record(none, 2, cpu_us={"replicas/r1": 4000})
    assert summarise([*shared, alone], ()).to_control[0].ratio == summarise(shared, ()).to_control[0].ratio
    apart = [synthetic.record(none, 0), synthetic.record(redis, 1)]
    assert summarise(apart, ()).to_control == ()


def test_costs_that_are_not_positive_have_no_ratio(synthetic: SimpleNamespace) -> None:
    """A cell whose cost came out below zero in a block is left out, not clipped."""
    cells = [synthetic.cell("none"), synthetic.cell("redis-session")]
    records = [
        synthetic.record(cell, cpu_us={"replicas/r1": cost}) for cell, cost in zip(cells, (400, -1), strict=True)
    ]
    assert summarise(records, ()).to_control == ()
