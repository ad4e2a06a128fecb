"""Outcomes of a search as it would hand them over, with everything in them that can go wrong."""

import math

from bench.analysis.ladder import GENERATOR_LIMITED, LADDER, START, Probe, next_to_search, next_to_verify
from bench.analysis.max_rate import MaxRate, conclude
from bench.analysis.model import Verdict
from loadtests.plan import ArmPlan, Balancing
from reports.max_rate_words import MaxRateFacts

SLO_MS = 20.0
GOOD = Verdict("VALID")
STARVED = Verdict(
    "INVALID", (f"{GENERATOR_LIMITED} at 1,205 requests/s: the load generator used 93 % of a core; add cores",)
)
DISTURBED = Verdict("INVALID", ("other programs used 41 % of the machine; stop them and run it again",), disturbed=True)
FACTS = MaxRateFacts(
    run_id="20261123-1633-1c2d",
    started_at="2026-11-23T16:33:12+00:00",
    took_s=781.0,
    command="authbench run --max-rate --slo-p99 20ms --seed 5",
    profile="quick",
    seed=5,
    slo_ms=SLO_MS,
    sets=5,
    workers=1,
    environment={"machine": {"cpu": "AMD EPYC <Rome>", "cores": 2}},
    password_profile="Argon2id below the OWASP floor",
    balancing={"roundrobin": "requests are dealt to the replicas in turn"},
    checks={"none-bearer-1": 12},
    notes=("This run is interrupted: 4 of 5 verifying rounds were measured to their end.",),
)


def arm(scheme: str, replicas: int = 1, balancing: Balancing = "roundrobin", carrier: str = "cookie") -> ArmPlan:
    """One arm as a search plans it."""
    name = f"{scheme}-{carrier}-{replicas}-{balancing}"
    return ArmPlan(name, scheme, carrier, replicas, balancing, "steady", 200)  # type: ignore[arg-type]


def probe(process_set: int, rung: int, p99_ms: float, verdict: Verdict = GOOD, refused: int = 0) -> Probe:
    """What one rate has shown."""
    return Probe(
        process_set=process_set,
        rung=rung,
        seconds=6,
        scheduled=int(6 * LADDER[rung]),
        succeeded=int(6 * LADDER[rung]) - refused,
        refused=refused,
        p99_ms=p99_ms,
        meets=p99_ms <= SLO_MS,
        generator_cpu_ratio=None if rung == START else 0.3,
        verdict=verdict,
    )


def queue_ms(rung: int, capacity_rps: float) -> float:
    """p99 of an M/M/1 queue, as slow as a slice lets it become."""
    spare_rps = capacity_rps - LADDER[rung]
    return min(3000.0, 1000 * math.log(100) / spare_rps) if spare_rps > 0 else 3000.0


def verified(plan: ArmPlan, capacity_rps: float, *, verdict: Verdict = GOOD) -> MaxRate:
    """An arm that was searched and verified by five sets of which each is a little slower."""
    probes: list[Probe] = []
    while (rung := next_to_search(probes)) is not None:
        probes.append(probe(0, rung, queue_ms(rung, capacity_rps)))
    start = max(one.rung for one in probes if one.meets)
    for number in range(1, 6):
        walk: list[Probe] = []
        while (rung := next_to_verify(walk, start)) is not None:
            walk.append(probe(number, rung, queue_ms(rung, capacity_rps * (1 - 0.02 * number)), verdict))
        probes += walk
    return conclude(plan, probes)


def refused(plan: ArmPlan) -> MaxRate:
    """An arm of which half the requests are refused at every rate."""
    probes = [probe(0, rung, math.inf, refused=int(3 * LADDER[rung])) for rung in (START, 0)]
    return conclude(plan, probes)


def failing(plan: ArmPlan) -> MaxRate:
    """An arm whose lowest rate is slow."""
    return conclude(plan, [probe(0, START, 90.0), probe(0, 0, 45.0)])


def broken(plan: ArmPlan, verdict: Verdict, *, met: bool = True) -> MaxRate:
    """An arm whose search ended in something that is not the service's."""
    first = [probe(0, START, 5.0)] if met else []
    return conclude(plan, [*first, probe(0, START + 14, 90.0, verdict)])


def all_of_them() -> tuple[MaxRate, ...]:
    """Two replica counts, a plugin's scheme, two carriers, one of each thing that goes wrong."""
    return (
        verified(arm("none", carrier="bearer"), 1500),
        verified(arm("redis-session"), 900),
        verified(arm("redis-session", carrier="bearer"), 880),
        verified(arm("jwt-hs256", carrier="bearer"), 1200),
        verified(arm("paseto-v4", carrier="bearer"), 1100, verdict=Verdict("UNPROVEN", ("layer 4",))),
        broken(arm("jwt-rs256", carrier="bearer"), STARVED),
        broken(arm("refresh-token", carrier="bearer"), DISTURBED, met=False),
        verified(arm("none", 2, carrier="bearer"), 1500),
        verified(arm("memory-session", 2, "sticky"), 1000),
        refused(arm("memory-session", 2)),
        failing(arm("postgres-session", 2)),
    )
