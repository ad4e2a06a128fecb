"""Tabs that refresh at once, under every policy: who is logged out for nothing, and what a thief gets out of it."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import get_args

from bench.analysis.intervals import proportion
from bench.analysis.model import Verdict
from bench.consequences.apparatus.agents import Entrance
from bench.consequences.apparatus.races import RACES, Race, predicted, theory
from bench.consequences.apparatus.thefts import UNNOTICED, Robbery
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome
from bench.consequences.reconciling import disagreements
from bench.stack.arm import RunningArm
from loadtests.plan import ArmPlan
from services.contract import SchemeSpec
from services.settings import RefreshPolicy, Settings

NAME = "refresh-race"
POLICIES: tuple[RefreshPolicy, ...] = get_args(RefreshPolicy)
HARSHEST: tuple[RefreshPolicy, ...] = ("strict",)
REPLICAS = 2
VALID = Verdict("VALID")
LOGOUTS, DEAD, REFUSED = "false logouts", "tabs left with a dead credential", "tabs refused"
RENEWED, LIVE = "renewals of a race", "live credentials left by a race"


@dataclass(frozen=True, slots=True)
class Size:
    """So many races for each number of tabs; one tab races with nobody and is the control."""

    tabs: tuple[int, ...]
    races: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size((1, 2, 6), 2),
    "quick": Size((1, 2, 4, 8, 16), 15),
    "standard": Size((1, 2, 4, 8, 16), 60),
}


@dataclass(frozen=True, slots=True)
class Court:
    """One scheme under one policy, behind a load balancer whose counts tell whether every answer was written down."""

    lab: Lab
    plan: ArmPlan
    arm: RunningArm
    settings: Settings

    def races(self, tabs: int, times: int) -> Outcome:
        """Races of a user each; a single tab also renews on, day after day."""
        spec = self.lab.spec(self.plan.scheme)
        with self._session(f"{tabs}-tabs") as session, ThreadPoolExecutor(tabs) as threads:
            users = (number % self.lab.foundation.users for number in range(times))
            races = [RACES[spec.front](session.entrance, user, tabs, threads) for user in users]
            is_alone = tabs == 1 and spec.traits.can_renew
            alone = [Robbery(session.entrance, self.settings).alone()] if is_alone else []
        expected = predicted(tabs, spec, self.settings)
        figures = tuple(_figures(races, tabs, expected, theory(spec, self.settings)))
        return Outcome(
            experiment=NAME,
            scheme=self.plan.scheme,
            setting=f"{self.settings.refresh_policy}, {tabs} {'tab' if tabs == 1 else 'tabs'}",
            headline=_headline(figures),
            figures=(*figures, *alone),
            verdict=session.verdict,
            at=tabs,
            is_control=tabs == 1,
            records=session.records,
        )

    def thefts(self) -> Outcome:
        """A thief who copied a refresh token, in every order of who uses it when."""
        with self._session("thefts") as session:
            figures = tuple(Robbery(session.entrance, self.settings).figures())
        unnoticed = next(figure for figure in figures if figure.name == UNNOTICED)
        return Outcome(
            experiment=NAME,
            scheme=self.plan.scheme,
            setting=f"{self.settings.refresh_policy}, a stolen token",
            headline=f"{unnoticed.value:.0f} of {unnoticed.of} thefts never noticed",
            figures=figures,
            verdict=session.verdict,
            records=session.records,
        )

    @contextmanager
    def _session(self, folder: str) -> Iterator["Session"]:
        """What is asked meanwhile is one record, judged when it is over."""
        session, before = Session(Entrance(self.plan, self.arm, self.lab)), self.arm.haproxy.answers()
        yield session
        faults = disagreements(session.entrance.record(session.verdict), before, self.arm.haproxy.answers())
        session.verdict = Verdict("INVALID", faults) if faults else VALID
        session.records = (self.lab.keep(session.entrance.record(session.verdict), folder),)


@dataclass(slots=True)
class Session:
    """A stretch of requests; `verdict` and `records` are known when it is over."""

    entrance: Entrance
    verdict: Verdict = VALID
    records: tuple[str, ...] = ()


def concerns(spec: SchemeSpec) -> bool:
    """Whether clients renew, or a BFF whose replicas share its sessions does it for them."""
    return spec.traits.can_renew or (spec.front == "bff" and not spec.traits.needs_affinity)


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Every policy on two replicas of its own; a BFF renews under the harshest one."""
    size = SIZES[lab.scale]
    plans = {
        lab.arm(scheme, visitors=0, replicas=REPLICAS, label=policy): policy
        for scheme in schemes
        for policy in (POLICIES if lab.spec(scheme).traits.can_renew else HARSHEST)
    }
    own = {plan.id: replace(lab.settings, refresh_policy=policy) for plan, policy in plans.items()}
    with lab.stage(list(plans), own=own) as stage:
        for plan in plans:
            court = Court(lab, plan, stage.arms[plan.id], own[plan.id])
            lab.progress.stage(f"racing tabs: {plan.id}")
            for tabs in size.tabs:
                yield court.races(tabs, size.races)
            if lab.spec(plan.scheme).traits.can_renew:
                yield court.thefts()


def _headline(figures: Sequence[Figure]) -> str:
    logouts, dead = (next(figure.value for figure in figures if figure.name == name) for name in (LOGOUTS, DEAD))
    if logouts:
        return f"{logouts:,.0f} of 1,000 races log the user out"
    return f"{dead:,.0f} of 1,000 tabs left with a dead token" if dead else CONSEQUENCE_FREE


def _figures(races: Sequence[Race], tabs: int, expected: Race, theory: str) -> Iterator[Figure]:
    all_tabs, every = tabs * len(races), len(races)
    logouts, dead = sum(not race.live for race in races), sum(race.dead_tabs for race in races)
    refused, renewed = sum(race.refused for race in races), sum(race.renewed for race in races)
    yield _per_mille(LOGOUTS, logouts, every, float(not expected.live), theory)
    yield _per_mille(DEAD, dead, all_tabs, expected.dead_tabs / tabs, theory)
    awaited = expected.refused * every
    yield Figure(REFUSED, refused, "requests", of=all_tabs, predicted=awaited, theory=theory, is_harm=True)
    yield Figure(RENEWED, renewed / every, "", predicted=expected.renewed, theory=theory)
    live = sum(race.live for race in races)
    yield Figure(LIVE, live / every, "", predicted=expected.live, theory=theory)


def _per_mille(name: str, count: int, of: int, predicted_ratio: float, theory: str) -> Figure:
    share = proportion(count, of)
    ends = (1000 * share.low, 1000 * share.high)
    return Figure(
        name, 1000 * share.value, "per 1,000", *ends, predicted=1000 * predicted_ratio, theory=theory, is_harm=True
    )


EXPERIMENT = Experiment(
    name=NAME,
    question="tabs refresh at once: who is out, what may a thief?",
    fault="tabs with the same refresh token refresh at the same moment; a thief uses a copy of one",
    concerns=concerns,
    run=run,
    takes_s=30,
    axis="tabs that refresh at once",
    plots=LOGOUTS,
    reading=(
        "A race logs the user out when no tab is left with what can be renewed. Theft: minutes from the thief's first "
        "attempt until somebody is refused, on moved service clocks under the real lifetimes; a theft that nobody "
        "notices ends with the login."
    ),
)
