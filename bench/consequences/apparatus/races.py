"""One race: the tabs of one user need a new access token at the same moment, and ask for it or have a BFF ask."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier
from typing import Literal

from bench.consequences.apparatus.agents import OK, Agent, Entrance, Step
from bench.stack.arm import RunningArm
from loadtests import visitor as flows
from services.contract import SchemeSpec
from services.settings import RefreshPolicy, Settings


@dataclass(frozen=True, slots=True)
class Race:
    """Tabs `refused` meanwhile, tokens `renewed`, `live` tokens or sessions afterwards, and tabs that hold a dead one.

    A live one can be renewed again.
    """

    refused: int
    renewed: int
    live: int
    dead_tabs: int


THEORY: Mapping[RefreshPolicy, str] = {
    "strict": "one tab is granted, the next one's use is taken for a theft, and the family revoked",
    "grace-replay": "every tab is given the one successor",
    "grace-mint": "every tab is given a sibling, the oldest makes way beyond refresh_siblings_max",
}
SINGLE_FLIGHT = "one request renews for all replicas, the others wait for it"


def theory(spec: SchemeSpec, settings: Settings) -> str:
    """What `predicted` follows from."""
    return SINGLE_FLIGHT if spec.front == "bff" else THEORY[settings.refresh_policy]


def predicted(tabs: int, spec: SchemeSpec, settings: Settings) -> Race:
    """What scheme and policy promise of every race."""
    if tabs == 1 or spec.front == "bff":
        return Race(refused=0, renewed=1, live=1, dead_tabs=0)
    match settings.refresh_policy:
        case "strict":
            return Race(refused=tabs - 1, renewed=1, live=0, dead_tabs=tabs)
        case "grace-replay":
            return Race(refused=0, renewed=tabs, live=1, dead_tabs=0)
        case "grace-mint":
            live = min(tabs, settings.refresh_siblings_max)
            return Race(refused=0, renewed=tabs, live=live, dead_tabs=tabs - live)


def of_tokens(entrance: Entrance, user: int, tabs: int, threads: ThreadPoolExecutor) -> Race:
    """Tabs that hold the same refresh token all use it; then every token that any of them holds is tried."""
    crowd = _tabs(entrance, user, tabs)
    granted = _at_once(crowd, entrance, flows.refresh, threads)
    holders = {tab.visitor.refresh_credential: tab for tab in crowd}
    live = {token for token, tab in holders.items() if tab.twin().take(flows.refresh, entrance.balancer).status == OK}
    dead_tabs = sum(tab.visitor.refresh_credential not in live for tab in crowd)
    return Race(granted.count(False), granted.count(True), len(live), dead_tabs)


def of_sessions(entrance: Entrance, user: int, tabs: int, threads: ThreadPoolExecutor) -> Race:
    """Tabs that share a BFF's session all read when its access token has to be renewed, and read on when it has again.

    The service clocks are moved there, and right again afterwards.
    """
    crowd, arm, settings = _tabs(entrance, user, tabs), entrance.arm, entrance.lab.settings
    due_s = settings.access_ttl_s - settings.upstream_left_s / 2
    try:
        arm.skew(due_s)
        before = _renewals(arm)
        granted = _at_once(crowd, entrance, flows.read, threads)
        renewed = _renewals(arm) - before
        arm.skew(2 * due_s)
        dead_tabs = sum(tab.take(flows.read, entrance.balancer).status != OK for tab in crowd)
    finally:
        arm.skew(0.0)
    return Race(granted.count(False), renewed, int(dead_tabs < tabs), dead_tabs)


RACES: Mapping[Literal["api", "bff"], Callable[[Entrance, int, int, ThreadPoolExecutor], Race]] = {
    "api": of_tokens,
    "bff": of_sessions,
}
"""By who answers clients: entrance, user, number of tabs, a thread for each of them."""


def _tabs(entrance: Entrance, user: int, number: int) -> list[Agent]:
    """A login, in as many tabs."""
    first = entrance.agent(user)
    first.take(flows.log_in, entrance.balancer)
    return [first.twin() for _ in range(number)]


def _at_once(crowd: Sequence[Agent], entrance: Entrance, step: Step, threads: ThreadPoolExecutor) -> list[bool]:
    """Whether each of them succeeded, when all took `step` at the same moment."""
    together = Barrier(len(crowd))

    def take(tab: Agent) -> bool:
        together.wait()
        return tab.take(step, entrance.balancer).status == OK

    return list(threads.map(take, crowd))


def _renewals(arm: RunningArm) -> int:
    """Transactions that the database has committed: nothing but a renewal is one."""
    return arm.store_commands()["postgres"].get("commit", 0)
