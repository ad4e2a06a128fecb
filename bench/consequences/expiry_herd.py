"""Users who logged in together, whose access tokens end together: the wave of renewals, and what jitter buys.

Renewals are what PostgreSQL wrote down: a refresh token that has a parent is one, and the time it was made is its time.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import psycopg

from bench.analysis.intervals import Floats, percentile
from bench.analysis.latency import PERCENTILES
from bench.analysis.outcomes import UNAUTHORIZED
from bench.consequences.apparatus.herd import Expected, Renewing, expected, peak_per_s
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Deed, Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome, Unit
from bench.consequences.reading import LOGGED_OUT, NS_PER_MS, NS_PER_S, Observation, requests_failed, timeline
from bench.stack.arm import RunningArm
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from services.contract import SchemeSpec
from services.settings import Settings

NAME = "expiry-herd"
RENEWALS, PEAK, OVER_EVEN = "renewals", "renewals at the peak", "peak over an even spread"
ENDING = "the first tokens end"
TOLD = ("p95", "p99")
JITTER_RATIO = 0.5
MS_PER_S = 1000.0
EARLY_S = 1
"""How long before its end a BFF renews a token, where it lives for seconds."""
_ISSUED = "SELECT created_at, parent_hash IS NOT NULL FROM refresh_tokens ORDER BY created_at"


@dataclass(frozen=True, slots=True)
class Size:
    """`visitors` make `rate_rps` requests a second for `seconds`, with tokens that live for `ttl_s`."""

    visitors: int
    rate_rps: float
    ttl_s: int
    seconds: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(12, 20, 3, 5),
    "quick": Size(50, 40, 6, 12),
    "standard": Size(300, 120, 20, 45),
}


@dataclass(frozen=True, slots=True)
class Kind:
    """One arm: its tokens live for `ttl_s`, and end apart by `jitter_ratio` of it; a `calm` one's do not end."""

    arm: ArmPlan
    setting: str
    ttl_s: int
    jitter_ratio: float = 0.0
    calm: bool = False

    def settings(self, settings: Settings) -> Settings:
        """Of the arm's services."""
        if self.calm:
            return settings
        lives = replace(settings, access_ttl_s=self.ttl_s, access_ttl_jitter_ratio=self.jitter_ratio)
        return replace(lives, upstream_left_s=EARLY_S)

    def renewing(self, *, is_fronted: bool, rate_rps: float) -> Renewing:
        """What theory needs to know: a BFF goes by the seconds it was promised, a client by the token's own end."""
        shortest_s = self.ttl_s - int(self.ttl_s * self.jitter_ratio)
        early_s = min(EARLY_S, self.ttl_s * (1 - self.jitter_ratio) / 2) if is_fronted else 0.0
        rate_per_s = rate_rps / self.arm.visitors
        return Renewing(self.arm.visitors, rate_per_s, shortest_s, self.ttl_s, early_s, not is_fronted)


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """All arms run side by side: the herd, the same with jitter, and one whose tokens do not end."""
    size = SIZES[lab.scale]
    kinds = [kind for scheme in schemes for kind in _kinds(lab, scheme, size)]
    own = {kind.arm.id: kind.settings(lab.settings) for kind in kinds}
    load = SlicePlan("latency", size.rate_rps, size.seconds, pinned=False)
    with lab.stage([kind.arm for kind in kinds], [load], own=own, timed=True) as stage:
        deeds = [_ending(kind, stage.arms[kind.arm.id], lab) for kind in kinds if not kind.calm]
        seen = stage.load(0, deeds)
        issued = {name: _issued(arm, seen[name]) for name, arm in stage.arms.items()}
    for kind in kinds:
        is_fronted = lab.spec(kind.arm.scheme).front == "bff"
        how = kind.renewing(is_fronted=is_fronted, rate_rps=size.rate_rps)
        yield Wave(kind, how, seen[kind.arm.id], issued[kind.arm.id], lab.seed).outcome()


