"""Paced calls are charged with what they take, and with nothing of the clocks or of an idle server."""

from collections.abc import Sequence

import pytest

from bench.micro import pacing
from bench.micro.pacing import IDLE_S, PACE_S, Moment, Pacer, Spell, calibrated, middle

SERVER = 4711
READING_NS = 500
NS = 1_000_000_000


class World:
    """Clocks that only sleep, calls and reading them advance; a server that idles at 1 ms/s."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.wall_ns = self.cpu_ns = self.asked_ns = 0
        monkeypatch.setattr("time.sleep", self.sleep)
        monkeypatch.setattr("time.thread_time_ns", self.thread_time_ns)
        monkeypatch.setattr("time.perf_counter_ns", lambda: self.wall_ns)
        monkeypatch.setattr("time.monotonic_ns", lambda: self.wall_ns)
        monkeypatch.setattr(pacing, "cpu_ns", self.server_ns)

    def sleep(self, seconds: float) -> None:
        """Costs no CPU."""
        self.wall_ns += int(seconds * NS)

    def thread_time_ns(self) -> int:
        """Costs what it says."""
        now_ns = self.cpu_ns
        self.cpu_ns += READING_NS
        self.wall_ns += READING_NS
        return now_ns

    def server_ns(self, pid: int) -> int:
        """What the one server consumed."""
        assert pid == SERVER
        return self.wall_ns // 1000 + self.asked_ns

    def call(self) -> None:
        """20 us of ours, then 30 us of the server's."""
        self.cpu_ns += 20_000
        self.asked_ns += 30_000
        self.wall_ns += 50_000


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """At its beginning."""
    return World(monkeypatch)


def test_reading_the_clocks_is_calibrated(world: World) -> None:
    """One reading of the CPU clock lies inside a moment, two inside the wall's; the server idles at 1 ms/s."""
    pacer = calibrated((SERVER,))
    assert pacer.reading == Moment(READING_NS, 2 * READING_NS)
    assert pacer.idle_ns_per_s == {SERVER: pytest.approx(NS / 1000)}
    assert world.wall_ns >= (60 * PACE_S + IDLE_S) * NS - 1


@pytest.mark.usefixtures("world")
def test_a_call_is_charged_with_its_own_time(world: World) -> None:
    """20 us of CPU, 50 us by the wall, 30 us of the server: nothing of clocks, pauses, or the server's idling."""
    found = calibrated((SERVER,)).spell(world.call, 5, (SERVER,))
    assert (found.cold_us, found.wall_us) == (20.0, 50.0)
    assert found.server_us == pytest.approx(30.0, abs=0.01)


@pytest.mark.usefixtures("world")
def test_a_call_that_asks_nobody_costs_no_server(world: World) -> None:
    """Without a process there is nothing to account for."""
    assert Pacer(Moment(READING_NS, 2 * READING_NS), {}).spell(world.call, 3, ()) == Spell(20.0, 50.0, 0.0)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([4.0], 4.0),
        ([4.0, 6.0], 5.0),
        ([1.0, 4.0, 900.0], 4.0),
        ([1.0, 4.0, 6.0, 900.0], 5.0),
        # a sixth of twelve is left out at either end
        ([0.0, 0.0, *[5.0] * 8, 90.0, 90.0], 5.0),
    ],
)
def test_extremes_are_left_out_of_the_middle(values: Sequence[float], expected: float) -> None:
    """One at least from three values on."""
    assert middle(values) == expected
