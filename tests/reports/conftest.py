"""A run as `bench.analysis` would hand it over, and findings of every experiment, with all that can go wrong."""

import math
from random import Random
from typing import Literal

import pytest

from bench.analysis.intervals import minimum_samples
from bench.analysis.latency import SPECTRUM
from bench.analysis.model import (
    CellSummary,
    Comparison,
    Control,
    Estimate,
    Refusals,
    Summary,
    Verdict,
)
from loadtests.plan import ArmPlan, CellPlan, SlicePlan, cell
from reports.facts import ArmProof, RunFacts
from reports.findings import ConsequenceFacts, Findings
from tests.reports import made_up

COSTS_US = {
    "none": 437.0,
    "memory-session": 447.0,
    "redis-session": 669.0,
    "jwt-hs256": 561.0,
    "jwt-rs256": 612.0,
    "refresh-token": 567.0,
    "paseto-v4": 640.0,
}
ARMS = (
    *((scheme, replicas, "") for replicas in (1, 2) for scheme in list(COSTS_US)[:6]),
    ("redis-session", 1, "-again"),
    ("paseto-v4", 1, ""),
)
SLICES = (SlicePlan("cpu", 40, 20, pinned=True), SlicePlan("latency", 40, 15, pinned=False))
INVALID_ID = "refresh-token-bearer-2.cpu-40"
INVALID_REASON = (
    "block 3: 12 of 3,200 samples are missing; expected every sample sent to arrive; rerun with fewer workers"
)
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}


def arm(scheme: str, replicas: int, again: str) -> ArmPlan:
    """One arm as the quick profile plans it."""
    carrier: Literal["cookie", "bearer"] = "cookie" if "session" in scheme else "bearer"
    name = f"{scheme}-{carrier}-{replicas}{again}"
    return ArmPlan(name, scheme, carrier, replicas, "roundrobin", "steady", 60)


def around(value: float, half: float) -> Estimate:
    """A figure with a symmetrical interval."""
    return Estimate(value, value - half, value + half)


def cell_summary(plan: CellPlan, random: Random) -> CellSummary:
    """One believable cell."""
    is_refused = plan.scheme == "memory-session" and plan.replicas > 1
    is_invalid = plan.id == INVALID_ID
    requests = plan.seconds * 40 * 4
    cost = COSTS_US[plan.scheme] * (1.06 if plan.replicas > 1 else 1) + random.uniform(-4, 4)
    base_ms = cost / 420

    def response(quantile: float) -> float:
        return base_ms * (1 + 0.35 * math.pow(-math.log10(1 - quantile), 1.7))

    return CellSummary(
        id=plan.id,
        cell=plan,
        verdict=Verdict("INVALID", (INVALID_REASON,)) if is_invalid else Verdict("VALID"),
        blocks=4,
        requests=requests,
        succeeded=requests // 2 if is_refused else requests,
        cpu_us=_components(plan, cost),
        response_ms={
            name: None if name == "p99.9" else around(response(q), 0.03 * response(q) / (1 - q) ** 0.25)
            for name, q in PERCENTILES.items()
        },
        service_ms={
            name: None if name == "p99.9" else around(response(q) * 0.9, 0.03 * response(q))
            for name, q in PERCENTILES.items()
        },
        store_operations={"redis": 1.0} if plan.scheme == "redis-session" else {},
        bytes_up=312.0 if "session" in plan.scheme else 640.0,
        bytes_down=487.0,
        refusals=Refusals(
            ratio=Estimate(0.5009, 0.4836, 0.5182) if is_refused else Estimate(0.0, 0.0, 0.0012),
            predicted_ratio=0.5 if is_refused else 0.0,
            visitors=60,
            logged_out=60 if is_refused else 0,
            predicted_logged_out=59.8 if is_refused else 0.0,
        ),
        sent_ratio=0.9712 if is_invalid else 1.0,
        lateness_p99_ms=random.uniform(0.2, 0.9),
        generator_cpu_ratio=0.41,
        spectrum_ms=tuple((q, response(q)) for q in SPECTRUM if minimum_samples(q) <= requests),
    )


def _components(plan: CellPlan, cost: float) -> dict[str, Estimate]:
    redis = 68.0 if plan.scheme == "redis-session" else 0.0
    parts = {"replicas": cost - redis - 92, "haproxy": 92.0, "redis": redis, "postgres": 0.2}
    return {**{name: around(value, 4) for name, value in parts.items()}, "total": around(cost + 0.2, 9)}