def _kinds(lab: Lab, scheme: str, size: Size) -> Iterator[Kind]:
    def arm(label: str) -> ArmPlan:
        return lab.arm(scheme, visitors=size.visitors, label=label)

    lives = f"{size.visitors} users, tokens live {size.ttl_s} s"
    yield Kind(arm("calm"), f"{size.visitors} users, no token ends", lab.settings.access_ttl_s, calm=True)
    yield Kind(arm("herd"), f"{lives}, no jitter", size.ttl_s)
    yield Kind(arm("jitter"), f"{lives}, jitter {JITTER_RATIO * 100:.0f} %", size.ttl_s, JITTER_RATIO)


@dataclass(frozen=True, slots=True)
class Issued:
    """When logins and renewals got their tokens, in seconds from the start of the load, which was at `epoch_s`."""

    logins_s: Floats
    renewals_s: Floats
    epoch_s: float


def _issued(arm: RunningArm, seen: Observation) -> Issued:
    """What the database of `arm` holds; the service clock is the system's."""
    epoch_s = time.time() - (time.monotonic_ns() - seen.start_ns) / NS_PER_S
    rows = _tokens(arm)
    logins, renewals = (
        np.array([at_s - epoch_s for at_s, renews in rows if renews == wanted]) for wanted in (False, True)
    )
    return Issued(logins, renewals, epoch_s)


def _tokens(arm: RunningArm) -> list[tuple[float, bool]]:
    """When each refresh token was made, and whether by a renewal."""
    password = arm.cluster.password_file.read_text(encoding="utf-8")
    with psycopg.connect(arm.cluster.url(arm.database), password=password) as connection:
        return connection.execute(_ISSUED).fetchall()


def _ending(kind: Kind, arm: RunningArm, lab: Lab) -> Deed:
    """Nothing is done: what the clock does by itself is marked, as early as a token may be renewed."""
    (first_s, _), *_ = _tokens(arm)
    how = kind.renewing(is_fronted=lab.spec(kind.arm.scheme).front == "bff", rate_rps=1.0)
    return Deed(max(0.0, first_s + how.shortest_s - how.early_s - time.time()), ENDING, lambda: None, kind.arm.id)


@dataclass(frozen=True, slots=True)
class Wave:
    """What one arm's renewals came to."""

    kind: Kind
    how: Renewing
    seen: Observation
    issued: Issued
    seed: int

    def outcome(self) -> Outcome:
        """Counted by the database, held against chance."""
        figures = (self._logged_out(), requests_failed(self.seen.samples), *self._renewals(), *self._waits())
        return Outcome(
            experiment=NAME,
            scheme=self.kind.arm.scheme,
            setting=self.kind.setting,
            headline=self._headline(),
            figures=figures,
            verdict=self.seen.verdict,
            is_control=self.kind.calm,
            timeline=None if self.kind.calm else timeline(self.seen),
            records=(self.seen.record,),
        )

    @property
    def _peak_per_s(self) -> float:
        return peak_per_s(self.issued.renewals_s, self.seen.seconds)

    def _headline(self) -> str:
        if not len(self.issued.renewals_s):
            return CONSEQUENCE_FREE
        return f"peak {self._peak_per_s:.0f}/s, {self._peak_per_s / self.how.even_per_s:.1f} x an even spread"

    def _logged_out(self) -> Figure:
        """Everybody holds a refresh token, or a session at the BFF, that outlives the load by far."""
        users = len({visit.visitor for visit in visits(self.seen) if visit.status == UNAUTHORIZED})
        theory = "whoever comes with an expired token renews it"
        return Figure(LOGGED_OUT, users, "users", of=self.seen.visitors, predicted=0, theory=theory, is_harm=True)

    def _renewals(self) -> Iterator[Figure]:
        count = int(np.count_nonzero(self.issued.renewals_s < self.seen.seconds))
        if self.kind.calm:
            yield Figure(RENEWALS, count, "", predicted=0, theory="no token ends meanwhile", is_harm=True)
            return
        told = self._expected()
        theory = "each token is renewed by its user's first request after it was due, and these are a Poisson process"
        yield _held(RENEWALS, count, "", told.renewals.value, (told.renewals.low, told.renewals.high), theory)
        peak = told.peak_per_s
        yield _held(PEAK, self._peak_per_s, "per s", peak.value, (peak.low, peak.high), theory)
        even = self.how.even_per_s
        ends = peak.low / even, peak.high / even
        yield _held(OVER_EVEN, self._peak_per_s / even, "", peak.value / even, ends, theory)

    def _expected(self) -> Expected:
        return expected(self.how, self.issued.logins_s, self.issued.epoch_s, self.seen.seconds, self.seed)

    def _waits(self) -> Iterator[Figure]:
        """What users waited, renewing included, before the first renewal and from it to the last."""
        ends_s = (min(self.issued.renewals_s, default=np.inf), max(self.issued.renewals_s, default=np.inf))
        before, within = [], []
        for visit in visits(self.seen):
            if visit.began_s + visit.waited_ms / MS_PER_S < ends_s[0]:
                before.append(visit.waited_ms)
            elif visit.began_s <= ends_s[1]:
                within.append(visit.waited_ms)
        for when, waits in (("before", before), ("in the wave", within)):
            for name in TOLD:
                if found := percentile(np.sort(np.array(waits)), PERCENTILES[name]):
                    yield Figure(f"users waited, {name}, {when}", found.value, "ms", found.low, found.high)


