"""Pure: which part of a block one of several generators loads; the parts together are the whole, none twice."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from loadtests.arrivals import Arrival, Schedule, schedule
from loadtests.plan import BlockPlan


@dataclass(frozen=True, slots=True)
class Share:
    """Part `number`, from 0, of `of` equal ones."""

    number: int = 0
    of: int = 1

    def visitors(self, count: int) -> range:
        """The numbers of those among `count` visitors that are this part's."""
        return range(self.number, count, self.of)

    def schedule(self, plan: BlockPlan, number: int) -> Schedule:
        """The arrivals of slice `number` that are this part's."""
        whole = whole_schedule(plan, number)
        if self.of == 1:
            return whole
        dealt = deal_shares(whole, self.of, seed(plan, "shares", number))
        return Schedule.of(arrival for share, arrival in dealt if share == self.number)


WHOLE = Share()


def whole_schedule(plan: BlockPlan, number: int) -> Schedule:
    """All arrivals of slice `number`, whoever sends them."""
    piece = plan.slices[number]
    return schedule(plan.arrivals, piece.rate_rps, piece.seconds, len(plan.arms), seed(plan, "arrivals", number))


def scheduled_counts(plan: BlockPlan, number: int, of: int) -> list[tuple[int, ...]]:
    """How many arrivals of slice `number` fall to each of `of` parts, by arm."""
    counts = [[0] * len(plan.arms) for _ in range(of)]
    for share, arrival in deal_shares(whole_schedule(plan, number), of, seed(plan, "shares", number)):
        counts[share][arrival.arm] += 1
    return [tuple(count) for count in counts]


def deal_shares(whole: Iterable[Arrival], of: int, shares_seed: int) -> Iterator[tuple[int, Arrival]]:
    """Every arrival with the number of the part it falls to, by a draw of its own that all parts agree on.

    A Poisson process thinned by independent draws is Poisson, of 1/`of` the rate; dealt out in turns its gaps would
    be Erlang, less bursty than theory.
    """
    random = Random(shares_seed)  # noqa: S311 - reproducible load, not a secret
    return ((random.randrange(of), arrival) for arrival in whole)


def seed(plan: BlockPlan, *parts: object) -> int:
    """What decides about `parts` of a block."""
    return Random(f"{plan.seed}/{parts}").getrandbits(64)  # noqa: S311 - reproducible load, not a secret
