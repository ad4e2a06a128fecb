"""A call against its floor in one process: short turns, alternately and in random order, by the thread's CPU clock."""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from random import Random

from bench.analysis.intervals import mean
from bench.analysis.model import Estimate

ROUNDS = 60
CALLS = 200
SEED = 5

Call = Callable[[str], object]


def ratio_to_floor(call: Call, floor: Call, credentials: Sequence[str]) -> Estimate:
    """CPU time of `call` over that of `floor`, each over its own turn of distinct `credentials`; 95 % interval.

    The mean over rounds of paired ratios; the slowest and fastest tenth of the rounds are left out, because a turn
    that was interrupted tells of the machine.
    """
    random = Random(SEED)  # noqa: S311 - the order of turns
    taken = cycle(credentials)
    _turn(call, taken), _turn(floor, taken)
    ratios = sorted(_round(call, floor, taken, random) for _ in range(ROUNDS))
    tenth = ROUNDS // 10
    return mean(ratios[tenth:-tenth])


def _round(call: Call, floor: Call, credentials: Iterator[str], random: Random) -> float:
    turns = [call, floor]
    random.shuffle(turns)
    times_ns = {turn: _turn(turn, credentials) for turn in turns}
    return times_ns[call] / times_ns[floor]


def _turn(call: Call, credentials: Iterator[str]) -> int:
    batch = [next(credentials) for _ in range(CALLS)]
    start_ns = time.thread_time_ns()
    for credential in batch:
        call(credential)
    return time.thread_time_ns() - start_ns
