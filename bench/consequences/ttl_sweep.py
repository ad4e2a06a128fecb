"""How often a user is sent to the login, against how long a stolen token works, for lifetimes of a minute to a year.

The service clock is moved, so a year passes in a second: one user asks every minute for a day, or, where that is
longer, for three lifetimes, sixty times in each. A token is stolen, its owner logs out, and the clock is moved
until the thief is refused: found to the second by bisection.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from statistics import fmean

from bench.consequences.apparatus.durations import DAY_S, HOUR_S, MINUTE_S, spelled
from bench.consequences.apparatus.moved_clock import AFTER_SECOND_S, Diary, last_good, side_by_side
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Outcome
from bench.measure.laboratory import ArmBench
from loadtests.record import StepName
from loadtests.visitor import Visitor, log_in, log_out, read
from services.contract import SchemeSpec
from services.settings import Settings

LIFETIMES_S: Mapping[str, int] = {
    "1 minute": MINUTE_S,
    "5 minutes": 5 * MINUTE_S,
    "15 minutes": 15 * MINUTE_S,
    "30 minutes": 30 * MINUTE_S,
    "1 hour": HOUR_S,
    "8 hours": 8 * HOUR_S,
    "1 day": DAY_S,
    "30 days": 30 * DAY_S,
    "1 year": 365 * DAY_S,
}
LIFETIMES_DRIVEN, ASKED_PER_LIFETIME = 3, 60
THEFTS = 3
ROUNDED_UP_S = 1 - AFTER_SECOND_S
"""A token ends at a whole second, and these are issued just after one."""
OK = 200
NAME = "ttl-sweep"
LOGINS, REFRESHES = "logins per user-hour", "refreshes per user-hour"
MEAN_WINDOW, WORST_WINDOW = "thief's window, mean", "thief's window, at worst"
SWEPT = ("jwt-hs256", "refresh-token")
"""Where an access token ends, the one sends its user to the login, the other asks for a new one by itself."""


@dataclass(frozen=True, slots=True)
class Size:
    """`lifetimes`: names in LIFETIMES_S. `day_s`: for how long a user is active at least."""

    lifetimes: tuple[str, ...]
    day_s: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(("1 minute", "1 hour", "1 year"), HOUR_S),
    "quick": Size(tuple(LIFETIMES_S), 8 * HOUR_S),
    "standard": Size(tuple(LIFETIMES_S), 16 * HOUR_S),
}


@dataclass(frozen=True, slots=True)
class Use:
    """What one user does: a request every `gap_s` for `span_s`, with tokens that live for `ttl_s`."""

    ttl_s: int
    span_s: int
    gap_s: int

    @property
    def expiries(self) -> int:
        """How many tokens are found expired: each lives a little longer than `ttl_s`, so is found a gap after that."""
        return self.span_s // (self.ttl_s + self.gap_s)

    def per_hour(self, times: int) -> float:
        """That many times in all, per hour."""
        return times * HOUR_S / self.span_s


def use_of(ttl_s: int, day_s: int) -> Use:
    """A day and whole lifetimes, so that no part of one is lost in the count."""
    gap_s = max(MINUTE_S, ttl_s // ASKED_PER_LIFETIME)
    lifetimes = max(LIFETIMES_DRIVEN, ceil(day_s / (ttl_s + gap_s)))
    return Use(ttl_s, lifetimes * (ttl_s + gap_s), gap_s)


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Every lifetime is one arm, as it is a setting of the process; it serves all of `schemes`."""
    size = SIZES[lab.scale]
    arms = {name: lab.arm(schemes[0], visitors=2, label=name.replace(" ", "-")) for name in size.lifetimes}
    own = {arm.id: _living(lab.settings, LIFETIMES_S[name]) for name, arm in arms.items()}
    with lab.stage(tuple(arms.values()), own=own, mounted=tuple(schemes)) as stage:
        lab.progress.stage(f"one user a lifetime for {size.day_s // HOUR_S} h and more, on a moved clock")
        swept = [_Sweep(lab, stage.benches[arm.id], name, size.day_s) for name, arm in arms.items()]
        for outcomes in side_by_side(lambda sweep: [sweep.measure(scheme) for scheme in schemes], swept):
            yield from outcomes
        longest = max(swept, key=lambda sweep: sweep.ttl_s)
        yield from (longest.control(scheme) for scheme in schemes)


def _living(settings: Settings, ttl_s: int) -> Settings:
    """Access tokens of both kinds live for `ttl_s`; what renews them never ends meanwhile."""
    endless_s = 2 * LIFETIMES_DRIVEN * max(LIFETIMES_S.values())
    return replace(settings, jwt_ttl_s=ttl_s, access_ttl_s=ttl_s, refresh_ttl_s=endless_s, refresh_idle_s=endless_s)


