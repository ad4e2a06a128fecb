"""A call against its floor: every turn is paired, in random order, on credentials of its own."""

from collections import Counter
from collections.abc import Iterator
from itertools import count, pairwise

import pytest

from bench.micro.case import Bare
from bench.micro.pairing import Rounds, paired

ROUNDS = Rounds(turns=24, calls=10)


class Clock:
    """Thread time that only the calls advance."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_ns = 0
        self.turns: list[str] = []
        self.seen: list[object] = []
        monkeypatch.setattr("time.thread_time_ns", lambda: self.now_ns)

    def call(self, given: object) -> None:
        """Costs 3 us."""
        self.now_ns += 3_000
        self.turns.append("call")
        self.seen.append(given)

    def bare(self, given: object) -> None:
        """Costs 2 us."""
        self.now_ns += 2_000
        self.turns.append("floor")
        self.seen.append(given)

    @property
    def floor(self) -> Bare:
        """As a case has it."""
        return Bare("library", "bare", self.bare)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """One that stands still."""
    return Clock(monkeypatch)


def _credentials() -> Iterator[str]:
    return (f"credential-{number}" for number in count())


def test_the_ratio_is_that_of_the_costs(clock: Clock) -> None:
    """Costs that never vary: both figures are exact and their intervals points."""
    found = paired(clock.call, clock.floor, _credentials(), ROUNDS)
    assert (found.ratio.value, found.ratio.low, found.ratio.high) == (1.5, 1.5, 1.5)
    assert (found.floor_us.value, found.floor_us.low, found.floor_us.high) == (2.0, 2.0, 2.0)


def test_an_interrupted_turn_is_left_out(clock: Clock) -> None:
    """A pause of the machine in a few of the rounds does not move the figure."""

    def paused(given: object) -> None:
        clock.call(given)
        if len(clock.turns) % (ROUNDS.calls * ROUNDS.turns // 3) == 0:
            clock.now_ns += 10**9

    assert paired(paused, clock.floor, _credentials(), ROUNDS).ratio.value == 1.5


def test_turns_are_balanced_and_in_random_order(clock: Clock) -> None:
    """Both are called as often, a warm-up included, and neither always first."""
    paired(clock.call, clock.floor, _credentials(), ROUNDS)
    each = (ROUNDS.turns + 1) * ROUNDS.calls
    assert Counter(clock.turns) == {"call": each, "floor": each}
    first = Counter(clock.turns[:: 2 * ROUNDS.calls])
    assert min(first["call"], first["floor"]) > ROUNDS.turns // 4


def test_every_credential_is_used_once(clock: Clock) -> None:
    """None is asked about twice while there are others, and as many are taken as were said to be needed."""
    paired(clock.call, clock.floor, _credentials(), ROUNDS)
    assert len(clock.seen) == len(set(clock.seen)) == ROUNDS.needed
    assert all(one != other for one, other in pairwise(clock.seen))


def test_what_a_floor_is_given_is_made_before_its_time_is_taken(clock: Clock) -> None:
    """However long it takes: a floor is told what a call has to find out."""

    def slow(given: object) -> object:
        clock.now_ns += 10**6
        return f"key of {given}"

    floor = Bare("library", "bare", clock.bare, slow)
    assert paired(clock.call, floor, _credentials(), ROUNDS).floor_us.value == 2.0
    assert sum(str(given).startswith("key of ") for given in clock.seen) == len(clock.seen) / 2