def against(candidate: CellSummary, baseline: CellSummary, threshold: float) -> Comparison:
    """The comparison of two cells with a half-width of 1.8 %."""
    mine, theirs = candidate.cpu_us["total"].value, baseline.cpu_us["total"].value
    ratio = around(mine / theirs, 0.018)
    low, value, high = ((end - 1) * theirs for end in (ratio.low, ratio.value, ratio.high))
    shown = ratio.low > 1 + threshold or ratio.high < 1 - threshold
    return Comparison(candidate.id, baseline.id, ratio, Estimate(value, low, high), shown)


@pytest.fixture(scope="session")
def summary() -> Summary:
    """14 arms x 2 slices: memory sessions half refused at two replicas, one INVALID cell, one plugin scheme."""
    random = Random(7)  # noqa: S311 - a reproducible example, not a secret
    arms = [arm(*entry) for entry in ARMS]
    cells = tuple(cell_summary(cell(one, piece), random) for piece in SLICES for one in arms)
    usable = [
        one
        for one in cells
        if one.cell.purpose == "cpu" and one.verdict.status != "INVALID" and one.refusals.ratio.value == 0
    ]
    threshold = 0.021
    controls = {one.cell.replicas: one for one in usable if one.cell.scheme == "none"}
    pairs = [
        (one, other)
        for index, one in enumerate(usable)
        for other in usable[:index]
        if one.cell.replicas == other.cell.replicas
        and "none" not in {one.cell.scheme, other.cell.scheme}
        and not one.cell.arm.endswith("-again")
        and not other.cell.arm.endswith("-again")
    ]
    again = next(one for one in usable if one.cell.arm.endswith("-again"))
    original = next(one for one in usable if one.cell.arm == again.cell.arm.removesuffix("-again"))
    return Summary(
        cells=cells,
        to_control=tuple(
            against(one, controls[one.cell.replicas], threshold) for one in usable if one.cell.scheme != "none"
        ),
        to_each_other=tuple(against(one, other, threshold) for one, other in pairs),
        control=Control((original.id, again.id), Estimate(1.008, 0.987, 1.029), 0.021, differs=False),
    )


@pytest.fixture(scope="session")
def facts() -> RunFacts:
    """The circumstances of that run."""
    plans = [arm(*entry) for entry in ARMS]
    return RunFacts(
        run_id="20261123-0433-7f3a",
        started_at="2026-11-23T04:33:12+00:00",
        command="authbench run --profile quick --seed 20261123",
        profile="quick",
        seed=20261123,
        blocks=4,
        slices=SLICES,
        took_s=161.4,
        company=tuple(plan.id for plan in plans),
        password_profile="harness: Argon2id below the OWASP floor; login is not the question of these cells",
        pinning="CPU cells: servers on core 0, generator on core 1. Latency cells: nothing is pinned.",
        balancing={"roundrobin": "each request goes to the next replica in turn, whoever sent it"},
        environment={
            "machine": {"cpu": "AMD EPYC <Rome>", "cores": 2, "memory_bytes": 8_323_072_000},
            "kernel": "6.1.0-18-amd64",
            "python": "3.11.2",
            "servers": {"postgres": "18.1", "valkey": "9.1.0", "haproxy": "2.8.5"},
            "mitigations": ["spectre_v2", "meltdown"],
        },
        proofs=tuple(
            ArmProof(
                plan.id,
                plan.scheme,
                passed=(
                    "20 reads: redis get 0, getex 20, as declared",
                    "a tampered credential is 401",
                    "a revoked credential is 401 at the next request",
                ),
                failed=("a foreign-key credential was 200, expected 401",) if plan.scheme == "paseto-v4" else (),
            )
            for plan in plans
        ),
    )


@pytest.fixture(scope="session")
def findings() -> Findings:
    """What was found of everything."""
    return made_up.all_of_them()


@pytest.fixture(scope="session")
def consequence_facts() -> ConsequenceFacts:
    """The circumstances of that run."""
    return ConsequenceFacts(
        "20261123-1633-1c2d", "2026-11-23T16:33:12+00:00", 481.0, "authbench consequences --profile quick --seed 5",
        "quick", 5, {"machine": {"cpu": "AMD EPYC <Rome>", "cores": 2}}, "Argon2id below the OWASP floor",
        ("This run is interrupted: 18 of 19 experiments were measured to their end.",),
    )  # fmt: skip
