"""One user logs in many times at once against a limit on sessions: how many logins are granted, and how many live."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from threading import Barrier
from typing import Literal, get_args

from bench.analysis.model import Verdict
from bench.consequences.apparatus.agents import OK, Agent, Entrance
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Figure, Outcome
from bench.consequences.reconciling import disagreements
from bench.measure.proof import CONTROL
from loadtests import visitor as flows
from services.contract import SchemeSpec

NAME = "session-limit"
LIMIT = 3
REPLICAS = 2
CONFLICT = 409
Policy = Literal["evict-oldest", "refuse"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
VALID = Verdict("VALID")
GRANTED, REFUSED, ALIVE = "logins granted", "logins refused (409)", "logins alive"
RENEWABLE, ABOVE, LOST = "logins that can be renewed", "logins alive above the limit", "logins lost within the limit"

AT_ONCE: Mapping[Scale, int] = {"tiny": 12, "quick": 50, "standard": 50}


@dataclass(frozen=True, slots=True)
class Crowd:
    """Logins of one user: how many of those `tried` were granted, or refused by the limit, and what they are worth.

    `alive`: some replica takes the access credential; `renewable`: the refresh credential is exchanged.
    """

    tried: int
    granted: int
    refused: int
    alive: int
    renewable: int

    @property
    def above(self) -> int:
        """How many more are alive than the limit allows."""
        return max(0, self.alive - LIMIT)

    @property
    def lost(self) -> int:
        """How many are not alive that the limit allows."""
        return max(0, min(self.tried, LIMIT) - self.alive)


def predicted(spec: SchemeSpec, policy: Policy, tried: int) -> Crowd:
    """What the traits come to: a limit kept in a replica counts there alone, and what no eviction reaches lives on.

    A refusal of the API behind a BFF counts everywhere.
    """
    traits = spec.traits
    if not traits.can_limit_sessions:
        return Crowd(tried, tried, 0, tried, tried * traits.can_renew)
    is_counted_apart = traits.needs_affinity and not (spec.front == "bff" and policy == "refuse")
    room = min(tried, LIMIT * (REPLICAS if is_counted_apart else 1))
    granted = tried if policy == "evict-oldest" else room
    alive = granted if traits.revoked_within["revoke_user"].seconds is None else room
    return Crowd(tried, granted, tried - granted, alive, room * traits.can_renew)


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """All schemes on two replicas of each policy; the control keeps to the limit, as another user."""
    plans = {policy: lab.arm(schemes[0], visitors=0, replicas=REPLICAS, label=policy) for policy in POLICIES}
    own = {plan.id: replace(lab.settings, max_sessions=LIMIT, session_limit=policy) for policy, plan in plans.items()}
    with lab.stage(list(plans.values()), own=own, mounted=tuple(schemes)) as stage:
        for policy, ground in plans.items():
            for place, scheme in enumerate(schemes):
                plan = lab.arm(scheme, visitors=0, replicas=REPLICAS)
                for turn, tried in enumerate((LIMIT, AT_ONCE[lab.scale])):
                    entrance = Entrance(plan, stage.arms[ground.id], lab)
                    yield _outcome(entrance, policy, 2 * place + turn, tried)


def _outcome(entrance: Entrance, policy: Policy, user: int, tried: int) -> Outcome:
    crowd, faults = _crowded(entrance, user, tried)
    verdict = Verdict("INVALID", faults) if faults else VALID
    expected = predicted(entrance.spec, policy, tried)
    return Outcome(
        experiment=NAME,
        scheme=entrance.plan.scheme,
        setting=f"{policy}, {tried} logins",
        headline=f"{crowd.alive} of {tried} logins alive",
        figures=tuple(_figures(crowd, expected, can_renew=entrance.spec.traits.can_renew)),
        verdict=verdict,
        is_control=tried <= LIMIT,
        records=(entrance.lab.keep(entrance.record(verdict), f"{policy}-{tried}"),),
    )


def _crowded(entrance: Entrance, user: int, tried: int) -> tuple[Crowd, tuple[str, ...]]:
    """Logins through the load balancer, whose counts tell whether every answer was written down."""
    haproxy, agents = entrance.arm.haproxy, [entrance.agent(user) for _ in range(tried)]
    before = haproxy.answers()
    statuses = _at_once(agents, entrance)
    faults = [*disagreements(entrance.record(VALID), before, haproxy.answers())]
    if others := sorted(set(statuses) - {OK, CONFLICT}):
        faults.append(f"logins were answered {others}, expected {OK} or {CONFLICT}; look at the logs of the run")
    holders = [agent for agent, status in zip(agents, statuses, strict=True) if status == OK]
    alive = sum(_is_alive(agent, entrance) for agent in holders)
    renewable = sum(_is_renewable(agent, entrance) for agent in holders)
    return Crowd(tried, len(holders), statuses.count(CONFLICT), alive, renewable), tuple(faults)


def _at_once(agents: Sequence[Agent], entrance: Entrance) -> list[int]:
    """The status of each one's login, sent at the same moment."""
    together = Barrier(len(agents))

    def log_in(agent: Agent) -> int:
        together.wait()
        return agent.take(flows.log_in, entrance.balancer).status

    with ThreadPoolExecutor(len(agents)) as threads:
        return list(threads.map(log_in, agents))


def _is_alive(agent: Agent, entrance: Entrance) -> bool:
    return any(agent.take(flows.read, at).status == OK for at in entrance.replicas)


def _is_renewable(agent: Agent, entrance: Entrance) -> bool:
    return agent.visitor.can_refresh and agent.take(flows.refresh, entrance.balancer).status == OK


def _figures(crowd: Crowd, expected: Crowd, *, can_renew: bool) -> Iterator[Figure]:
    tried = crowd.tried
    yield Figure(GRANTED, crowd.granted, "", of=tried, predicted=expected.granted)
    yield Figure(REFUSED, crowd.refused, "", of=tried, predicted=expected.refused)
    yield Figure(ALIVE, crowd.alive, "", of=tried, predicted=expected.alive)
    if can_renew:
        yield Figure(RENEWABLE, crowd.renewable, "", of=tried, predicted=expected.renewable)
    yield Figure(ABOVE, crowd.above, "", predicted=expected.above, is_harm=True)
    yield Figure(LOST, crowd.lost, "", predicted=expected.lost, is_harm=True)


EXPERIMENT = Experiment(
    name=NAME,
    question="50 logins where 3 are allowed: how many live on?",
    fault=f"one user logs in many times at the same moment, on {REPLICAS} replicas, where {LIMIT} sessions are allowed",
    concerns=lambda spec: spec.name != CONTROL,
    run=run,
    takes_s=30,
    reading=(
        "Alive: the credential opens something on some replica. A scheme that cannot limit lets all of them through; "
        "sessions in memory are limited replica by replica; an evicted refresh token leaves its access token behind."
    ),
)
