"""What a live session costs its store in memory, and what becomes of users when that memory is full."""

import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from bench.consequences.apparatus import maxmemory
from bench.consequences.apparatus.filling import Filled, Filling, fill
from bench.consequences.apparatus.maxmemory import ALL_FINE, bench_settings, read_each, told
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import LOGGED_OUT
from bench.measure.cpu import rss_bytes
from bench.measure.laboratory import ArmBench
from bench.measure.proof import UNAUTHORIZED
from services.contract import Store

NAME = "session-memory"
STORE_OF: Mapping[str, Store] = {"memory-session": "memory", "redis-session": "redis", "postgres-session": "postgres"}
PER_SESSION, READ, LOAD = "store memory a session", "a read", "loading"
READS_LOST = "reads that found no session"
LOADER, HARNESS = "memory of the loading process grown", "memory of the harness grown"


@dataclass(frozen=True, slots=True)
class Sizes:
    """`control`: sessions in a store as good as empty; `sessions`: in the ones compared with it, ascending.

    At each size, `sampled` credentials are known, `reads` of them are timed at the store and `requests` of them sent to
    a replica.
    """

    control: int
    sessions: tuple[int, ...]
    sampled: int
    reads: int
    requests: int


SIZES: Mapping[Scale, Sizes] = {
    "tiny": Sizes(20, (500,), 50, 200, 5),
    "quick": Sizes(100, (10_000, 100_000), 1000, 3000, 50),
    "standard": Sizes(100, (10_000, 100_000, 1_000_000), 1000, 5000, 200),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Fill each store step by step; then fill a Redis that has a limit with the logins of real visitors."""
    sizes = SIZES[lab.scale]
    served = [name for name in schemes if STORE_OF[name] != "memory"]
    with ExitStack() as ending:
        stage = ending.enter_context(lab.stage([lab.arm(name, visitors=1) for name in served])) if served else None
        benches = {bench.plan.scheme: bench for bench in stage.benches.values()} if stage else {}
        for scheme in schemes:
            yield from _steps(lab, scheme, benches.get(scheme), sizes)
    if "redis-session" in schemes:
        yield from maxmemory.run(lab, NAME)


def _steps(lab: Lab, scheme: str, bench: ArmBench | None, sizes: Sizes) -> Iterator[Outcome]:
    """One store at every size; without `bench` a fresh process holds it each time."""
    settings = bench_settings(lab.settings, bench.arm if bench else None)
    first, empty = 0, None
    for until in (sizes.control, *sizes.sessions):
        lab.progress.stage(f"{until:,} sessions of {scheme}")
        harness_bytes = rss_bytes(os.getpid())
        filling = Filling(STORE_OF[scheme], first, until, sizes.sampled, sizes.reads, lab.seed)
        filled, known = fill(lab.supervisor, settings, filling)
        step = _Step(scheme, until, filled, empty, rss_bytes(os.getpid()) - harness_bytes)
        yield step.outcome(read_each(bench, known[: sizes.requests]) if bench else Counter())
        empty = empty or filled
        first = until if bench else 0


@dataclass(frozen=True, slots=True)
class _Step:
    """A store at one size. `empty`: the same kind as good as empty, None where this is that: the control."""

    scheme: str
    sessions: int
    filled: Filled
    empty: Filled | None
    harness_bytes: int

    @property
    def per_session_bytes(self) -> float:
        """What the store has grown by since it was as good as empty, over the sessions that have come since."""
        if self.empty is None:
            return math.nan
        if STORE_OF[self.scheme] == "memory":
            return (self.filled.bytes_after - self.filled.bytes_before) / self.sessions
        return (self.filled.bytes_after - self.empty.bytes_after) / (self.sessions - self.empty.sessions)

    def outcome(self, answers: "Counter[int]") -> Outcome:
        """`answers`: how often a replica answered a sampled credential with which status."""
        size = f"{self.per_session_bytes:,.0f} B a session, " if self.empty else ""
        return Outcome(
            experiment=NAME,
            scheme=self.scheme,
            setting=f"{self.sessions:,} sessions",
            headline=f"{size}{self.filled.read_us:.0f} µs a read",
            figures=tuple(self._figures(answers)),
            verdict=told(answers),
            at=self.sessions,
            is_control=self.empty is None,
        )

    def _figures(self, answers: "Counter[int]") -> Iterator[Figure]:
        filled = self.filled
        if self.empty:
            yield Figure(PER_SESSION, self.per_session_bytes, "B")
        yield Figure(READ, filled.read_us, "µs")
        yield Figure(LOAD, filled.load_s, "s")
        lost = filled.reads - filled.right
        yield Figure(READS_LOST, lost, "requests", of=filled.reads, predicted=0, theory=ALL_FINE, is_harm=True)
        if answers:
            out, of = answers[UNAUTHORIZED], answers.total()
            yield Figure(LOGGED_OUT, out, "users", of=of, predicted=0, theory=ALL_FINE, is_harm=True)
            yield Figure(LOADER, filled.grown_bytes, "B")
        yield Figure(HARNESS, self.harness_bytes, "B")


EXPERIMENT = Experiment(
    name=NAME,
    question="how much memory is a session, and what if it is full?",
    fault="sessions by the thousand, one a user; then a Redis whose memory is limited while visitors log in",
    concerns=lambda spec: spec.name in STORE_OF,
    run=run,
    takes_s=40,
    axis="live sessions",
    plots=READ,
    reading=(
        "A read is the store's alone, measured in one process without HTTP. Memory is what the store grew by: a "
        "process's resident memory, Redis' used_memory, and the table with its indexes in PostgreSQL, whose shared "
        "buffers (64 MB here) are taken whether it is empty or full. Loading goes through the store's own interface. "
        "At maxmemory a Redis that evicts logs users out without a word, and one that does not refuses logins (503)."
    ),
)
