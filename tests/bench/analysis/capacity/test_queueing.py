"""Textbook queues against textbook figures and against what must hold of any queue."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.queueing import (
    Server,
    erlang_c,
    p99_s,
    response_s,
    tightest,
    usable_ratio,
    utilisation,
    waiting_s,
)

BUSY = st.floats(0, 0.999)
SERVERS = st.integers(1, 32)
LN_100 = math.log(100)


def test_utilisation_law() -> None:
    """1,800 requests/s of 0.5 ms each on one core: 0.9 of it; on two, 0.45."""
    assert utilisation(1800, 0.0005, 1) == pytest.approx(0.9)
    assert utilisation(1800, 0.0005, 2) == pytest.approx(0.45)


def test_the_bottleneck_is_where_most_is_asked_of_a_core() -> None:
    """3 ms on 4 cores are 0.75 ms of each, 1 ms on one core is more."""
    assert tightest({"replicas": (0.003, 4), "redis": (0.001, 1)}) == ("redis", 0.001)
    assert tightest({"replicas": (0.003, 2), "redis": (0.001, 1)}) == ("replicas", 0.0015)


@pytest.mark.parametrize(
    ("servers", "busy_ratio", "expected"),
    [
        (1, 0.7, 0.7),  # one server: C = rho
        (2, 0.75, 0.642857),  # 2 rho^2 / (1 + rho) = 1.125 / 1.75
        (3, 2 / 3, 0.444444),  # a = 2: (8/6 x 3) / (1 + 2 + 2 + 4) = 4/9
        (4, 0.0, 0.0),
        (4, 1.0, 1.0),
        (4, 1.5, 1.0),
    ],
)
def test_erlang_c_by_hand(servers: int, busy_ratio: float, expected: float) -> None:
    """a^c / c! x 1 / (1 - rho), over itself and the sum of a^k / k! below c."""
    assert erlang_c(servers, busy_ratio) == pytest.approx(expected, abs=1e-6)


@settings(max_examples=25)
@given(SERVERS, st.floats(0, 2))
def test_erlang_c_is_a_probability(servers: int, busy_ratio: float) -> None:
    """In [0, 1], and with more servers as busy it never grows."""
    queued = erlang_c(servers, busy_ratio)
    assert 0 <= queued <= 1
    assert erlang_c(servers + 1, busy_ratio) <= queued + 1e-12


def test_the_wait_at_one_server_by_hand() -> None:
    """S = 1 ms, rho = 0.8: P(W > t) = 0.8 exp(-0.2 t / S), 0.01 at t = 5 ms x ln 80 = 21.91 ms; at 0.01 none."""
    assert waiting_s(1, 0.001, 0.8) == pytest.approx(0.02191, abs=1e-5)
    assert waiting_s(1, 0.001, 0.01) == 0
    assert waiting_s(1, 0.001, 1.0) == math.inf


def test_the_response_of_one_server_is_exponential() -> None:
    """S = 1 ms, rho = 0.5: p99 = ln 100 x 1 ms / 0.5 = 9.21 ms."""
    assert response_s(1, 0.001, 0.5) == pytest.approx(0.00921, abs=1e-5)
    assert response_s(2, 0.001, 1.0) == math.inf


@pytest.mark.parametrize("busy_ratio", [0.0, 0.3, 0.5, 0.75, 0.9])
def test_the_response_of_two_servers_by_its_closed_form(busy_ratio: float) -> None:
    """At its p99 the tail e^-t (1 + C (1 - e^-(d t)) / d) is 1 %; d = 0 at rho = 0.5, where it is e^-t (1 + C t)."""
    time = response_s(2, 1.0, busy_ratio)
    queued, spare = erlang_c(2, busy_ratio), 1 - 2 * busy_ratio
    grown = (1 - math.exp(-spare * time)) / spare if spare else time
    assert math.exp(-time) * (1 + queued * grown) == pytest.approx(0.01, rel=1e-9)


@settings(max_examples=25, deadline=None)
@given(SERVERS, BUSY, BUSY, st.floats(0, 0.1))
def test_p99_rises_with_utilisation(servers: int, one: float, other: float, blocked_s: float) -> None:
    """Never shorter when busier, and never shorter than what blocks and an idle server's service."""
    server = Server(0.001, blocked_s, servers)
    idle, calm, busy = (p99_s(server, ratio) for ratio in (0.0, *sorted((one, other))))
    assert calm <= busy * (1 + 1e-9)
    assert idle == pytest.approx(0.001 * LN_100 + blocked_s)
    assert idle <= calm * (1 + 1e-9)


def test_the_usable_ratio_by_hand() -> None:
    """S = 1 ms, p99 <= 20 ms: rho = 1 - ln 100 x 1 / 20 = 0.7697; with 10 ms of a store's round trips, 0.5395."""
    assert usable_ratio(Server(0.001), 0.020) == pytest.approx(1 - LN_100 / 20)
    assert usable_ratio(Server(0.001, 0.010, threads=100), 0.020) == pytest.approx(1 - LN_100 / 10)


def test_an_slo_below_the_service_time_cannot_be_met() -> None:
    """p99 of 1 ms of service is 4.6 ms on an idle server already."""
    assert usable_ratio(Server(0.001), 0.004) == 0


def test_threads_bound_what_blocks() -> None:
    """8 threads held 101 ms each bear less than 79.2 requests/s, which is 0.0792 of a core at 1 ms."""
    assert 0 < usable_ratio(Server(0.001, 0.100), 10.0) < 8 / 0.101 * 0.001


@settings(max_examples=10, deadline=None)
@given(SERVERS, st.floats(0.002, 1))
def test_the_usable_ratio_is_the_highest(servers: int, slo_s: float) -> None:
    """p99 is within the SLO there and beyond it a little above."""
    server = Server(0.0004, 0.0, servers)
    found = usable_ratio(server, slo_s)
    assert p99_s(server, found) <= slo_s
    assert p99_s(server, found + 1e-9) > slo_s


def test_steps_of_unlike_length_leave_less_to_use() -> None:
    """Twice the spread is as if services were twice as long to wait for: 1 - ln 100 x 2 / 20."""
    assert usable_ratio(Server(0.001, spread=2.0), 0.020) == pytest.approx(1 - 2 * LN_100 / 20)
