"""Two replicas whose clocks disagree: who is refused who should not be, and who is let in for how much too long.

The clock of the second replica, and of the BFF beside it, is off by so many seconds. Visitors log in and read at once
through both replicas; then one credential is followed to the end of its life on either, by moving both clocks. Sessions
in Redis and PostgreSQL end here by their absolute limit, which is the service clock's. Every answer names its replica,
so theory is held against what really met.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from bench.consequences.apparatus.moved_clock import Chapter, Diary, ServiceClock, last_good, side_by_side
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome
from bench.consequences.reading import LOGGED_OUT, REFUSED, requests_refused, users_logged_out
from bench.measure.client import follow, read_once
from bench.measure.laboratory import ArmBench
from loadtests.assignment import Target
from loadtests.record import Sample
from loadtests.visitor import Visitor, log_in, read
from services.contract import SchemeSpec
from services.settings import Settings

LIFE_S = 600
"""Of every credential; longer than any skew, else nobody could log in on the one and be known on the other."""
ENDLESS_S = 10 * LIFE_S
LENIENT_S = 30
OK = 200
NAME = "clock-skew"
TOO_LONG, TOO_SHORT, PRICE = "let in too long", "thrown out early", "let in by leeway"
BETWEEN_S, SOON_S, TRIES = 0.5, 0.4, 5
"""Asked halfway between seconds, and again where the answer took so long that the next one may have begun."""
STAMPED = ("jwt-hs256", "refresh-token")
"""Whose access tokens say from when on they are good; with these, leeway is tried as well."""
CONCERNED = (*STAMPED, "redis-session", "postgres-session", "bff")


@dataclass(frozen=True, slots=True)
class Size:
    """`skews_s`: how far the second replica's clock is ahead. `visitors`: how many log in and read, at each skew."""

    skews_s: tuple[int, ...]
    visitors: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size((0, 2, -2, 30, -30), 4),
    "quick": Size((0, 1, -1, 5, -5, 30, -30, 120, -120), 10),
    "standard": Size((0, 1, -1, 5, -5, 30, -30, 120, -120), 60),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Schemes side by side; those whose tokens are stamped once more, with leeway."""
    size = SIZES[lab.scale]
    exact = [lab.arm(scheme, visitors=size.visitors, replicas=2) for scheme in schemes]
    lenient = [
        lab.arm(scheme, visitors=size.visitors, replicas=2, label="lenient") for scheme in schemes if scheme in STAMPED
    ]
    settings = _living(lab.settings)
    own = {arm.id: replace(settings, leeway_s=LENIENT_S) for arm in lenient}
    own |= {arm.id: replace(settings, access_ttl_s=ENDLESS_S) for arm in exact if lab.spec(arm.scheme).front == "bff"}
    with lab.stage([*exact, *lenient], settings=settings, own=own) as stage:
        lab.progress.stage(f"visitors log in and read at {len(size.skews_s)} skews, and stay to the end")
        subjects = [
            *(_Subject(lab, stage.benches[arm.id], size, 0) for arm in exact),
            *(_Subject(lab, stage.benches[arm.id], size, LENIENT_S) for arm in lenient),
        ]
        for outcomes in side_by_side(_Subject.measure, subjects):
            yield from outcomes


def _living(settings: Settings) -> Settings:
    """Every credential lives for LIFE_S; tokens that a BFF holds do not end meanwhile."""
    return replace(
        settings,
        jwt_ttl_s=LIFE_S,
        access_ttl_s=LIFE_S,
        session_absolute_s=LIFE_S,
        session_idle_s=ENDLESS_S,
        refresh_ttl_s=ENDLESS_S,
        refresh_idle_s=ENDLESS_S,
    )


@dataclass(frozen=True, slots=True)
class _Subject:
    """One arm, at one skew after the other."""

    lab: Lab
    bench: ArmBench
    size: Size
    leeway_s: int

    def measure(self) -> list[Outcome]:
        """Without skew first: the control."""
        return [self._at(skew_s) for skew_s in self.size.skews_s]

    def _at(self, skew_s: int) -> Outcome:
        plan = replace(self.bench.plan, id=f"{self.bench.plan.id}-{'behind' if skew_s < 0 else 'ahead'}-{abs(skew_s)}s")
        diary = Diary(self.bench, plan)
        chance = Random(f"{self.lab.seed}/{plan.id}")  # noqa: S311 - reproducible turns, not a secret
        _log_in_and_read(diary, self.size.visitors, skew_s, chance)
        chapter = diary.close(self.lab, NAME)
        figures = (*self._refusals(chapter, skew_s), *self._lives(diary.clock, skew_s))
        leeway = f", {self.leeway_s} s of leeway" if self.leeway_s else ""
        return Outcome(
            experiment=NAME,
            scheme=plan.scheme,
            setting=f"{_spelled(skew_s)}{leeway}",
            headline=_headline(figures),
            figures=figures,
            verdict=chapter.verdict,
            at=skew_s,
            is_control=not skew_s,
            records=(chapter.record,),
        )

    def _refusals(self, chapter: Chapter, skew_s: int) -> Iterator[Figure]:
        """Of credentials that were granted a moment before."""
        reads = [sample for sample in chapter.samples if sample.step == "read"]
        met = self._early(chapter.samples, skew_s)
        is_known = self.bench.plan.scheme != "bff"
        theory = "a token of the clock that is ahead is not valid yet by the other" if met else ""
        share = 100 * len(met) / len(reads) if is_known else None
        users = len({sample.visitor for sample in met}) if is_known else None
        yield users_logged_out(reads, self.size.visitors, users, theory)
        yield requests_refused(reads, share, theory)

    def _early(self, samples: Sequence[Sample], skew_s: int) -> list[Sample]:
        """The reads for which a stamped token comes from the future, by more than the leeway."""
        if self.bench.plan.scheme not in STAMPED or abs(skew_s) <= self.leeway_s:
            return []
        *right, moved = (one.name for one in self.bench.arm.facing)
        ahead = {moved} if skew_s > 0 else set(right)
        logins = {sample.visitor: sample.replica for sample in samples if sample.step == "login"}
        reads = (sample for sample in samples if sample.step == "read" and sample.replica not in ahead)
        return [sample for sample in reads if logins[sample.visitor] in ahead]

    def _lives(self, clock: ServiceClock, skew_s: int) -> Iterator[Figure]:
        """How long one credential, granted by the right clock, is taken by either."""
        right, moved = self.bench.replica_addresses
        visitor = self.bench.visitor(0)
        clock.jump(0, skew_s)
        follow(right, log_in(visitor))
        by_right_s, by_moved_s = (self._end_s(clock, visitor, address, skew_s) for address in (right, moved))
        longer_s = by_moved_s - by_right_s
        yield _seconds(TOO_LONG, max(0, longer_s), max(0, -skew_s), "as much as the clock is behind")
        yield _seconds(TOO_SHORT, max(0, -longer_s), max(0, skew_s), "as much as the clock is ahead")
        if self.leeway_s:
            yield replace(_seconds(PRICE, by_right_s - LIFE_S, self.leeway_s, "what leeway is"), is_harm=False)

    def _end_s(self, clock: ServiceClock, visitor: Visitor, address: Target, skew_s: int) -> float:
        """The last second, by the right clock, at which whoever listens at `address` lets it in."""

        def is_in(at_s: int) -> bool:
            status = 0
            for _ in range(TRIES):
                clock.jump(at_s + BETWEEN_S, skew_s)
                status = read_once(address, visitor).status
                if clock.age_s < SOON_S:
                    break
            return status == OK

        return last_good(is_in, LIFE_S // 2, 2 * LIFE_S)[0]


def _log_in_and_read(diary: Diary, visitors: int, skew_s: int, chance: Random) -> None:
    """Replicas take turns; who logs in twice breaks the step, else every login would meet the same one."""
    for number in range(visitors):
        visitor = diary.visitor(number)
        diary.clock.jump(0, skew_s)
        for step in (*[log_in] * chance.choice((1, 2)), read, read):
            diary.ask(visitor, step)


def _seconds(name: str, value_s: float, predicted_s: float, theory: str) -> Figure:
    return Figure(name, value_s, "s", predicted=predicted_s, theory=theory, is_harm=True)


def _spelled(skew_s: int) -> str:
    if not skew_s:
        return "clocks agree"
    return f"one clock {abs(skew_s)} s {'ahead' if skew_s > 0 else 'behind'}"


def _headline(figures: Sequence[Figure]) -> str:
    by_name = {figure.name: figure for figure in figures}
    users, long, short = by_name[LOGGED_OUT], by_name[TOO_LONG].value, by_name[TOO_SHORT].value
    told = (
        f"{users.value:g} of {users.of} refused" if users.value else "",
        f"in {long:g} s too long" if long else "",
        f"out {short:g} s early" if short else "",
    )
    return ", ".join(part for part in told if part) or CONSEQUENCE_FREE


def _concerns(spec: SchemeSpec) -> bool:
    return spec.name in CONCERNED


EXPERIMENT = Experiment(
    name=NAME,
    question="clocks disagree: who is refused, who is in too long?",
    fault="the clock of one replica of two is 1 to 120 s ahead or behind",
    concerns=_concerns,
    run=run,
    takes_s=14,
    axis="how far one clock is ahead, s",
    plots=REFUSED,
    reading=(
        "A token says from when on it is good, so one of a clock that is ahead is refused by the others: of two "
        "replicas, a quarter of the reads after a login, and a BFF ends the session over it. A little leeway cures "
        "that and is paid for with as much longer a life. Sessions are granted without such a stamp; only their "
        "absolute end moves with the clock."
    ),
)
