"""Pure schedules of intended start times: no clock, no network, the same seed gives the same schedule."""

import math
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count
from random import Random
from typing import NamedTuple, Self

from loadtests.plan import Arrivals

WINDOW_S = 1.0
NS_PER_S = 1_000_000_000


class Arrival(NamedTuple):
    """One intended request start: `at_ns` after the slice's start, dealt to arm number `arm`."""

    at_ns: int
    arm: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """Arrivals in the order of their times, ten bytes each: hours of load fit into memory before they begin."""

    times_ns: "array[int]" = field(default_factory=lambda: array("q"))
    arms: "array[int]" = field(default_factory=lambda: array("H"))

    @classmethod
    def of(cls, arrivals: Iterable[Arrival]) -> Self:
        """A schedule of `arrivals`, ascending."""
        whole = cls()
        for at_ns, arm in arrivals:
            whole.times_ns.append(at_ns)
            whole.arms.append(arm)
        return whole

    def __len__(self) -> int:
        return len(self.times_ns)

    def __iter__(self) -> Iterator[Arrival]:
        return map(Arrival, self.times_ns, self.arms)


def poisson(rate_rps: float, seconds: float, random: Random) -> Iterator[int]:
    """Start times in ns of a Poisson process: independent exponential gaps with mean 1/rate. Ascending."""
    at_s = random.expovariate(rate_rps)
    while at_s < seconds:
        yield int(at_s * NS_PER_S)
        at_s += random.expovariate(rate_rps)


def constant(rate_rps: float, seconds: float) -> Iterator[int]:
    """Start times in ns at even gaps of 1/rate, the first after half a gap. Ascending."""
    for number in count():
        at_s = (number + 0.5) / rate_rps
        if at_s >= seconds:
            return
        yield int(at_s * NS_PER_S)


def deal(times_ns: Iterable[int], arms: int, random: Random) -> Iterator[Arrival]:
    """Deal a stream to `arms` by a fresh balanced permutation per window of 1 s.

    In every window the arms' shares differ by at most one, so whatever disturbs the machine in that second
    disturbs all arms alike. The order inside a window is random, so no arm always follows another.
    """
    window: list[int] = []
    window_end_ns = int(WINDOW_S * NS_PER_S)
    for at_ns in times_ns:
        while at_ns >= window_end_ns:
            yield from _deal_window(window, arms, random)
            window = []
            window_end_ns += int(WINDOW_S * NS_PER_S)
        window.append(at_ns)
    yield from _deal_window(window, arms, random)


def _deal_window(times_ns: list[int], arms: int, random: Random) -> Iterator[Arrival]:
    """Whole rounds of all arms plus a random few for the remainder, shuffled over the window's times."""
    rounds, rest = divmod(len(times_ns), arms)
    hands = list(range(arms)) * rounds + random.sample(range(arms), rest)
    random.shuffle(hands)
    return (Arrival(at_ns, arm) for at_ns, arm in zip(times_ns, hands, strict=True))


def schedule(kind: Arrivals, rate_rps: float, seconds: float, arms: int, seed: int) -> Schedule:
    """The arrivals of one slice: `rate_rps` per arm, so a stream of rate x arms is dealt to them.

    ValueError unless the rate is a positive number.
    """
    if not (rate_rps > 0 and math.isfinite(rate_rps)):
        message = f"rate {rate_rps} is not a positive number of requests per second"
        raise ValueError(message)
    random = Random(seed)  # noqa: S311 - a reproducible schedule, not a secret
    total = rate_rps * arms
    # drawn to the end before the first is dealt: the times do not depend on the dealing
    times = array("q", poisson(total, seconds, random) if kind == "poisson" else constant(total, seconds))
    return Schedule.of(deal(times, arms, random))
