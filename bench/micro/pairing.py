"""A call against its floor in one process: short turns, alternately and in random order, by the thread's CPU clock."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from bench.analysis.model import Estimate
from bench.micro.case import Bare, Call, Given
from bench.micro.trimming import trimmed_mean

SEED = 5
NS_PER_US = 1000


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each side has its turn, and of how many calls that is."""

    turns: int
    calls: int

    @property
    def needed(self) -> int:
        """What a comparison is given, a warm-up included."""
        return 2 * (self.turns + 1) * self.calls


@dataclass(frozen=True, slots=True)
class Paired:
    """What a floor costs by itself, and the call as a multiple of it; 95 % intervals over the turns."""

    floor_us: Estimate
    ratio: Estimate


def paired(call: Call, floor: Bare, givens: Iterator[Given], rounds: Rounds) -> Paired:
    """CPU time of `call` over that of `floor`, each turn over `givens` of its own.

    The mean over rounds of paired ratios, trimmed, because a turn that was interrupted tells of the machine.
    """
    random = Random(SEED)  # noqa: S311 - the order of turns
    _round(call, floor, givens, rounds.calls, random)
    times = [_round(call, floor, givens, rounds.calls, random) for _ in range(rounds.turns)]
    return Paired(
        trimmed_mean([floor_ns / rounds.calls / NS_PER_US for _, floor_ns in times]),
        trimmed_mean([call_ns / floor_ns for call_ns, floor_ns in times]),
    )


def _round(call: Call, floor: Bare, givens: Iterator[Given], calls: int, random: Random) -> tuple[int, int]:
    """CPU time in ns of a turn of each."""
    ours = list(islice(givens, calls))
    theirs = [floor.given(given) for given in islice(givens, calls)]
    if random.random() < 0.5:  # noqa: PLR2004 - a coin
        return _turn(call, ours), _turn(floor.call, theirs)
    floor_ns = _turn(floor.call, theirs)
    return _turn(call, ours), floor_ns


def _turn(call: Call, batch: Sequence[Given]) -> int:
    start_ns = time.thread_time_ns()
    for given in batch:
        call(given)
    return time.thread_time_ns() - start_ns
