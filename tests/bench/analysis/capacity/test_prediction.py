"""A mix from its steps: what was measured comes back exactly, and the asymptotic bounds hold."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.cooling import Cooling
from bench.analysis.capacity.demand import DemandError
from bench.analysis.capacity.model import Constant, MaxRateConstant, SchemeConstants, Step
from bench.analysis.capacity.prediction import at_rate, predict_cpu_us, predict_max_rate
from bench.analysis.capacity.queueing import Server, usable_ratio
from tests.bench.analysis.capacity.made_up import ALL, SESSION, TOKEN, step

BROWSE: dict[Step, float] = {"read": 90, "write": 8, "login": 2}


def test_cpu_of_a_mix_by_hand() -> None:
    """Replicas: 0.90 x 400 + 0.08 x 500 + 0.02 x 900 = 418 us; with HAProxy 61.2, Redis 41.6, PostgreSQL 1: 521.8."""
    found = predict_cpu_us(SESSION, BROWSE)
    told = {component: cpu_us.value for component, cpu_us in found.by_component.items()}
    assert told == pytest.approx({"replicas": 418, "haproxy": 61.2, "redis": 41.6, "postgres": 1})
    assert found.total.value == pytest.approx(521.8)
    assert found.total.sources == ("read cell", "write cell", "login cell")


def test_weights_and_shares_are_the_same_mix() -> None:
    """90 : 8 : 2 is 0.90 : 0.08 : 0.02, and what is drawn never needs no cost."""
    shares: dict[Step, float] = {"read": 0.9, "write": 0.08, "login": 0.02, "refresh": 0.0}
    assert predict_cpu_us(SESSION, shares).total.value == pytest.approx(521.8)


@pytest.mark.parametrize("mix", [{}, {"read": 0.0}, {"read": 2.0, "write": -1.0}])
def test_a_mix_has_steps(mix: dict[Step, float]) -> None:
    """One line for one that has none."""
    with pytest.raises(DemandError, match="expected weights >= 0, one of them > 0"):
        predict_cpu_us(SESSION, mix)


def test_the_rate_of_a_mix_by_hand() -> None:
    """One core for all servers: 1,800/s x 500 us = 0.9 of it, 1,724.8/s of 521.8 us, and for their spread 1,707/s.

    Spread: (0.90 x 500^2 + 0.08 x 610^2 + 0.02 x 1,150^2) / 521.8^2 = 1.0329. Queueing at 20 ms: 1 - ln 100 x 0.5218 x
    1.0329 / 20 = 0.8759 against 1 - ln 100 x 0.5 / 20 = 0.8849.
    """
    found = predict_max_rate(SESSION, BROWSE, 1, 1, 20)
    assert found.rate_rps.value == pytest.approx(1800 * 500 / 521.8 * 0.8759 / 0.8849, rel=1e-4)
    assert found.bottleneck == "the cores of all servers together"
    assert found.rate_rps.sources == ("max cell", "read cell", "write cell", "login cell")


@pytest.mark.parametrize(
    ("replicas", "cores", "bottleneck", "rate_rps"),
    [
        (3, 1, "the cores of all servers together", 1800),  # replicas beyond the cores are no scaling
        (1, 8, "replicas", 0.9234 / 400e-6),  # 0.9 x (1 - ln 100 x 0.4 / 20) / 0.8849
        (3, 8, "replicas", 0.9234 * 3 / 400e-6),
        (64, 64, "haproxy", 1 / 60e-6),  # 0.9 x 0.9862 / 0.8849 would be more than there is
    ],
)
def test_bounds_by_hand(replicas: int, cores: int, bottleneck: str, rate_rps: float) -> None:
    """Reads: 400 us of a worker's core each, 60 of HAProxy's, 40 of Redis', 500 of all; the scarcest ends it."""
    found = predict_max_rate(SESSION, {"read": 1}, replicas, cores, 20)
    assert (found.bottleneck, found.rate_rps.value) == (bottleneck, pytest.approx(rate_rps, rel=1e-4))


def test_two_cores_bear_more_than_twice_as_much_of_one() -> None:
    """3 replicas on 2 cores, all servers the bound: who waits, waits for the first core that gets free."""
    found = predict_max_rate(SESSION, {"read": 1}, 3, 2, 20)
    assert found.bottleneck == "the cores of all servers together"
    assert found.rate_rps.value is not None
    assert 2 * 1800 < found.rate_rps.value <= 2 / 500e-6


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ALL), st.tuples(st.integers(1, 16), st.integers(1, 16)), st.floats(2, 500), st.floats(0, 1))
def test_what_was_measured_comes_back(
    constants: SchemeConstants, machine: tuple[int, int], slo_ms: float, writes: float
) -> None:
    """Same mix, replicas, cores and SLO: the measured rate, exactly."""
    mix: dict[Step, float] = {"read": 1 - writes / 2, "write": writes / 2}
    measured = MaxRateConstant(Constant(1234.5, "cell"), slo_ms, *machine, mix)
    found = predict_max_rate(replace(constants, max_rate=measured), mix, *machine, slo_ms)
    assert found.rate_rps.value == 1234.5


