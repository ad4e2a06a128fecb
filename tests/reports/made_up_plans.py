"""Constants as runs leave them, of schemes that lack one thing or another, and the plans they make."""

from collections.abc import Mapping

from bench.analysis.capacity.demand import Demand
from bench.analysis.capacity.model import Constant, MaxRateConstant, SchemeConstants, Step, StepCost
from bench.analysis.capacity.sizing import Curve, SchemePlan, curve, plan
from reports.plan_words import PlanFacts
from services.catalogue import SCHEMES
from services.contract import Store

DEMAND = Demand(
    users=10e6,
    active_ratio=0.05,
    requests_per_minute=6,
    write_ratio=0.1,
    access_ttl_s=1800,
    refresh_ttl_s=14 * 86_400,
    session_ttl_s=43_200,
    slo_p99_ms=50,
    store_rtt_ms=0.5,
    replica_cores=2,
)
FACTS = PlanFacts(
    demand=DEMAND,
    runs=("20261123-1633-1c2d", "20261123-1700-9f0e"),
    command="authbench plan --users 10M",
    environment={"machine": {"cpu": "AMD EPYC <Rome>", "cores": 2}},
)
CPU_US: Mapping[Step, float] = {"read": 500.0, "write": 550.0, "relogin": 2400.0, "refresh": 1500.0}


def cost(scheme: str, step: Step, operations: Mapping[Store, float]) -> StepCost:
    """One step, measured near saturation."""
    source = f"run 20261123-1633-1c2d, highest rate of {scheme}-{step}, 800/s"
    cpu_us = {"replicas": CPU_US[step], "haproxy": 110.0}
    cpu_us.update({str(store): 40.0 * count for store, count in operations.items()})
    return StepCost(
        cpu_us={name: Constant(value, source) for name, value in cpu_us.items()},
        operations={store: Constant(count, source) for store, count in operations.items()},
        bytes_up=Constant(280.0, source),
        bytes_down=Constant(310.0, source),
        rate_rps=800.0,
    )


def constants(scheme: str, store: Store | None, steps: tuple[Step, ...], *, is_whole: bool = True) -> SchemeConstants:
    """Everything that can be measured about a scheme or, if it is not whole, costs alone."""
    traits = SCHEMES[scheme].traits
    operations: dict[Store, float] = {store: 1.0} if store in {"redis", "postgres"} and store else {}
    source = f"run 20261123-1633-1c2d, highest rate of {scheme}, 800/s"
    rate = MaxRateConstant(Constant(800.0, source), 50.0, 1, 1, {"read": 1.0})
    return SchemeConstants(
        scheme=scheme,
        carrier=traits.default_carrier,
        stores=traits.stores,
        needs_affinity=traits.needs_affinity,
        can_renew=traits.can_renew,
        revoked_within_s={event: bound.seconds for event, bound in traits.revoked_within.items()},
        steps={step: cost(scheme, step, operations) for step in steps},
        max_rate=rate if is_whole else None,
        session_bytes={store: Constant(344.0, "run 20261123-1700-9f0e, experiment session-memory")} if store else {},
        password_hash_ms=Constant(28.0, "run 20261123-1700-9f0e, password verify, owasp") if is_whole else None,
    )


def all_of_them() -> dict[str, SchemeConstants]:
    """A session in each store, a token, a hybrid without its refresh, and one of which a read alone is known."""
    whole: tuple[Step, ...] = ("read", "write", "relogin")
    found = (
        constants("memory-session", "memory", whole),
        constants("redis-session", "redis", whole),
        constants("jwt-hs256", None, whole),
        constants("refresh-token", None, (*whole, "refresh")),
        constants("jwt-rs256", None, ("read",), is_whole=False),
        constants("postgres-session", "postgres", ("read",), is_whole=False),
    )
    return {one.scheme: one for one in found}


def plans(known: Mapping[str, SchemeConstants], demand: Demand = DEMAND) -> tuple[SchemePlan, ...]:
    """Of each scheme."""
    return tuple(plan(one, demand) for one in known.values())


def curves(known: Mapping[str, SchemeConstants]) -> tuple[Curve, ...]:
    """A thousand users to a milliard."""
    return tuple(curve(one, DEMAND, (1e3, 1e5, 1e7, 1e9)) for one in known.values())
