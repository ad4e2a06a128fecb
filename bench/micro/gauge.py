"""Measures one case: tight loops by pytest-benchmark, a paced spell after each, then turns with its floors."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING

from bench.micro.case import Bare, Case, Given
from bench.micro.document import Beside
from bench.micro.effort import Effort
from bench.micro.figures import Floor
from bench.micro.pacing import PACE_S, Pacer, Spell
from bench.micro.pairing import Rounds, paired
from bench.micro.trimming import trimmed_mean

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

PROBES = 4
NS_PER_US = 1000
US_PER_S = 1_000_000
WARM_MAX = 8
FLOOR_TURNS_MIN = 6
MAKING = 20
"""A loop gets shorter where what it is called with takes so many times as long to make."""
POOL_TURNS = 2
"""Credentials that are good for many calls come back after so many turns."""


@dataclass(frozen=True, slots=True)
class Portions:
    """How many calls a turn has: in its tight loop, at a pace, and to be warm again for the next loop.

    `floor_turns`: how often a call and its floor take turns, each of `calls`.
    """

    calls: int
    paced: int
    warm: int
    floor_turns: int

    @property
    def turn(self) -> int:
        """All of them."""
        return self.calls + self.paced + self.warm

    def needed(self, turns: int) -> int:
        """Calls of `turns` turns, of one to warm up, and of the single call pytest-benchmark makes at the end."""
        return (turns + 1) * self.turn + 1


def portions(effort: Effort, call_us: float) -> Portions:
    """What `effort` has time for, when a call takes `call_us` by the wall clock."""
    calls = _within(effort.turn_us / call_us, effort.calls_max)
    pause_us = PACE_S * US_PER_S
    paced = _within(2 * effort.paced_calls * pause_us / (call_us + pause_us), effort.paced_calls)
    floor_turns = _within(effort.floor_turns * effort.turn_us / (calls * call_us), effort.floor_turns)
    return Portions(calls, paced, min(WARM_MAX, calls // 4), max(FLOOR_TURNS_MIN, floor_turns))


@dataclass(frozen=True, slots=True)
class Gauge:
    """Measures cases for `effort`, and says in `told` which one it is at."""

    effort: Effort
    pacer: Pacer
    told: Path

    def measure(self, case: Case, benchmark: "BenchmarkFixture") -> None:
        """Everything that a Figure of `case` says, in pytest-benchmark's own record of `benchmark`."""
        self.told.write_text(f"{case.group}: {case.subject} {case.case}", encoding="utf-8")
        portion = portions(self.effort, _probed_us(case))
        benchmark.group = case.group
        spells = self._turns(case, portion, benchmark)
        floors = [self._floor(case, bare, portion) for bare in case.bares]
        beside = Beside(
            case.group,
            case.subject,
            case.case,
            trimmed_mean([spell.cold_us for spell in spells]),
            trimmed_mean([spell.wall_us for spell in spells]),
            max(0.0, mean(spell.server_us for spell in spells)) if case.servers else None,
            tuple(floors),
        )
        benchmark.extra_info.update(beside.as_info())

    def _turns(self, case: Case, portion: Portions, benchmark: "BenchmarkFixture") -> list[Spell]:
        """The spells of all turns; the loops are in `benchmark`. A loop before the first one warms up."""
        turns, spells = self.effort.turns, list[Spell]()
        # drawing from a map costs a tight loop less than any function of ours around the call
        step = map(case.call, self._givens(case, portion, portion.needed(turns))).__next__

        def slow_down() -> None:
            if len(spells) < turns:  # it is called once more after the last one
                spells.append(self.pacer.spell(step, portion.paced, case.servers))
                for _ in range(portion.warm):
                    step()

        for _ in range(portion.calls):
            step()
        pedantic: Callable[..., object] = benchmark.pedantic
        pedantic(step, rounds=turns, iterations=portion.calls, teardown=slow_down)
        return spells

    def _floor(self, case: Case, bare: Bare, portion: Portions) -> Floor:
        rounds = Rounds(portion.floor_turns, portion.calls)
        found = paired(case.call, bare, self._givens(case, portion, rounds.needed), rounds)
        return Floor(bare.kind, bare.name, found.floor_us, found.ratio)

    def _givens(self, case: Case, portion: Portions, needed: int) -> Iterator[Given]:
        """`needed` of them at least; no two of a loop, or of two loops in turns, are alike."""
        if case.is_spent:
            return iter(case.supply(needed))
        return cycle(case.supply(min(needed, POOL_TURNS * portion.turn)))


def _probed_us(case: Case) -> float:
    """What a call takes by the wall clock, its first one apart; and for a spent one, a share of what it is made for."""
    begun_ns = time.perf_counter_ns()
    givens = case.supply(PROBES)
    making_us = (time.perf_counter_ns() - begun_ns) / PROBES / NS_PER_US
    return min(_taken_us(case, given) for given in givens[1:]) + (making_us / MAKING if case.is_spent else 0.0)


def _taken_us(case: Case, given: Given) -> float:
    begun_ns = time.perf_counter_ns()
    case.call(given)
    return (time.perf_counter_ns() - begun_ns) / NS_PER_US


def _within(number: float, most: int) -> int:
    return max(1, min(most, int(number)))
