"""Whether a call became dearer or cheaper between two runs of the microbenchmarks, call by call and clock by clock."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.analysis.comparison import LEAST_LOG_RATIO
from bench.analysis.diff import clears, quotient
from bench.analysis.model import CONFIDENCE, Estimate
from bench.micro.figures import Figure

Clock = Literal["hot", "cold"]


@dataclass(frozen=True, slots=True)
class CallChange:
    """One call in two runs: thread-CPU microseconds, `clock` says whether in a tight loop or paced.

    `ratio`: after / before. `shown` when its interval, which both runs widen, clears the bar either way.
    """

    group: str
    subject: str
    case: str
    clock: Clock
    before_us: Estimate
    after_us: Estimate
    ratio: Estimate
    shown: bool


def call_changes(before: Sequence[Figure], after: Sequence[Figure], bar: float) -> tuple[CallChange, ...]:
    """The calls that both runs timed, in the order of the later run; of each the hot clock, then the cold one.

    `bar`: a difference of logarithms that proves nothing, as `bar_of` finds it.
    """
    earlier = {_call(figure): figure for figure in before}
    pairs = ((earlier.get(_call(later)), later) for later in after)
    return tuple(change for first, later in pairs if first is not None for change in _changes(first, later, bar))


def bar_of(before: Sequence[Figure], after: Sequence[Figure]) -> float:
    """How far calls move between two runs without being changed: 2 %, or more where the floors tell so.

    Either run is one process, whose own chance no interval of it holds. But its floors are library calls that are none
    of ours: where the libraries are the same, 95 % of them moved by no more than this, as a difference of logarithms.
    """
    earlier, later = _floors(before), _floors(after)
    moved = sorted(abs(math.log(later[key] / earlier[key])) for key in earlier.keys() & later.keys())
    return max(LEAST_LOG_RATIO, moved[math.ceil(CONFIDENCE * len(moved)) - 1]) if moved else LEAST_LOG_RATIO


def _floors(found: Sequence[Figure]) -> dict[tuple[str, ...], float]:
    return {
        (*_call(figure), floor.kind, floor.name): floor.hot_us.value
        for figure in found
        for floor in figure.floors
        if floor.hot_us.value > 0
    }


def _call(figure: Figure) -> tuple[str, str, str]:
    return figure.group, figure.subject, figure.case


def _changes(before: Figure, after: Figure, bar: float) -> Iterator[CallChange]:
    """A time that the clock could not tell from nothing has no ratio to another."""
    sides: tuple[tuple[Clock, Estimate, Estimate], ...] = (
        ("hot", before.hot_us, after.hot_us),
        ("cold", before.cold_us, after.cold_us),
    )
    for clock, first, later in sides:
        if first.value > 0 and later.value > 0:
            ratio = quotient(first, later)
            yield CallChange(*_call(after), clock, first, later, ratio, shown=clears(ratio, bar))
