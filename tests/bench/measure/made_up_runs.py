"""Run directories as a plan reads them, of services whose costs and highest rates are known."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.analysis import serial
from bench.analysis.ladder import LADDER
from bench.analysis.model import Verdict
from bench.analysis.summary import summarise
from bench.consequences import serial as serial_outcomes
from bench.consequences.model import Figure, Outcome
from bench.consequences.session_memory import NAME, PER_SESSION
from bench.measure import environment
from bench.measure.environment import Environment
from bench.measure.rate_search import Choices, Search, plan_search
from bench.measure.rundir import CONSEQUENCES, RUN, RunDirectory, create_at
from loadtests.journeys import FIRST_REQUEST, MIXES
from loadtests.plan import ArmPlan, CellPlan, Journey
from loadtests.record import Counts, Footer, Header, Record, Resource, Sample, StepName
from services.catalogue import SCHEMES

HERE = replace(environment.describe({"valkey": "9.0"}), cores=2)
NS_PER_US, NS_PER_MS = 1_000, 1_000_000
FOLLOWERS: Mapping[StepName, StepName] = {"logout": "login"}
CPU_US: Mapping[StepName, float] = {"read": 500.0, "write": 600.0, "logout": 400.0, "login": 1600.0, "refresh": 900.0}
"""What a request of a scheme costs its replicas; HAProxy takes 100 more."""
LIMIT = 40
"""The last rung that meets the SLO."""


def samples(steps: Sequence[StepName], service_ms: float) -> tuple[Sample, ...]:
    """One arrival a millisecond, and whatever follows it at once."""
    found = []
    for number, step in enumerate(steps):
        begin_ns = number * NS_PER_MS
        end_ns = begin_ns + round(service_ms * NS_PER_MS)
        found.append(_served(number, step, begin_ns, end_ns))
        if follower := FOLLOWERS.get(step):
            found.append(_served(number, follower, end_ns, end_ns + NS_PER_MS))
    return tuple(found)


def _served(number: int, step: StepName, begin_ns: int, end_ns: int) -> Sample:
    return Sample(number % 7, step, begin_ns, begin_ns, end_ns, 200, "", "r1", True, 200, 300)  # noqa: FBT003 - a sample


def record(cell: CellPlan, process_set: int, service_ms: float, arrivals: int = 100) -> Record:
    """A cell in which every request was served, and every one cost what CPU_US says."""
    begun = [FIRST_REQUEST[step] for step, weight in MIXES[cell.journey].items() for _ in range(weight)]
    sent = samples([begun[number % len(begun)] for number in range(arrivals)], service_ms)
    spent_ns = round(sum(CPU_US[sample.step] for sample in sent) * NS_PER_US)
    clocks = (("replicas/1", spent_ns), ("haproxy/1", 100 * NS_PER_US * len(sent)))
    counts = Counts(arrivals, len(sent), len(sent), len(sent))
    return Record(
        Header(cell, process_set, (cell.arm,), {}),
        sent,
        tuple(Resource(at, name, at * spent, 0) for name, spent in clocks for at in (0, 1)),
        footer=Footer(
            counts, "VALID", (), disturbed=False, idle_cpu_ns_per_s={},
            store_commands={"redis": {"getex": len(sent)}} if cell.scheme == "redis-session" else {},
            generator_cpu_ratio=0.3, loop_lag_ns=1,
        ),
    )  # fmt: skip


def searched(
    path: Path, choices: Choices, limits: Mapping[str, int] | None = None, arms: Sequence[ArmPlan] = ()
) -> RunDirectory:
    """A search of the highest rates, to its end; `limits`: the last rung that meets the SLO, by arm. All, or `arms`."""
    planned = tuple(arms) or plan_search(choices, SCHEMES)
    run = Search(create_at(path), choices, SCHEMES, planned, "again", HERE, sets=2)
    for process_set in range(run.sets + 1):
        for arm in run.order(process_set):
            limit = (limits or {}).get(arm.id, LIMIT)
            while (rung := run.next_rung(arm, process_set)) is not None:
                plan = run.block(arm, process_set)
                (cell,) = plan.cells(plan.slices[rung])
                run.keep(record(cell, process_set, 5.0 if rung <= limit else 500.0))
    run.status = "complete"
    run.describe()
    return run.directory


def compared(path: Path, arms: Sequence[ArmPlan], *, with_summary: bool = True) -> RunDirectory:
    """A run of CPU cells at 30 and 60 requests/s, two blocks."""
    directory = create_at(path)
    records = []
    for block in range(2):
        for arm in arms:
            for rate_rps in (30.0, 60.0):
                cell = CellPlan(
                    arm.id, arm.scheme, arm.carrier, arm.replicas, arm.balancing, arm.journey, arm.visitors, "cpu",
                    rate_rps, 10, pinned=True,
                )  # fmt: skip
                records.append(record(cell, block, 5.0))
                directory.keep(block, cell, records[-1])
    told: dict[str, Any] = {
        "status": "complete", "started_at": "2026-11-23T10:00:00+00:00", "took_s": 1.0, "command": "", "choices": {},
        "password_profile": "harness", "needs_affinity": ["memory-session"], "blocks_done": 2, "blocks": [],
        "proofs": [], "environment": environment.to_jsonable(HERE),
    }  # fmt: skip
    summary = {"summary": serial.to_jsonable(summarise(records, ["memory-session"]))} if with_summary else {}
    directory.describe({**told, **summary}, RUN)
    return directory


def arm(scheme: str, replicas: int = 1, journey: Journey = "steady") -> ArmPlan:
    """One arm as a run plans it."""
    carrier = SCHEMES[scheme].traits.default_carrier
    suffix = "" if journey == "steady" else f"-{journey}"
    return ArmPlan(f"{scheme}-{carrier}-{replicas}{suffix}", scheme, carrier, replicas, "roundrobin", journey, 24)


def weighed(path: Path, here: Environment = HERE) -> RunDirectory:
    """Experiments that found what a session takes."""
    directory = create_at(path)
    outcomes = [
        Outcome(NAME, "redis-session", f"{count:,} sessions", "", figures, Verdict("VALID"), at=float(count))
        for count, figures in (
            (100, ()),
            (10_000, (Figure(PER_SESSION, 400.0, "B"),)),
            (100_000, (Figure(PER_SESSION, 350.0, "B"),)),
        )
    ]
    told = {
        "status": "complete", "started_at": "2026-11-23T11:00:00+00:00", "took_s": 1.0, "command": "", "choices": {},
        "password_profile": "harness", "environment": environment.to_jsonable(here),
        "experiments": [
            {"name": "redeploy", "outcomes": []}, {"name": NAME, "outcomes": serial_outcomes.to_jsonable(outcomes)}
        ],
    }  # fmt: skip
    directory.describe(told, CONSEQUENCES)
    return directory


def rewritten(directory: RunDirectory, file: str, values: Mapping[str, Any]) -> None:
    """Put other values into a document."""
    path = directory.path / file
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), **values}), encoding="utf-8")


RATE_RPS = LADDER[LIMIT]
