"""Who stays logged in by being active, who goes by being idle, and what that costs, on a compressed clock.

The services' clock is moved from visit to visit. The idle limit of a session in Redis is the TTL of its key, which no
clock of ours moves: there the limit is a second or two, and visits come as much faster, so that both clocks pass at one
pace. A user may expect to stay while he is away for less than the idle limit, up to the absolute one: that is what
`had_valid_credential` says in these records. In the control the same visits come while the clock stands still.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench.consequences.apparatus.habits import (
    ABSOLUTE_GAPS,
    ACCESS_GAPS,
    GAP_S,
    IDLE_GAPS,
    Company,
    Pace,
    company,
    spaced,
)
from bench.consequences.apparatus.moved_clock import Chapter, Diary, side_by_side
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome
from bench.measure.laboratory import ArmBench
from services.contract import SchemeSpec
from services.settings import Settings

ACCESS_TTL_S, TOUCH_S, LEFT_S = ACCESS_GAPS * GAP_S, 50, 5 * GAP_S
TOUCH_GAPS, REFRESH_GAPS, SLIDE_GAPS = 3, ACCESS_GAPS + 1, 26
"""The first request after TOUCH_S, ACCESS_TTL_S and IDLE_S - LEFT_S, in gaps; tokens live up to a second longer."""
IDLE_S, ABSOLUTE_S = IDLE_GAPS * GAP_S, ABSOLUTE_GAPS * GAP_S
MEDDLING: Mapping[str, frozenset[str]] = {
    "redis": frozenset({"getex", "set", "del"}),
    "postgres": frozenset({"insert", "update", "with"}),
}
"""What changes a store while nobody logs in or out; GETEX puts off the end of a session."""
PER = 1000
NAME = "sliding"
KICKED, KICKED_BY_PAUSE = "active users kicked", "users kicked by a pause"
STILL_IN, OVERSTAY = "idle users still in", "in past the absolute limit"
WRITES, REISSUED, BYTES = "store writes", "tokens re-issued", "bytes per request"


@dataclass(frozen=True, slots=True)
class Size:
    """`each`: how many users of each kind. `idle_s`: the idle limit where it is Redis's."""

    each: int
    idle_s: int


SIZES: Mapping[Scale, Size] = {"tiny": Size(2, 1), "quick": Size(5, 2), "standard": Size(20, 4)}


@dataclass(frozen=True, slots=True)
class Rule:
    """What theory says of a scheme.

    `ends`: a credential ends IDLE_S after it was issued, used or not. `token_gaps`, `write_gaps`: so many gaps lie
    between two tokens, and two writes, of a user who asks in every gap; 0: there are none, None: no theory.
    `outlives`: what he holds at the absolute limit is good until it expires.
    """

    ends: bool = False
    token_gaps: int = 0
    write_gaps: int | None = 0
    outlives: bool = False


