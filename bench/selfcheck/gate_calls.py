"""A gate on a call accuses no identical code and sees real slowdowns of 5 and 10 %, beside a loud neighbour, too.

`python -m bench.selfcheck.gate_calls --trials 600 --slowed 150 [--bursts] [--out FILE]` tries as often as that, and
keeps every pair of every trial, a line each.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from bench.gates.decision import corrected
from bench.gates.model import MicroGate
from bench.gates.run import ALPHA
from bench.gates.selftest import Rate, Trial, Trials, rates, run
from bench.gates.tree import candidate
from bench.selfcheck.bursts import burning
from bench.selfcheck.check import Finding, Selfcheck

SOURCES = Path(__file__).parents[2]
GATE = MicroGate("verify", "jwt-hs256", "verify", 0.03)
SLOWDOWNS = (0.05, 0.10)
FOUND: dict[float, float] = {0.05: 0.80, 0.10: 0.97}
ALARMS, ALARMS_HIGH = 0.005, 0.012
CLEAN_S, CONFIRMED_S = 6.0, 15.0
FEW = 4


def check() -> Iterator[Finding]:
    """Few of each, quietly and beside a neighbour; the figures in the documents are of many."""
    yield from quiet(rates(tuple(tries(FEW, FEW))))
    with burning():
        yield from loud(rates(tuple(tries(FEW, FEW))))


def tries(count: int, slowed: int) -> Iterator[Trial]:
    """`count` of identical code, of which the first `slowed` have trials of slower code beside them."""
    asked = Trials(GATE, corrected(ALPHA, 1), min(count, slowed), SLOWDOWNS)
    yield from run(candidate(SOURCES), asked, lambda _: None)
    yield from run(candidate(SOURCES), replace(asked, count=count - asked.count, slowdowns=(), seed=2), lambda _: None)


def quiet(found: Sequence[Rate]) -> Iterator[Finding]:
    """The rates and times that a quiet machine is held to."""
    same, *slower = found
    yield from _alarms(same)
    for rate in slower:
        least = FOUND[rate.slowdown_ratio]
        figure = f"slowed by {rate.slowdown_ratio:.0%}: {_share(rate)} found"
        yield Finding(figure, f">= {least:.0%}", rate.failed.value >= least)
    yield Finding(f"a clean gate: {same.clean_s or 0:.1f} s", f"<= {CLEAN_S:g} s", (same.clean_s or 0) <= CLEAN_S)
    confirmed_s = max(rate.confirmed_s or 0 for rate in found)
    yield Finding(f"with a confirming stage: {confirmed_s:.1f} s", f"<= {CONFIRMED_S:g} s", confirmed_s <= CONFIRMED_S)


def loud(found: Sequence[Rate]) -> Iterator[Finding]:
    """Beside a neighbour nothing may fail that is the same; how often nothing could be told stands beside it."""
    told = "; ".join(
        f"{rate.slowdown_ratio:+.0%}: {rate.failed.value:.1%} failed, {rate.inconclusive.value:.1%} inconclusive"
        for rate in found
    )
    yield Finding(f"beside a neighbour, {told}", "no failure of identical code", found[0].failed.value == 0)


def _alarms(same: Rate) -> Iterator[Finding]:
    """The upper bound says something from some hundred trials on; with fewer, no alarm at all."""
    figure = f"identical code: {_share(same)} failed, at most {same.failed.high:.2%}"
    is_many = same.trials * ALARMS_HIGH > FEW
    bar = f"<= {ALARMS:.1%}" + (f", at most {ALARMS_HIGH:.1%}" if is_many else "")
    holds = same.failed.value <= ALARMS and (not is_many or same.failed.high <= ALARMS_HIGH)
    yield Finding(figure, bar, holds)


def _share(rate: Rate) -> str:
    return f"{rate.failed.value:.1%} of {rate.trials}"


CHECK = Selfcheck("gate_calls", "a gate on a call accuses nobody and sees 5 and 10 % more work", "5 min", check)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=CHECK.claim)
    parser.add_argument("--trials", type=int, default=FEW, metavar="N", help="of identical code")
    parser.add_argument("--slowed", type=int, default=FEW, metavar="N", help="of code slowed by 5 %%, and by 10 %%")
    parser.add_argument("--bursts", action="store_true", help="beside a process on each core that burns in bursts")
    parser.add_argument("--out", type=Path, default=Path("/dev/null"), metavar="FILE", help="a line for each trial")
    chosen = parser.parse_args()
    tried = list[Trial]()
    with ExitStack() as ending:
        file = ending.enter_context(chosen.out.open("a", encoding="utf-8"))
        if chosen.bursts:
            ending.enter_context(burning())
        for trial in tries(chosen.trials, chosen.slowed):
            tried.append(trial)
            print(json.dumps(asdict(trial)), file=file, flush=True)
    for finding in (loud if chosen.bursts else quiet)(rates(tried)):
        print("holds" if finding.holds else "FAILS", finding.figure, f"({finding.bar})", sep="  ")
