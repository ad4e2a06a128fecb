"""Replicas that end on SIGTERM and start anew, in rounds, and what that cost."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from bench.consequences.apparatus import fleet
from bench.consequences.apparatus.losses import UNBOUND, Departure, bereaved, errors_end, losses, marked, told
from bench.consequences.lab import Deed, Stage
from bench.consequences.model import Figure, Mark, Outcome
from bench.consequences.reading import Observation
from bench.stack.replicas import Replica
from loadtests.record import Sample

ENDS, STARTS, BACK = "SIGTERM to {}", "{} gone, starts anew", "{} in rotation again"

Group = Sequence[Replica]
Round = Mapping[str, Group]
"""By the id of their arm, the replicas that go together."""


def restarts(stage: Stage, rounds: Sequence[Round], after_s: float) -> Iterator[Deed]:
    """Each round begins when the load balancers send requests to the replicas of the one before."""
    for one in rounds:
        replicas = [replica for group in one.values() for replica in group]
        arms = [stage.arms[name] for name in one]
        yield from _told(after_s, ENDS, one, partial(fleet.stop, replicas))
        yield from _told(after_s, STARTS, one, partial(fleet.start, replicas, arms))
        yield from _told(after_s, BACK, one, fleet.nothing)


def _told(at_s: float, words: str, one: Round, do: Callable[[], None]) -> Iterator[Deed]:
    """`do` once, told to every arm in its own words."""
    *others, last = one
    yield from (Deed(at_s, words.format(_names(one[arm])), fleet.nothing, arm) for arm in others)
    yield Deed(at_s, words.format(_names(one[last])), do, last)


@dataclass(frozen=True, slots=True)
class Rolled:
    """An arm whose replicas went by `groups` while its visitors were observed, who did `earlier` before.

    `binds`: a login dies with its replica.
    """

    observation: Observation
    groups: Sequence[Group]
    earlier: Sequence[Sample]
    binds: bool

    def outcome(self, experiment: str, setting: str) -> Outcome:
        """Whom it logged out, and what failed meanwhile."""
        return told(experiment, setting, self.observation, self._figures(), self._mark(STARTS, self.groups[-1]))

    def _figures(self) -> Iterator[Figure]:
        departures = list(self._departures())
        lost = bereaved(self.observation, self.earlier, departures) if self.binds else UNBOUND
        yield from losses(self.observation, lost)
        yield errors_end(self.observation, departures[0].asked)
        away_s = (self._mark(BACK, group).at_s - self._mark(ENDS, group).at_s for group in self.groups)
        yield Figure("out of rotation for", sum(away_s), "s")

    def _departures(self) -> Iterator[Departure]:
        """When each replica went."""
        for group in self.groups:
            asked, gone = self._mark(ENDS, group), self._mark(STARTS, group)
            yield from (Departure(replica.name, asked, gone) for replica in group)

    def _mark(self, words: str, group: Group) -> Mark:
        return marked(self.observation, words.format(_names(group)))


def groups_of(arm: str, rounds: Sequence[Round]) -> list[Group]:
    """The replicas of `arm` that go together, round by round."""
    return [one[arm] for one in rounds if arm in one]


def _names(group: Group) -> str:
    return ", ".join(replica.name for replica in group)
