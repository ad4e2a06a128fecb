"""What microbenchmarks come to in words: signature against lookup, who asks a store, how cold differs from hot."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.comparison import LEAST_LOG_RATIO
from bench.analysis.diff import clears, quotient
from bench.analysis.model import Estimate
from bench.micro.figures import Figure, FloorKind
from reports import format as figures
from reports.words import NOT_SHOWN

VERIFY, GLANCE = "verify", "verify, valid"
TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class MicroFacts:
    """Everything told beside the figures; plain values.

    `started_at` is ISO 8601 with its zone; `command` repeats the run when pasted into a shell; `took_s` is wall time.
    `notes` are sentences a reader must not miss.
    """

    run_id: str
    started_at: str
    took_s: float
    command: str
    profile: str
    environment: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """What people ask: how much more `dearer` takes than `cheaper`, each named by what it does."""

    what: str
    cheaper: str
    dearer: str


LEAD = Question("looking a session up in Redis instead of checking a signature (HS256)", "jwt-hs256", "redis-session")
QUESTIONS = (
    Question("checking RS256 instead of HS256", "jwt-hs256", "jwt-rs256"),
    Question("looking a session up in PostgreSQL instead of Redis", "redis-session", "postgres-session"),
    Question("asking Redis whether a token is denied", "jwt-hs256", "jwt-denylist"),
)


def at_a_glance(found: Sequence[Figure]) -> tuple[Figure, ...]:
    """`verify` of a valid credential by every scheme, from the cheapest when it is cold."""
    asked = (one for one in found if _title(one, found) == GLANCE)
    return tuple(sorted(asked, key=lambda one: (one.cold_us.value, one.subject)))


def others(found: Sequence[Figure]) -> dict[str, tuple[Figure, ...]]:
    """Everything else under what it is, in the order of the suites."""
    titled = [(_title(one, found), one) for one in found]
    titles = dict.fromkeys(title for title, _ in titled if title != GLANCE)
    return {title: tuple(one for other, one in titled if other == title) for title in titles}


def labels(members: Sequence[Figure]) -> tuple[str, ...]:
    """The subjects, and where they differ in it, what was asked of each."""
    has_cases = len({one.case for one in members}) > 1
    return tuple(f"{one.subject}, {one.case}" if has_cases else one.subject for one in members)


def _title(one: Figure, found: Sequence[Figure]) -> str:
    """The cases of `verify` are tables of their own; so is a group with one case."""
    cases = {other.case for other in found if other.group == one.group}
    return ", ".join(filter(None, (one.group, one.case))) if one.group == VERIFY or len(cases) == 1 else one.group


def called(group: str, subject: str, case: str) -> str:
    """A call by all its names."""
    return f"{group} {subject}, {case}" if case else f"{group} {subject}"


def verdict(found: Sequence[Figure]) -> str:
    """Signature against lookup, or what else there is to say first."""
    glanced = at_a_glance(found)
    told = _answer(LEAD, glanced)
    if told:
        return f"On this machine, in CPU time of the service, {told}."
    return " ".join(_ranges(glanced)) or "No verify of a valid credential was measured to its end."


def sentences(found: Sequence[Figure]) -> tuple[str, ...]:
    """What else the figures say of `verify`."""
    glanced = at_a_glance(found)
    answers = (_answer(question, glanced) for question in QUESTIONS)
    ranges = _ranges(glanced) if _answer(LEAD, glanced) else ()
    return (
        *ranges,
        *(f"{answer[:1].upper()}{answer[1:]}." for answer in answers if answer),
        *_hot_and_cold(glanced),
        *_floors(glanced),
    )


def floor_ratio(one: Figure, kind: FloorKind) -> Estimate | None:
    """The call over its floor of that kind, None where it has none."""
    return next((floor.ratio for floor in one.floors if floor.kind == kind), None)


def _answer(question: Question, glanced: Sequence[Figure]) -> str:
    """`...: 2.51 times (2.4-2.6), 209 us (205-213) against 83.4 us (82-85)`; "" where either was not measured."""
    by_name = {one.subject: one.cold_us for one in glanced if one.cold_us.value > 0}
    if question.cheaper not in by_name or question.dearer not in by_name:
        return ""
    low, high = by_name[question.cheaper], by_name[question.dearer]
    ratio = quotient(low, high)
    sides = f"{figures.interval(high, 'µs')} against {figures.interval(low, 'µs')}"
    if not clears(ratio, LEAST_LOG_RATIO):
        return f"{question.what}: {NOT_SHOWN}, {sides}"
    return f"{question.what} takes {times(ratio)} as long: {sides}"


def times(ratio: Estimate) -> str:
    """`2.51 times (2.40-2.62)`."""
    interval = f" ({figures.ends(ratio)})" if figures.has_interval(ratio) else " (no interval)"
    return f"{figures.number(ratio.value)}{figures.SPACE}times{interval}"


def _ranges(glanced: Sequence[Figure]) -> tuple[str, ...]:
    """Who asks a store is known by that the store's process worked for it; the control asks nobody for nothing."""
    nobody = [one for one in glanced if one.server_us is None and one.floors]
    store = [one for one in glanced if one.server_us is not None]
    told = (("nobody is asked", nobody), ("a store is asked", store))
    return tuple(f"Where {where}, verify takes {_range(members)}." for where, members in told if members)


def _range(members: Sequence[Figure]) -> str:
    first, last = members[0], members[-1]
    cheapest = f"{figures.interval(first.cold_us, 'µs')} in {first.subject}"
    return cheapest if first is last else f"{cheapest} to {figures.interval(last.cold_us, 'µs')} in {last.subject}"


def _hot_and_cold(glanced: Sequence[Figure]) -> Iterator[str]:
    ratios = sorted((one.cold_to_hot_ratio, one.subject) for one in glanced if one.hot_us.value > 0)
    if ratios:
        (least, calmest), (most, touchiest) = ratios[0], ratios[-1]
        yield (
            f"A call that comes now and then costs {figures.number(least)} ({calmest}) to {figures.number(most)} "
            f"({touchiest}) times what it costs in a tight loop."
        )


def _floors(glanced: Sequence[Figure]) -> Iterator[str]:
    ratios = [(ratio, one.subject) for one in glanced if (ratio := floor_ratio(one, "library"))]
    if ratios:
        most, subject = max(ratios, key=lambda pair: pair[0].value)
        yield f"Above the bare library call verify adds most in {subject}: {times(most)} its floor."