@dataclass(frozen=True, slots=True)
class Visit:
    """What a user meant to do once: from `began_s` into the load for `waited_ms`, until the last answer, a `status`."""

    visitor: int
    began_s: float
    waited_ms: float
    status: int


def visits(seen: Observation) -> Iterator[Visit]:
    """A refused read, its refresh and its retry are one: what follows from an answer is intended when that came."""
    firsts: dict[int, Sample] = {}
    lasts: dict[int, Sample] = {}
    for one in sorted(seen.samples, key=lambda sample: sample.sent_ns):
        before = lasts.get(one.visitor)
        if before is None or one.intended_ns != before.done_ns:
            if before is not None:
                yield _visit(seen, firsts[one.visitor], before)
            firsts[one.visitor] = one
        lasts[one.visitor] = one
    for visitor, last in lasts.items():
        yield _visit(seen, firsts[visitor], last)


def _visit(seen: Observation, first: Sample, last: Sample) -> Visit:
    began_s = (first.intended_ns - seen.start_ns) / NS_PER_S
    return Visit(first.visitor, began_s, (last.done_ns - first.intended_ns) / NS_PER_MS, last.status)


def _held(name: str, value: float, unit: Unit, predicted: float, ends: tuple[float, float], theory: str) -> Figure:  # noqa: PLR0913, PLR0917 - what a figure is
    """An exact count, held against what 95 % of chance would make of it."""
    low, high = value - (ends[1] - predicted), value + (predicted - ends[0])
    return Figure(name, value, unit, low, high, predicted=predicted, theory=theory)


def concerns(spec: SchemeSpec) -> bool:
    """Whether its access tokens end and are renewed, on any replica."""
    return (spec.traits.can_renew or spec.front == "bff") and not spec.traits.needs_affinity


EXPERIMENT = Experiment(
    name=NAME,
    question="tokens end together: how big is the wave of renewals?",
    fault="access tokens that live for seconds, of users who logged in within seconds; with and without jitter",
    concerns=concerns,
    run=run,
    takes_s=25,
    reading=(
        "A renewal costs the database a transaction. Without jitter all come as fast as users come back; with it they "
        "are drawn apart by part of a lifetime. An even spread is as many users whose tokens were issued at any time. "
        "Nobody is logged out by a wave as long as the database keeps up."
    ),
)
