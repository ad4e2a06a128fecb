"""How long a stolen copy of a credential works after its login ended, used on every replica until none takes it."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from threading import Semaphore

from bench.analysis.model import Verdict
from bench.analysis.outcomes import refused
from bench.consequences.apparatus.agents import NS_PER_S, OK, UNAUTHORIZED, Agent, Entrance
from bench.consequences.apparatus.durations import spelled
from bench.consequences.apparatus.endings import Ending, Prediction, endings, predicted
from bench.consequences.experiment import Experiment, worst
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Figure, Outcome
from bench.measure.proof import CONTROL
from bench.stack.arm import RunningArm
from loadtests import visitor as flows
from loadtests.assignment import USERNAME
from loadtests.record import Sample
from services.settings import Settings

NAME = "revocation-window"
REPLICAS = 2
AT_A_TIME = 2
"""Logins that begin and end at a time; more would be old before they end, as they live for seconds."""
PATIENCE_S = 3.0
"""How much longer than the longest life a thief tries."""
MS_PER_S, S_PER_H = 1000, 3600
USABLE, REAL = "stolen copy usable for", "under real lifetimes"
PLACES, RENEWALS, POLL = "replicas that took it", "renewals granted to the thief", "poll interval"
REFUSED = "untouched logins refused"


@dataclass(frozen=True, slots=True)
class Size:
    """Lifetimes in seconds, in the order that they have in real life; a thief tries every `poll_s`."""

    poll_s: float
    sliding_left_s: int
    access_ttl_s: int
    jwt_ttl_s: int
    session_absolute_s: int
    refresh_ttl_s: int

    def shortened(self, settings: Settings) -> Settings:
        """`settings` with these lifetimes."""
        return replace(
            settings,
            sliding_left_s=self.sliding_left_s,
            access_ttl_s=self.access_ttl_s,
            jwt_ttl_s=self.jwt_ttl_s,
            session_absolute_s=self.session_absolute_s,
            refresh_ttl_s=self.refresh_ttl_s,
        )


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(0.1, 1, 2, 2, 3, 4),
    "quick": Size(0.1, 2, 3, 4, 6, 8),
    "standard": Size(0.05, 5, 10, 15, 20, 30),
}


@dataclass(frozen=True, slots=True)
class Life:
    """What a thief saw. Seconds are counted from the event, at which the login was `age_s` old.

    `granting_s`: how much of that the login itself took. `last_s`: when he last sent what was taken, 0 if never;
    `until_s`: when he knew that nothing takes it any more, infinite when he gave up before that. `replicas` took it, of
    those there are. `faults`: why it shows nothing.
    """

    ending: Ending
    age_s: float
    granting_s: float
    last_s: float
    until_s: float
    replicas: int
    renewals: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """One scheme under observation: its users, each robbed when it is his turn, and one who is left alone."""

    entrance: Entrance
    settings: Settings
    poll_s: float
    turn: Semaphore

    def robbed(self, user: int, ending: Ending) -> Life:
        """Log a user in, copy all he holds, let the login end, and use the copy until it is worth nothing."""
        victim = self.entrance.agent(user)
        with self.turn:
            began_ns = time.monotonic_ns()
            victim.take(flows.log_in, self.entrance.replicas[0])
            granted_ns = time.monotonic_ns()
            thief = victim.twin()
            before = self._taken(thief)
            answer = ending.act(self.entrance, victim, self.entrance.replicas[ending.replica])
            ended_ns = self.entrance.tell(f"{ending.setting}: {USERNAME.format(user)}").at_ns
        last_ns, until_ns, places = self._outlived(thief, ended_ns)
        own = [sample for sample in tuple(self.entrance.samples) if sample.visitor == user]
        return Life(
            ending=ending,
            age_s=(ended_ns - began_ns) / NS_PER_S,
            granting_s=(granted_ns - began_ns) / NS_PER_S,
            last_s=(last_ns - ended_ns) / NS_PER_S,
            until_s=(until_ns - ended_ns) / NS_PER_S,
            replicas=len(places),
            renewals=sum(sample.step == "refresh" and sample.status == OK for sample in own),
            faults=tuple(faults_of(before, answer.status, own)),
        )

    def untouched(self, user: int, endings_awaited: int) -> tuple[Sample, ...]:
        """What the user sees to whom nothing happens, until all has happened to the others.

        He logs in again early enough, as a refusal at the very end of a short life would say nothing.
        """
        at, agent = self.entrance.replicas[0], self.entrance.agent(user)
        give_up_s, fresh_until_s, is_over = time.monotonic() + self._longest_s, 0.0, False
        while not is_over:
            is_over = len(self.entrance.events) >= endings_awaited or time.monotonic() > give_up_s
            if time.monotonic() > fresh_until_s:
                agent.take(flows.log_in, at)
                fresh_until_s = time.monotonic() + self.settings.access_ttl_s / 2
            agent.take(flows.read, at)
            time.sleep(self.poll_s)
        return tuple(one for one in tuple(self.entrance.samples) if one.visitor == user and one.step == "read")

    @property
    def _longest_s(self) -> float:
        return self.settings.refresh_ttl_s + self.settings.access_ttl_s + PATIENCE_S

    def _outlived(self, thief: Agent, ended_ns: int) -> tuple[int, float, frozenset[int]]:
        """When something was last taken and when nothing was any more, and which replicas took it in between."""
        last_ns, places = ended_ns, frozenset[int]()
        while (sent_ns := time.monotonic_ns()) < ended_ns + self._longest_s * NS_PER_S:
            taken = self._taken(thief)
            if not taken:
                return last_ns, time.monotonic_ns(), places
            last_ns, places = sent_ns, places | taken
            time.sleep(max(0.0, self.poll_s - (time.monotonic_ns() - sent_ns) / NS_PER_S))
        return last_ns, math.inf, places

    def _taken(self, thief: Agent) -> frozenset[int]:
        """The replicas that take what he holds, after a renewal where he needs one."""
        return frozenset(
            place for place, at in enumerate(self.entrance.replicas) if thief.take(flows.read, at).status == OK
        )


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """All schemes on one pair of replicas, all events side by side, each with a user and a thief of its own."""
    size = SIZES[lab.scale]
    settings = size.shortened(lab.settings)
    ground = lab.arm(schemes[0], visitors=0, replicas=REPLICAS, label="thieves")
    with lab.stage([ground], settings=settings, mounted=tuple(schemes)) as stage:
        lab.progress.stage("ending logins that were stolen", seconds=settings.refresh_ttl_s)
        arm, turn = stage.arms[ground.id], Semaphore(AT_A_TIME)
        watches = [Watch(_entrance(lab, scheme, arm), settings, size.poll_s, turn) for scheme in schemes]
        observed = _observed(watches)
    for watch, (controls, lives) in zip(watches, observed, strict=True):
        yield from _outcomes(watch, controls, lives)


def _entrance(lab: Lab, scheme: str, arm: RunningArm) -> Entrance:
    """A user is bound to a replica where the scheme needs it, else his credential would not work at all."""
    is_bound = lab.spec(scheme).traits.needs_affinity
    plan = lab.arm(scheme, visitors=0, replicas=REPLICAS, balancing="sticky" if is_bound else "roundrobin")
    return Entrance(plan, arm, lab)


Observed = tuple[tuple[Sample, ...], tuple[Life, ...]]


def _observed(watches: Sequence[Watch]) -> list[Observed]:
    """Of each watch the user who is left alone, and those who are robbed; all at once."""
    users = count()
    cases = [list(endings(watch.entrance.spec)) for watch in watches]
    with ThreadPoolExecutor(sum(len(one) + 1 for one in cases)) as threads:
        submitted: list[tuple[Future[tuple[Sample, ...]], list[Future[Life]]]] = [
            (
                threads.submit(watch.untouched, next(users), len(own)),
                [threads.submit(watch.robbed, next(users), ending) for ending in own],
            )
            for watch, own in zip(watches, cases, strict=True)
        ]
        return [(control.result(), tuple(life.result() for life in lives)) for control, lives in submitted]


def _outcomes(watch: Watch, untouched: Sequence[Sample], lives: Sequence[Life]) -> Iterator[Outcome]:
    verdicts = [Verdict("INVALID" if life.faults else "VALID", life.faults) for life in lives]
    records = (watch.entrance.lab.keep(watch.entrance.record(worst(*verdicts)), "stolen"),)
    scheme, balancing = watch.entrance.spec.name, watch.entrance.plan.balancing
    harmed = len([sample for sample in untouched if refused(sample)])
    yield Outcome(
        experiment=NAME,
        scheme=scheme,
        setting="only others' logins end",
        headline="refused" if harmed else "goes on",
        figures=(Figure(REFUSED, harmed, "requests", of=len(untouched), predicted=0, is_harm=True), _poll(watch)),
        verdict=Verdict("VALID"),
        balancing=balancing,
        is_control=True,
        records=records,
    )
    for life, verdict in zip(lives, verdicts, strict=True):
        figures = tuple(_figures(watch, life))
        yield Outcome(
            experiment=NAME,
            scheme=scheme,
            setting=life.ending.setting,
            headline=headline(life, figures),
            figures=figures,
            verdict=verdict,
            balancing=balancing,
            records=records,
        )


def _figures(watch: Watch, life: Life) -> Iterator[Figure]:
    theory = predicted(watch.entrance.spec, life.ending, watch.settings)
    yield usable(life, theory)
    real = predicted(watch.entrance.spec, life.ending, Settings())
    if real is not None:
        words = f"computed, not measured, of a copy stolen at login: {real.words}"
        yield Figure(REAL, real.seconds / S_PER_H, "h", theory=words)
    yield Figure(PLACES, life.replicas, "", of=REPLICAS)
    yield Figure(RENEWALS, life.renewals, "requests", is_harm=True)
    yield _poll(watch)


def headline(life: Life, figures: Sequence[Figure]) -> str:
    """What the lifetimes of the settings come to, as theirs were shortened to be measured."""
    if not life.replicas:
        return "refused at once"
    real_s = next((figure.value * S_PER_H for figure in figures if figure.name == REAL), 0.0)
    return f"works up to {spelled(real_s)} (shortened: {life.last_s:.1f} s)" if real_s else f"works {life.last_s:.1f} s"


def usable(life: Life, theory: Prediction | None) -> Figure:
    """Its interval: the true end lies between the last poll that was taken and the next, and theory near it."""
    if theory is None:
        return Figure(USABLE, life.last_s, "s", life.last_s, life.until_s, is_harm=True)
    late_s = theory.late_s + (life.granting_s if theory.since == "login" else 0.0)
    low, high = max(0.0, life.last_s - late_s), life.until_s + theory.early_s
    if theory.since == "event":
        high = max(high, theory.seconds)
    expected_s = theory.after_event_s(life.age_s)
    return Figure(USABLE, life.last_s, "s", low, high, predicted=expected_s, theory=theory.words, is_harm=True)


def _poll(watch: Watch) -> Figure:
    return Figure(POLL, watch.poll_s * MS_PER_S, "ms")


def faults_of(before: frozenset[int], answered: int, own: Sequence[Sample]) -> Iterator[str]:
    """Why what a thief saw shows nothing: which replicas took the copy `before`, the event's answer, all samples."""
    if not before:
        yield "the copy was refused before anything happened, expected it to work; look at the record"
    if answered != OK:
        yield f"the event was answered {answered}, expected {OK}; look at the logs of the run"
    if others := sorted({sample.status for sample in own} - {OK, UNAUTHORIZED}):
        yield f"found answers {others} to the thief, expected {OK} or {UNAUTHORIZED}; look at the logs of the run"


EXPERIMENT = Experiment(
    name=NAME,
    question="how long does a stolen credential work once revoked?",
    fault="a copy of all that a client holds is used on every replica while the login ends",
    concerns=lambda spec: spec.name != CONTROL,
    run=run,
    takes_s=25,
    reading=(
        "Seconds are measured with lifetimes cut short; beside them stands what the lifetimes of the settings come to. "
        "A copy is used as a client would: kept in use, slid and renewed where the scheme lets its bearer."
    ),
)
