"""Hours of load change nothing in the generator: its memory stays flat, and its schedule keeps to the clock.

`authbench selfcheck soak` takes twenty minutes and extrapolates; `python -m bench.selfcheck.soak 240` takes four hours.
"""

import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import rig
from loadtests.orders import Loaded
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample

RATE_RPS = 300
MINUTES = 20
VISITORS = 300
WARM_RATIO = 0.5
"""Half of a short soak, and at most ten minutes of a long one, may still grow."""
WARM_MAX_S = 600
WHOLE_S = 4 * 3600
GROWTH_BAR_MB = 5.0
DRIFT_BAR_MS = 0.1
LOOK_S = 1.0
PAGE_BYTES = 4096

Memory = Sequence[tuple[float, int]]
"""Seconds since the beginning, and resident bytes."""


def run(minutes: int = MINUTES) -> Iterator[Finding]:
    """Browse for `minutes`, cookies and logins included, and watch."""
    arm = ArmPlan("soak", "memory-session", "cookie", 1, "roundrobin", "browse", VISITORS)
    with rig(arm, SlicePlan("latency", RATE_RPS, 60 * minutes, pinned=False)) as started:
        with _watched(started.generator.process.pid) as memory:
            loaded = started.generator.load(0)
        samples = started.generator.samples(0, arm.id)
    yield _growth(memory, 60 * minutes)
    yield from _drift(samples)
    yield _whole(loaded, samples)


@contextmanager
def _watched(pid: int) -> Iterator[list[tuple[float, int]]]:
    """The resident memory of a process, looked at every second meanwhile."""
    memory: list[tuple[float, int]] = []
    over = threading.Event()
    began_s = time.monotonic()

    def watch() -> None:
        while not over.wait(LOOK_S):
            memory.append((time.monotonic() - began_s, _resident_bytes(pid)))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield memory
    finally:
        over.set()
        watcher.join()


def _resident_bytes(pid: int) -> int:
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:  # noqa: PTH123 - once a second, as cheap as can be
        return int(file.read().split()[1]) * PAGE_BYTES


def _growth(memory: Memory, seconds: float) -> Finding:
    """A straight line through what came after the warm-up, drawn on to four hours where fewer were measured."""
    warm_s = min(WARM_RATIO * seconds, WARM_MAX_S)
    warm = [(at_s, resident) for at_s, resident in memory if at_s >= warm_s and at_s <= seconds]
    times_s, resident_mb = np.array([at for at, _ in warm]), np.array([resident / 1e6 for _, resident in warm])
    slope_mb_per_s = float(np.polyfit(times_s, resident_mb, 1)[0])
    grown_mb = slope_mb_per_s * (WHOLE_S - WARM_MAX_S)
    figure = (
        f"resident {resident_mb[0]:.1f} MB at {warm_s:.0f} s, {resident_mb[-1]:.1f} MB at {times_s[-1]:.0f} s: "
        f"{3600 * slope_mb_per_s:+.2f} MB an hour, {grown_mb:+.2f} MB in four hours after ten minutes"
    )
    return Finding(figure, f"<= {GROWTH_BAR_MB:g} MB", grown_mb <= GROWTH_BAR_MB)


def _drift(samples: Sequence[Sample]) -> Iterator[Finding]:
    """Lateness of the first and the last tenth: a schedule that loses the clock is later and later."""
    late_ms = np.array([sample.sent_ns - sample.intended_ns for sample in samples if _is_first(sample)]) / 1e6
    tenth = len(late_ms) // 10
    first, last = (float(np.median(part)) for part in (late_ms[:tenth], late_ms[-tenth:]))
    figure = f"median lateness {first:.4f} ms in the first tenth, {last:.4f} ms in the last: {last - first:+.4f} ms"
    yield Finding(figure, f"apart by {DRIFT_BAR_MS:g} ms at most", abs(last - first) <= DRIFT_BAR_MS)
    early = int((late_ms < 0).sum())
    yield Finding(f"{early} of {len(late_ms)} requests sent before their time", "none", early == 0)


def _is_first(sample: Sample) -> bool:
    """A login follows a logout of the same visitor, when that is done: it has no time of its own."""
    return sample.step != "login"


def _whole(loaded: Loaded, samples: Sequence[Sample]) -> Finding:
    failed = sum(not 200 <= sample.status < 300 for sample in samples)
    figure = (
        f"{loaded.scheduled[0]} scheduled, {loaded.sent[0]} sent, {len(samples)} recorded, {failed} failed; "
        f"worst wake-up {loaded.loop_lag_ns / 1e6:.2f} ms late"
    )
    logins = sum(not _is_first(sample) for sample in samples)
    holds = loaded.scheduled[0] + logins == loaded.sent[0] == len(samples) and not failed
    return Finding(figure, "every arrival sent, every request recorded, none failed", holds)


CHECK = Selfcheck("soak", "hours of load leave the generator's memory flat and its schedule true", "20 min", run)

if __name__ == "__main__":
    for finding in run(int(sys.argv[1])):
        print("holds" if finding.holds else "FAILS", finding.figure, f"({finding.bar})", sep="  ")
