"""Who does nothing but renew: beside the visitors of an arm, past its load balancer, so uncounted there."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.consequences.apparatus.agents import Agent, Entrance
from bench.consequences.lab import Lab, Stage
from loadtests.assignment import Target
from loadtests.plan import ArmPlan
from loadtests.record import Sample
from loadtests.visitor import log_in, refresh


@dataclass(frozen=True, slots=True)
class Renewer:
    """Someone who is logged in on `arm`; `samples` of all that he asked."""

    arm: str
    agent: Agent
    target: Target
    samples: Sequence[Sample]

    def renew(self, times: int) -> Sequence[Sample]:
        """One renewal after the other."""
        for _ in range(times):
            self.agent.take(refresh, self.target)
        return self.samples[-times:]


def renewer(lab: Lab, stage: Stage, arm: ArmPlan) -> Renewer:
    """One of `arm`, the user after its visitors."""
    entrance = Entrance(arm, stage.arms[arm.id], lab)
    agent, target = entrance.agent(arm.visitors), entrance.replicas[0]
    agent.take(log_in, target)
    return Renewer(arm.id, agent, target, entrance.samples)
