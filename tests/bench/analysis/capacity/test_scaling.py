"""The scalability law gives back what it was fed, and refuses to be fitted to too little."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.scaling import Linear, Usl, fit


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([(1, 100.0)], "1 point measured, USL needs 4; linear scaling assumed up to the cores"),
        (
            [(1, 100.0), (2, 190.0), (4, 350.0)],
            "3 points measured, USL needs 4; linear scaling assumed up to the cores",
        ),
        ([(1, 100.0), (1, 101.0), (2, 190.0), (4, 350.0)], "3 points measured"),
    ],
)
def test_too_few_points_are_no_law(points: list[tuple[int, float]], said: str) -> None:
    """Linear, in words; two rates at one count are one point."""
    found = fit(points)
    assert isinstance(found, Linear)
    assert found.reason.startswith(said)
    assert found.replicas_for(7.5) == 7.5


@settings(max_examples=15, deadline=None)
@given(st.floats(1, 1e5), st.floats(0, 0.5), st.floats(0, 0.05))
def test_a_law_is_found_again(single_rps: float, sigma: float, kappa: float) -> None:
    """Points of a law give its parameters."""
    law = Usl(single_rps, sigma, kappa, 4)
    found = fit([(count, law.rate_rps(count)) for count in (1, 2, 4, 8)])
    assert isinstance(found, Usl)
    assert (found.sigma, found.kappa) == pytest.approx((sigma, kappa), abs=1e-6)
    assert found.single_rps == pytest.approx(single_rps)
    assert found.reason.startswith("USL fitted to 4 points: sigma ")


def test_points_of_no_law_are_said_to_be_none() -> None:
    """X(N) = N / (N - 1) would need an infinite rate of one replica."""
    found = fit([(count, 100.0 * count / (count - 1)) for count in (2, 3, 4, 5)])
    assert found == Linear("4 points measured, but no USL goes through them; linear scaling assumed up to the cores")


@settings(max_examples=25, deadline=None)
@given(st.floats(0, 0.3), st.floats(0, 0.01), st.floats(0, 20))
def test_replicas_do_what_is_asked_of_them(sigma: float, kappa: float, singles: float) -> None:
    """X(N) of the replicas found is the rate asked for; where none do, the law's peak is below it."""
    law = Usl(100, sigma, kappa, 4)
    count = law.replicas_for(singles)
    if math.isinf(count):
        assert max(law.rate_rps(number) for number in range(1, 2000)) < singles * 100 * (1 + 1e-6)
    else:
        assert count >= singles * (1 - 1e-9)
        assert singles <= 1 or law.rate_rps(count) == pytest.approx(singles * 100, rel=1e-6)


def test_replicas_by_hand() -> None:
    """With sigma 0.1, X(10) = 10 / 1.9 = 5.263 singles, and never 10 of them."""
    law = Usl(100, 0.1, 0.0, 4)
    assert law.replicas_for(10 / 1.9) == pytest.approx(10)
    assert law.replicas_for(10) == math.inf
