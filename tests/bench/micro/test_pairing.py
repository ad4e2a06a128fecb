"""A call against its floor: every turn is paired, in random order, on credentials of its own."""

from collections import Counter
from itertools import pairwise

import pytest

from bench.micro.pairing import CALLS, ROUNDS, ratio_to_floor

CREDENTIALS = [f"credential-{number}" for number in range(7)]


class Clock:
    """Thread time that only the calls advance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        self.turns: list[str] = []
        monkeypatch.setattr("time.thread_time_ns", lambda: self.now_ns)

    def call(self, _: str) -> None:
        """Costs 300 ns."""
        self.now_ns += 300
        self.turns.append("call")

    def floor(self, _: str) -> None:
        """Costs 200 ns."""
        self.now_ns += 200
        self.turns.append("floor")


def test_the_ratio_is_that_of_the_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Costs that never vary: the ratio is exact and its interval a point."""
    clock = Clock(monkeypatch)
    found = ratio_to_floor(clock.call, clock.floor, CREDENTIALS)
    assert (found.value, found.low, found.high) == (1.5, 1.5, 1.5)


def test_an_interrupted_turn_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause of the machine in a few of the rounds does not move the figure."""
    clock = Clock(monkeypatch)

    def paused(credential: str) -> None:
        clock.call(credential)
        if len(clock.turns) % (CALLS * ROUNDS // 3) == 0:
            clock.now_ns += 10**9

    assert ratio_to_floor(paused, clock.floor, CREDENTIALS).value == 1.5


def test_turns_are_balanced_and_in_random_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are called as often, a warm-up included, and neither always first."""
    clock = Clock(monkeypatch)
    ratio_to_floor(clock.call, clock.floor, CREDENTIALS)
    assert Counter(clock.turns) == {"call": (ROUNDS + 1) * CALLS, "floor": (ROUNDS + 1) * CALLS}
    first = Counter(clock.turns[:: 2 * CALLS])
    assert min(first["call"], first["floor"]) > ROUNDS // 4


def test_every_credential_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is verified over and over: a cache would make that cheap."""
    seen: list[str] = []
    clock = Clock(monkeypatch)

    def call(credential: str) -> None:
        clock.call(credential)
        seen.append(credential)

    ratio_to_floor(call, clock.floor, CREDENTIALS)
    assert set(seen) == set(CREDENTIALS)
    assert all(one != other for one, other in pairwise(seen))