@dataclass(frozen=True, slots=True)
class _Sweep:
    """One lifetime, on the arm that has it."""

    lab: Lab
    bench: ArmBench
    name: str
    day_s: int

    @property
    def ttl_s(self) -> int:
        return LIFETIMES_S[self.name]

    def measure(self, scheme: str) -> Outcome:
        """A theft, and a user who goes on asking."""
        diary = self._open(scheme, "swept")
        window = _window(diary, self.ttl_s)
        habit = _habit(diary, use_of(self.ttl_s, self.day_s))
        return self._told(scheme, diary, (*habit, *window))

    def control(self, scheme: str) -> Outcome:
        """A day in which no token ends, and no theft."""
        diary = self._open(scheme, "control")
        figures = _habit(diary, Use(self.ttl_s, self.day_s, MINUTE_S))
        told = self._told(scheme, diary, figures)
        return replace(told, setting="nothing ends within the day", at=None, is_control=True)

    def _open(self, scheme: str, label: str) -> Diary:
        plan = replace(self.bench.plan, id=f"{scheme}-{self.name.replace(' ', '-')}-{label}", scheme=scheme)
        return Diary(self.bench, plan)

    def _told(self, scheme: str, diary: Diary, figures: tuple[Figure, ...]) -> Outcome:
        chapter = diary.close(self.lab, NAME)
        return Outcome(
            experiment=NAME,
            scheme=scheme,
            setting=f"tokens live {self.name}",
            headline=_headline(figures),
            figures=figures,
            verdict=chapter.verdict,
            at=self.ttl_s / MINUTE_S,
            records=(chapter.record,),
        )


def _headline(figures: Sequence[Figure]) -> str:
    by_name = {figure.name: figure for figure in figures}
    logins_per_h = by_name[LOGINS].value
    logins = f"login every {spelled(HOUR_S / logins_per_h)}" if logins_per_h else "no logins"
    if WORST_WINDOW in by_name:
        return f"{logins}, thief in for {spelled(MINUTE_S * by_name[WORST_WINDOW].value)}"
    return logins if logins_per_h else CONSEQUENCE_FREE


def _habit(diary: Diary, use: Use) -> tuple[Figure, ...]:
    """A user who asks on and on: how often he has to log in, and how often a token is renewed behind his back."""
    visitor = diary.visitor(0)
    diary.clock.restart()
    diary.ask(visitor, log_in)
    began, issued_s = len(diary.samples), 0
    for at_s in range(use.gap_s, use.span_s + 1, use.gap_s):
        diary.clock.jump(at_s)
        held = visitor.credential
        if diary.ask(visitor, read, was_good=at_s - issued_s <= use.ttl_s).status != OK:
            diary.ask(visitor, log_in)
            diary.ask(visitor, read)
        issued_s = issued_s if held == visitor.credential else at_s
    steps = [sample.step for sample in diary.samples[began:]]
    return tuple(_habit_figures(steps, use, renews=visitor.can_refresh))


def _habit_figures(steps: Sequence[StepName], use: Use, *, renews: bool) -> Iterator[Figure]:
    predicted = use.per_hour(use.expiries)
    theory = (
        f"one each lifetime and {spelled(use.gap_s)} until the next request: {use.expiries} in {spelled(use.span_s)}"
    )
    yield Figure(
        LOGINS,
        use.per_hour(steps.count("login")),
        "",
        predicted=0.0 if renews else predicted,
        theory="the client renews by itself" if renews else theory,
        is_harm=True,
    )
    if renews:
        yield Figure(REFRESHES, use.per_hour(steps.count("refresh")), "", predicted=predicted, theory=theory)


def _window(diary: Diary, ttl_s: int) -> tuple[Figure, ...]:
    """A thief's window, for thefts that are spread evenly over a token's life; its owner logs out after the first."""
    owner, thief = diary.visitor(0), diary.visitor(1)
    diary.clock.restart()
    diary.ask(owner, log_in)
    thief.replace_credential(owner.credential)
    thefts = [ttl_s * (2 * number + 1) // (2 * THEFTS) for number in range(THEFTS)]
    for theft_s in thefts:
        diary.clock.jump(theft_s)
        diary.ask(thief, read)
        if owner.is_logged_in:
            diary.ask(owner, log_out)
    low_s, high_s = last_good(lambda at_s: _works(diary, thief, at_s), thefts[-1], 2 * ttl_s)
    ends = (0.0, fmean(thefts))
    theories = ("the lifetime: nothing takes a token back", "half the lifetime, for a theft at any moment of it")
    names = (WORST_WINDOW, MEAN_WINDOW)
    return tuple(
        _minutes(name, low_s - start_s, high_s - start_s, ttl_s + ROUNDED_UP_S - start_s, theory)
        for name, start_s, theory in zip(names, ends, theories, strict=True)
    )


def _works(diary: Diary, thief: Visitor, at_s: int) -> bool:
    diary.clock.jump(at_s)
    return diary.ask(thief, read, was_good=False).status == OK


def _minutes(name: str, low_s: float, high_s: float, predicted_s: float, theory: str) -> Figure:
    low, high, predicted = (seconds / MINUTE_S for seconds in (low_s, high_s, predicted_s))
    return Figure(name, low, "min", low, high, predicted=predicted, theory=theory, is_harm=True)


def _concerns(spec: SchemeSpec) -> bool:
    return spec.name in SWEPT


EXPERIMENT = Experiment(
    name=NAME,
    question="token lifetimes: how often a login, how long a thief?",
    fault="the clock passes the end of every token; one is stolen, and its owner logs out",
    concerns=_concerns,
    run=run,
    takes_s=18,
    axis="lifetime of an access token, min",
    plots=LOGINS,
    reading=(
        "To the left users are sent to the login again and again, to the right a thief goes on for days after the "
        "logout. A refresh token gives the left end of the second curve without the left end of the first."
    ),
)