def test_another_slo_is_what_queueing_makes_of_it() -> None:
    """500 us of one core: rho 0.8849 at 20 ms and 0.9540 at 50."""
    found = predict_max_rate(SESSION, {"read": 1}, 1, 1, 50)
    ratio = usable_ratio(Server(0.0005), 0.050) / usable_ratio(Server(0.0005), 0.020)
    assert found.rate_rps.value == pytest.approx(1800 * ratio)
    assert ratio == pytest.approx(0.9540 / 0.8849, rel=1e-3)


def test_an_slo_that_theory_denies_but_was_met() -> None:
    """10 ms of service have p99 46 ms in theory: at 20 ms the measured rate stands, below it there is none."""
    slow = replace(
        TOKEN,
        steps={"read": step("read", {"replicas": 10_000}, {})},
        max_rate=MaxRateConstant(Constant(80, "max cell"), 20, 1, 1, {"read": 1.0}),
    )
    assert predict_max_rate(slow, {"read": 1}, 1, 1, 20).rate_rps.value == 80
    assert predict_max_rate(slow, {"read": 1}, 1, 1, 30).rate_rps.value == 80
    found = predict_max_rate(slow, {"read": 1}, 1, 1, 10).rate_rps
    assert found.reason.startswith("p99 of 10 ms cannot be met: an idle server's is 46.1 ms")


def test_what_is_missing_is_named() -> None:
    """The maximum rate, a step of this mix, a step of the measured mix, or CPU at all."""
    nameless = replace(TOKEN, max_rate=None)
    found = predict_max_rate(nameless, {"read": 1}, 1, 1, 20).rate_rps
    assert (found.value, found.reason) == (None, "maximum rate not measured: run `authbench run --max-rate jwt-hs256`")
    assert predict_max_rate(TOKEN, {"refresh": 1}, 1, 1, 20).rate_rps.reason.startswith("refresh not measured")
    writes_only = replace(TOKEN, steps={"write": TOKEN.steps["write"]})
    assert predict_max_rate(writes_only, {"write": 1}, 1, 1, 20).rate_rps.reason.startswith("read not measured")
    idle = replace(TOKEN, steps={"read": step("read", {"replicas": 0}, {})})
    assert predict_max_rate(idle, {"read": 1}, 1, 1, 20).rate_rps.reason.startswith("servers took no CPU")


COOLING = Cooling(hot_us=200, cold_us=400, forgets_s=1e-3, measured_rps=1000)
"""400 us at 1,000/s, 500 at a third of it."""


def _cooled() -> SchemeConstants:
    """Where all of a read's CPU is its replica's and follows COOLING; 0.8 of a core were busy at the highest rate."""
    read = replace(step("read", {"replicas": 400}, {}), cooling={"replicas": COOLING})
    measured = MaxRateConstant(Constant(2000, "max cell"), 50, 1, 1, {"read": 1.0})
    return replace(SESSION, steps={"read": read}, max_rate=measured)


def test_replicas_that_share_a_rate_are_colder() -> None:
    """1,000/s on one cost 400 us, on two 200 + 400 / 1.5 = 466.7, on four 200 + 400 / 1.25 = 520."""
    for replicas, cpu_us in ((1, 400), (2, 466.67), (4, 520)):
        paced = at_rate(_cooled(), 1000, replicas)
        assert predict_cpu_us(paced, {"read": 1}).total.value == pytest.approx(cpu_us, rel=1e-4)
    assert predict_cpu_us(at_rate(SESSION, 10, 7), BROWSE) == predict_cpu_us(SESSION, BROWSE)


def test_the_highest_rate_costs_what_it_costs_at_that_rate() -> None:
    """X (200 + 400 / (1 + X / 3,000)) us = 0.8 of a core: X = 1,772/s, of 451.5 us each, before queueing.

    Queueing at 50 ms: 1 - ln 100 x 0.4515 / 50 = 0.9584 against 1 - ln 100 x 0.4 / 50 = 0.9632.
    """
    found = predict_max_rate(_cooled(), {"read": 1}, 3, 1, 50).rate_rps.value
    assert found is not None
    cpu_us = 200 + 400 / (1 + found / 3 * 1e-3)
    assert found * cpu_us / 1e6 == pytest.approx(0.8 * 0.9584 / 0.9632, rel=1e-3)


@settings(max_examples=8, deadline=None)  # each searches a rate by bisection, and in it others
@given(st.integers(1, 8))
def test_more_replicas_on_the_same_core_bear_no_more(replicas: int) -> None:
    """Each is colder than fewer would be."""
    rates = [
        predict_max_rate(_cooled(), {"read": 1}, count, 1, 50).rate_rps.value for count in (replicas, replicas + 1)
    ]
    assert rates[0] is not None
    assert rates[1] is not None
    assert rates[1] <= rates[0] * (1 + 1e-9)
