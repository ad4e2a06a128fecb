"""Users who logged out and try what they held all the same: whether any store ever forgets that they left."""

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from bench.consequences.apparatus.agents import OK, Agent, Entrance
from bench.consequences.lab import Lab, Stage
from loadtests.assignment import Target
from loadtests.plan import ArmPlan
from loadtests.visitor import log_in, log_out, read


@dataclass(frozen=True, slots=True)
class Door:
    """Copies of what `agents` held when they logged out, and where to try them: past the load balancer, uncounted."""

    agents: Sequence[Agent]
    target: Target

    def let_in(self) -> frozenset[int]:
        """Who is let in."""
        return frozenset(one.visitor.number for one in self.agents if one.take(read, self.target).status == OK)


@dataclass(frozen=True, slots=True)
class Leavers:
    """Those who logged out, by arm; they try all doors side by side, as a store that hangs keeps them waiting."""

    doors: Mapping[str, Door]
    _pool: Executor
    _tries: list[tuple[str, Future[frozenset[int]]]] = field(default_factory=list)

    def try_in(self, *names: str) -> None:
        """Begin to try at the doors `names`, at all where none is named; does not wait."""
        self._tries.extend((name, self._pool.submit(self.doors[name].let_in)) for name in names or self.doors)

    def let_in(self) -> Mapping[str, int]:
        """How many were let in at any try since this was asked last, by arm; blocks until all know."""
        found: dict[str, frozenset[int]] = dict.fromkeys(self.doors, frozenset())
        for name, future in self._tries:
            found[name] |= future.result()
        self._tries.clear()
        return {name: len(users) for name, users in found.items()}


def leave(lab: Lab, stage: Stage, arms: Sequence[ArmPlan], count: int, pool: Executor) -> Leavers:
    """Beside the visitors `count` users of each arm log in, keep a copy and log out, where a logout ends anything."""
    ending = [arm for arm in arms if lab.spec(arm.scheme).traits.revoked_within["logout"].seconds == 0]
    return Leavers({arm.id: _left(Entrance(arm, stage.arms[arm.id], lab), count) for arm in ending}, pool)


def _left(entrance: Entrance, count: int) -> Door:
    target = entrance.replicas[0]
    copies = []
    for number in range(count):
        agent = entrance.agent(entrance.plan.visitors + number)
        agent.take(log_in, target)
        copies.append(agent.twin())
        agent.take(log_out, target)
    return Door(copies, target)