RULES: Mapping[str, Rule] = {
    "memory-session": Rule(),
    "redis-session": Rule(write_gaps=1),
    "postgres-session": Rule(write_gaps=TOUCH_GAPS),
    "jwt-hs256": Rule(ends=True),
    "jwt-sliding": Rule(ends=True, token_gaps=SLIDE_GAPS),
    "refresh-token": Rule(token_gaps=REFRESH_GAPS, write_gaps=None, outlives=True),
    "bff": Rule(write_gaps=None),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """All schemes side by side: the control first, then the days of active, pausing and idle users."""
    size = SIZES[lab.scale]
    arms = [lab.arm(scheme, visitors=3 * size.each) for scheme in schemes]
    own = {arm.id: _limited(lab.settings, _redis_idle_s(lab, arm.scheme, size)) for arm in arms}
    with lab.stage(arms, own=own) as stage:
        visits = [
            _Visit(lab, stage.benches[arm.id], size.each, _redis_idle_s(lab, arm.scheme, size))
            for arm in sorted(arms, key=lambda arm: _redis_idle_s(lab, arm.scheme, size), reverse=True)
        ]
        lab.progress.stage("users come and go while the clock stands still")
        yield from side_by_side(_Visit.control, visits)
        lab.progress.stage(f"users come and go for {ABSOLUTE_S // 60} min on a moved clock")
        yield from side_by_side(_Visit.measure, visits)


def _redis_idle_s(lab: Lab, scheme: str, size: Size) -> int:
    """The idle limit of sessions that Redis ends; 0 where the service clock does."""
    return size.idle_s if "redis" in lab.spec(scheme).traits.stores else 0


def _limited(settings: Settings, redis_idle_s: int) -> Settings:
    """Every scheme ends what is idle for IDLE_S, and everything after ABSOLUTE_S."""
    return replace(
        settings,
        session_idle_s=redis_idle_s or IDLE_S,
        session_absolute_s=ABSOLUTE_S,
        session_touch_s=TOUCH_S,
        jwt_ttl_s=IDLE_S,
        sliding_left_s=LEFT_S,
        access_ttl_s=ACCESS_TTL_S,
        refresh_idle_s=IDLE_S,
        refresh_ttl_s=ABSOLUTE_S,
    )


@dataclass(frozen=True, slots=True)
class _Visit:
    """`each` users of each kind on one arm. `redis_idle_s` 0: its idle limit is the service clock's."""

    lab: Lab
    bench: ArmBench
    each: int
    redis_idle_s: int

    def control(self) -> Outcome:
        """The same visits, but no time passes."""
        diary, seen = self._come(Pace(self.redis_idle_s, is_moved=False), "standing")
        figures = (*_kicked(seen, Rule()), *_costs(seen, Rule(write_gaps=None)))
        told = self._told(diary.close(self.lab, NAME), figures)
        return replace(told, setting="the clock stands still", is_control=True)

    def measure(self) -> Outcome:
        """Time passes, on both clocks where there are two."""
        diary, seen = self._come(Pace(self.redis_idle_s, is_moved=True), "moved")
        rule = RULES[self.bench.plan.scheme]
        figures = (*_kicked(seen, rule), *_forgotten(seen, rule), *_costs(seen, rule))
        return self._told(diary.close(self.lab, NAME), figures)

    def _idle_limit(self) -> str:
        shortened = f" ({self.redis_idle_s} s in Redis)" if self.redis_idle_s else ""
        return f"{IDLE_S // 60} min{shortened}"

    def _come(self, pace: Pace, label: str) -> tuple[Diary, Company]:
        plan = replace(self.bench.plan, id=f"{self.bench.plan.id}-{label}")
        diary = Diary(self.bench, plan)
        return diary, company(diary, self.each, pace)

    def _told(self, chapter: Chapter, figures: tuple[Figure, ...]) -> Outcome:
        return Outcome(
            experiment=NAME,
            scheme=self.bench.plan.scheme,
            setting=f"idle limit {self._idle_limit()}, absolute {ABSOLUTE_S // 60} min",
            headline=_headline(figures),
            figures=figures,
            verdict=chapter.verdict,
            records=(chapter.record,),
        )


def _headline(figures: Sequence[Figure]) -> str:
    harms = [figure for figure in figures if figure.is_harm and figure.value]
    if not harms:
        return CONSEQUENCE_FREE
    worst = harms[0]
    return f"{worst.name}: {worst.value:g} of {worst.of}" if worst.of else f"{worst.name}: {worst.value:g} {worst.unit}"


def _kicked(seen: Company, rule: Rule) -> Iterator[Figure]:
    active, pausing = seen.of("active"), seen.of("pausing")
    dropped = len(active) if rule.ends and not rule.token_gaps else 0
    theory = f"a token ends {IDLE_S // 60} min after the login" if dropped else "who is active stays"
    yield _users(KICKED, [stay.kicked for stay in active], dropped, theory)
    missed = sum(rule.ends and max(stay.habit.visits) > IDLE_GAPS for stay in pausing)
    theory = "all whose token ends within the pause" if rule.ends else "the pause is shorter than the idle limit"
    yield _users(KICKED_BY_PAUSE, [stay.kicked for stay in pausing], missed, theory)


def _forgotten(seen: Company, rule: Rule) -> Iterator[Figure]:
    """Who is let in though he should not be."""
    yield _users(STILL_IN, [stay.forgotten for stay in seen.of("idle")], 0, "the idle limit ends it")
    last = (ABSOLUTE_GAPS - 1) // REFRESH_GAPS * REFRESH_GAPS + ACCESS_GAPS
    yield Figure(
        OVERSTAY,
        max(stay.overstayed_gaps for stay in seen.stays) * GAP_S,
        "s",
        predicted=max(0, last - ABSOLUTE_GAPS) * GAP_S if rule.outlives else 0,
        theory="the last access token lives on" if rule.outlives else "the absolute limit ends it",
        is_harm=True,
    )


def _costs(seen: Company, rule: Rule) -> Iterator[Figure]:
    writes = sum(seen.commands.get(store, {}).get(name, 0) for store, names in MEDDLING.items() for name in names)
    tokens = sum(len(stay.replaced) for stay in seen.stays)
    yield _per_1000(WRITES, writes, seen, _writes_due(seen, rule), _one_in(rule.write_gaps))
    yield _per_1000(REISSUED, tokens, seen, _times(seen, rule.token_gaps), _one_in(rule.token_gaps))
    yield Figure(BYTES, seen.bytes / seen.requests, "B")


def _one_in(gaps: int | None) -> str:
    return f"one in {gaps} requests of an active user" if gaps else ""


def _writes_due(seen: Company, rule: Rule) -> int | None:
    """Where every request is a write, so is one that is refused: nobody knows before."""
    if rule.write_gaps is None:
        return None
    return seen.requests if rule.write_gaps == 1 else _times(seen, rule.write_gaps)


def _times(seen: Company, gaps: int) -> int:
    """How often that many gaps have passed, for everybody until he is out."""
    return sum(spaced([at for at in stay.accepted if at < ABSOLUTE_GAPS], gaps) for stay in seen.stays) if gaps else 0


def _users(name: str, found: Sequence[bool], predicted: int, theory: str) -> Figure:
    return Figure(name, sum(found), "users", of=len(found), predicted=predicted, theory=theory, is_harm=True)


def _per_1000(name: str, times: int, seen: Company, predicted: int | None, theory: str) -> Figure:
    expected = None if predicted is None else PER * predicted / seen.requests
    return Figure(name, PER * times / seen.requests, "per 1,000", predicted=expected, theory=theory)


def _concerns(spec: SchemeSpec) -> bool:
    return spec.name in RULES


EXPERIMENT = Experiment(
    name=NAME,
    question="who stays by being active, who goes by being idle?",
    fault="time passes: active users ask on and on, others pause, others stay away",
    concerns=_concerns,
    run=run,
    takes_s=16,
    reading=(
        "A session slides by being used, so only who is idle goes. A token that ends on the minute throws out who is "
        "active; one that is replaced only near its end throws out who pauses there. Sliding is paid for in writes, "
        "one a request in Redis and few in PostgreSQL, or in tokens that are issued again."
    ),
)
