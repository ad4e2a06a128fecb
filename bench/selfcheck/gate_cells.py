"""A gate on load cells accuses no identical code and sees a scheme that really costs 15 % more CPU.

`python -m bench.selfcheck.gate_cells --trials 30 [--out FILE]` tries as often as that, and keeps every trial as a line.
"""

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.gates.decision import corrected
from bench.gates.load import judge_cells
from bench.gates.model import MARGINS, CellGate, CellName, Judged, Tree
from bench.gates.run import ALPHA
from bench.gates.tree import Trees, candidate
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.slower import SCHEME, slow_down

SOURCES = Path(__file__).parents[2]
GATES = tuple(
    CellGate(f"{scheme}-cpu", CellName(scheme), "cpu", MARGINS["cpu"]) for scheme in (SCHEME, "redis-session")
)
SLOWER_RATIO = 0.15
BUDGET_S = 200.0
CLEAN_S = 90.0
FEW = 2


@dataclass(frozen=True, slots=True)
class Trial:
    """One gate run over both cells; `statuses` and `ratios` in the order of GATES. Slowed is the first one's scheme."""

    is_slowed: bool
    statuses: tuple[str, ...]
    ratios: tuple[float | None, ...]
    why: tuple[str, ...]
    took_s: float


def run() -> Iterator[Finding]:
    """Few of each; the figures in the documents are of many."""
    yield from judged(tuple(trials(FEW)))


def trials(count: int) -> Iterator[Trial]:
    """The same code, then code that is slower by a share of what the cell was just seen to cost, in turns."""
    base = candidate(SOURCES)
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        slowed = Tree(Path(folder), base.python, "slowed")
        for _ in range(count):
            same, found = _trial(Trees(base, base), is_slowed=False)
            yield same
            shutil.copytree(SOURCES / "services", slowed.path / "services", dirs_exist_ok=True)
            slow_down(slowed.path, SLOWER_RATIO * _base_us(found[0]))
            yield _trial(Trees(base, slowed), is_slowed=True)[0]


def judged(tried: Sequence[Trial]) -> Iterator[Finding]:
    """No failure of what is the same, the slowed scheme found each time and the other never, and soon."""
    same = [trial for trial in tried if not trial.is_slowed]
    slowed = [trial for trial in tried if trial.is_slowed]
    alarms = sum("fail" in trial.statuses for trial in same) + sum(trial.statuses[1] == "fail" for trial in slowed)
    unsure = sum("inconclusive" in trial.statuses for trial in tried)
    found = sum(trial.statuses[0] == "fail" for trial in slowed)
    clean_s = median(trial.took_s for trial in same)
    figure = f"{alarms} false alarms in {len(tried)} runs of two cells, {unsure} inconclusive"
    yield Finding(figure, "no alarm", alarms == 0)
    figure = f"a scheme that costs {SLOWER_RATIO:.0%} more found {found} of {len(slowed)} times"
    yield Finding(figure, "each time", found == len(slowed))
    yield Finding(f"two cells take {clean_s:.0f} s (median)", f"<= {CLEAN_S:g} s", clean_s <= CLEAN_S)


def _trial(trees: Trees, *, is_slowed: bool) -> tuple[Trial, tuple[Judged, ...]]:
    start_s = time.monotonic()
    found, _ = judge_cells(
        GATES, trees, corrected(ALPHA, len(GATES)), lambda: start_s + BUDGET_S - time.monotonic(), lambda _: None
    )
    trial = Trial(
        is_slowed,
        tuple(one.status for one in found),
        tuple(one.ratio.value if one.ratio else None for one in found),
        tuple(one.why for one in found),
        round(time.monotonic() - start_s, 1),
    )
    return trial, found


def _base_us(found: Judged) -> float:
    """What a request cost the base, median over all rounds that are believed."""
    costs = [cost for block in found.raw["blocks"] for cost in block["costs"]["base"] if cost is not None]
    return float(median(costs))


CHECK = Selfcheck("gate_cells", "a gate on load cells accuses nobody and sees 15 % more CPU", "6 min", run)

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=CHECK.claim)
    parser.add_argument("--trials", type=int, default=FEW, metavar="N", help="of the same code, and as many of slower")
    parser.add_argument("--out", type=Path, default=Path("/dev/stdout"), metavar="FILE", help="a line for each trial")
    chosen = parser.parse_args()
    tried = list[Trial]()
    with chosen.out.open("a", encoding="utf-8") as file:
        for trial in trials(chosen.trials):
            tried.append(trial)
            print(json.dumps(asdict(trial)), file=file, flush=True)
    for finding in judged(tried):
        print("holds" if finding.holds else "FAILS", finding.figure, f"({finding.bar})", sep="  ")
