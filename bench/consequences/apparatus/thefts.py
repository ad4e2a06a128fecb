"""A refresh token in two hands, its user's and a thief's: what it gives the thief, and when the theft is noticed.

Nobody waits: the replicas' service clocks are moved, so these are the real lifetimes of the settings.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice
from typing import NamedTuple

from bench.consequences.apparatus.agents import OK, Agent, Entrance
from bench.consequences.model import Figure
from loadtests import visitor as flows
from services.settings import Settings

S_PER_MIN = 60
DAY_S = 86_400.0
GRACE_PARTS = (0.0, 0.5, 0.8, 1.1)
"""When a thief tries a token after its user did, in parts of the grace."""
WINDOW, UNNOTICED, ALONE = "used token taken for", "thefts never noticed", "refused to a user alone"


class Attempt(NamedTuple):
    """A refresh at an instant of the service clock; `reason` "" where it was granted."""

    agent: Agent
    at_s: float
    reason: str


@dataclass(frozen=True, slots=True)
class Theft:
    """User and thief renew once a day, the second of them `gap_s` after the first."""

    name: str
    thief_is_first: bool
    gap_s: float

    def is_noticed(self, settings: Settings) -> bool:
        """Whether theory says that the second one is ever refused."""
        return settings.refresh_policy == "strict" or self.gap_s >= settings.refresh_grace_s

    def lasts_s(self, settings: Settings) -> float:
        """What theory says, from the thief's first attempt."""
        if self.is_noticed(settings):
            return self.gap_s if self.thief_is_first else 0.0
        return settings.refresh_ttl_s - (0.0 if self.thief_is_first else self.gap_s)


def thefts(settings: Settings) -> tuple[Theft, ...]:
    """The second one comes within the grace; or after it, as late as whoever waits for an access token to expire."""
    within_s, after_s = settings.refresh_grace_s / 2, float(settings.access_ttl_s)
    return (
        Theft("thief first, user within grace", thief_is_first=True, gap_s=within_s),
        Theft("thief first, user after grace", thief_is_first=True, gap_s=after_s),
        Theft("user first, thief within grace", thief_is_first=False, gap_s=within_s),
        Theft("user first, thief after grace", thief_is_first=False, gap_s=after_s),
    )


@dataclass(slots=True)
class Robbery:
    """One user's refresh tokens under one policy, stolen again and again."""

    entrance: Entrance
    settings: Settings
    _offset_s: float = 0.0

    @property
    def _days(self) -> int:
        """In how many days a login is surely over."""
        return int(self.settings.refresh_ttl_s / DAY_S) + 1

    def figures(self) -> Iterator[Figure]:
        """Of every theft; the clocks are right again afterwards."""
        try:
            yield self._window()
            told = [(theft, self._attempts(theft)) for theft in thefts(self.settings)]
            yield self._unnoticed(told)
            for theft, (thief, attempts) in told:
                yield self._lasting(theft, thief, attempts)
        finally:
            self.entrance.arm.skew(0.0)

    def alone(self) -> Figure:
        """The user renews once a day for as long as the login may last; the clocks are right again afterwards."""
        user, refused, times = self._user(), 0, self._days - 2
        try:
            for _ in range(times):
                self._pass(DAY_S)
                refused += bool(self._renew(user).reason)
        finally:
            self.entrance.arm.skew(0.0)
        return Figure(ALONE, refused, "requests", of=times, predicted=0, is_harm=True)

    def _window(self) -> Figure:
        """How long after its use a token still gives something: between two trials."""
        after_s = [part * self.settings.refresh_grace_s for part in GRACE_PARTS]
        taken_s = [seconds for seconds in after_s if self._is_taken(seconds)]
        low, high = max(taken_s, default=0.0), min(set(after_s) - set(taken_s), default=float("inf"))
        is_strict = self.settings.refresh_policy == "strict"
        theory = "nothing is given twice" if is_strict else "refresh_grace_s, counted from the first use"
        expected_s = 0.0 if is_strict else self.settings.refresh_grace_s
        return Figure(WINDOW, low, "s", low, high, predicted=expected_s, theory=theory, is_harm=True)

    def _is_taken(self, after_s: float) -> bool:
        user = self._user()
        thief = user.twin()
        self._renew(user)
        self._pass(after_s)
        return not self._renew(thief).reason

    def _attempts(self, theft: Theft) -> tuple[Agent, list[Attempt]]:
        """The thief, and what both tried until one of them was refused or the login was surely over."""
        user = self._user()
        thief = user.twin()
        both = (thief, user) if theft.thief_is_first else (user, thief)
        turns = zip(cycle(both), cycle((theft.gap_s, DAY_S - theft.gap_s)), strict=False)
        attempts: list[Attempt] = []
        for agent, pause_s in islice(turns, 2 * self._days):
            attempts.append(self._renew(agent))
            if attempts[-1].reason:
                break
            self._pass(pause_s)
        return thief, attempts

    def _unnoticed(self, told: list[tuple[Theft, tuple[Agent, list[Attempt]]]]) -> Figure:
        expected = sum(not theft.is_noticed(self.settings) for theft, _ in told)
        unnoticed = sum(attempts[-1].reason != "reused" for _, (_, attempts) in told)
        theory = "no use of a token within the grace betrays anybody"
        return Figure(UNNOTICED, unnoticed, "", of=len(told), predicted=expected, theory=theory, is_harm=True)

    def _lasting(self, theft: Theft, thief: Agent, attempts: list[Attempt]) -> Figure:
        """From the thief's first attempt to the one that is refused, whoever made it; it ended since the one before."""
        began_s = next(attempt.at_s for attempt in attempts if attempt.agent is thief)
        since_s = [(attempt.at_s - began_s) / S_PER_MIN for attempt in attempts if attempt.at_s >= began_s]
        low = since_s[-2] if len(since_s) > 1 else 0.0
        high = since_s[-1] if attempts[-1].reason else float("inf")
        noticed = "whoever comes second is refused, and the family revoked"
        theory = noticed if theft.is_noticed(self.settings) else "nobody is refused before refresh_ttl_s"
        expected_min = theft.lasts_s(self.settings) / S_PER_MIN
        return Figure(theft.name, since_s[-1], "min", low, high, predicted=expected_min, theory=theory, is_harm=True)

    def _user(self) -> Agent:
        """Logged in anew."""
        agent = self.entrance.agent(0)
        agent.take(flows.log_in, self.entrance.balancer)
        return agent

    def _renew(self, agent: Agent) -> Attempt:
        at_s = time.monotonic() + self._offset_s
        response = agent.take(flows.refresh, self.entrance.balancer)
        return Attempt(agent, at_s, "" if response.status == OK else response.reason)

    def _pass(self, seconds: float) -> None:
        """Let the service clocks go on."""
        self._offset_s += seconds
        self.entrance.arm.skew(self._offset_s)
