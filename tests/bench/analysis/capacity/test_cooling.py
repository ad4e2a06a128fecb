"""Caches cool: the law is found again where it holds, and asks for enough points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.capacity.cooling import FORGETS_S, LEAST_RATES, Cooling, fitted

LAW = Cooling(hot_us=400, cold_us=800, forgets_s=1e-3, measured_rps=1000)
RATES_RPS = (80.0, 150.0, 300.0, 600.0, 1000.0)


def test_the_law_by_hand() -> None:
    """At 0/s all is cold, 1,200 us; at 1,000/s 400 + 800 / (1 + 1) = 800; at 3,000/s 400 + 800 / 4 = 600."""
    assert [LAW.cpu_us(rate_rps) for rate_rps in (0, 1000, 3000)] == [1200, 800, 600]
    assert LAW.ratio(1000) == 1
    assert LAW.ratio(0) == 1.5


def test_what_follows_the_law_is_found_again() -> None:
    """Without noise, to a step of the grid of forgetting times."""
    found = fitted([(rate_rps, LAW.cpu_us(rate_rps)) for rate_rps in RATES_RPS], 1000)
    assert found is not None
    for rate_rps in (100.0, 333.0, 900.0):
        assert found.cpu_us(rate_rps) == pytest.approx(LAW.cpu_us(rate_rps), rel=0.01)


@pytest.mark.parametrize("cost_us", [(500.0,) * 5, (400.0, 450.0, 500.0, 550.0, 600.0)])
def test_a_cost_that_does_not_fall_is_the_same_everywhere(cost_us: tuple[float, ...]) -> None:
    """No term is below zero: what seems to rise with rate is noise, or another cause, and is not carried on."""
    found = fitted(list(zip(RATES_RPS, cost_us, strict=True)), 1000)
    assert found is not None
    assert found.ratio(10.0) == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("points", [[(100.0, 5.0)] * 9, [(float(rate), 0.0) for rate in range(1, 9)]])
def test_too_few_rates_tell_nothing(points: list[tuple[float, float]]) -> None:
    """Nine probes at one rate are one point; a component that took no CPU has none."""
    assert fitted(points, 100.0) is None
    assert LEAST_RATES > 3


PROBES = st.tuples(st.floats(10, 5000), st.floats(1, 5000))


@given(
    st.lists(PROBES, min_size=4, max_size=12, unique_by=lambda probe: probe[0]),
    st.floats(10, 5000),
    st.floats(1.01, 10),
)
def test_no_request_gets_dearer_with_rate(points: list[tuple[float, float]], rate_rps: float, factor: float) -> None:
    """Whatever was measured: cost never rises with rate, and CPU a second never falls."""
    law = fitted(points, 100.0)
    assert law is not None
    assert FORGETS_S[0] <= law.forgets_s <= FORGETS_S[-1]
    faster = law.cpu_us(rate_rps * factor)
    assert 0 < faster <= law.cpu_us(rate_rps) * (1 + 1e-9)
    assert faster * factor >= law.cpu_us(rate_rps) * (1 - 1e-9)
