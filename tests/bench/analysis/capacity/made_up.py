"""Constants and a demand of round figures, so that every expected value can be worked out by hand."""

from dataclasses import replace

from bench.analysis.capacity.demand import Demand
from bench.analysis.capacity.model import Constant, MaxRateConstant, SchemeConstants, Step, StepCost
from services.contract import Event, Store

DAY_S = 86_400.0
DEMAND = Demand(
    users=10e6,
    active_ratio=0.05,
    requests_per_minute=6,
    write_ratio=0.1,
    access_ttl_s=1800,
    refresh_ttl_s=14 * DAY_S,
    session_ttl_s=DAY_S / 2,
    slo_p99_ms=50,
    store_rtt_ms=0.5,
    replica_cores=2,
)
AT_ONCE: dict[Event, float | None] = {"logout": 0.0, "revoke_user": 0.0, "ban": 0.0, "password_change": 0.0}
NEVER: dict[Event, float | None] = dict.fromkeys(AT_ONCE)


def step(name: Step, cpu_us: dict[str, float], operations: dict[Store, float]) -> StepCost:
    """A step whose constants name it as their source; 300 bytes up and 500 down."""
    return StepCost(
        cpu_us={component: Constant(value, f"{name} cell") for component, value in cpu_us.items()},
        operations={store: Constant(value, f"{name} cell") for store, value in operations.items()},
        bytes_up=Constant(300, f"{name} cell"),
        bytes_down=Constant(500, f"{name} cell"),
        rate_rps=1000,
    )


SESSION = SchemeConstants(
    scheme="redis-session",
    carrier="cookie",
    stores=("redis",),
    needs_affinity=False,
    can_renew=False,
    revoked_within_s=AT_ONCE,
    steps={
        "read": step("read", {"replicas": 400, "haproxy": 60, "redis": 40}, {"redis": 1}),
        "write": step("write", {"replicas": 500, "haproxy": 70, "redis": 40}, {"redis": 1}),
        "login": step(
            "login", {"replicas": 900, "haproxy": 80, "redis": 120, "postgres": 50}, {"redis": 7, "postgres": 1}
        ),
    },
    max_rate=MaxRateConstant(Constant(1800, "max cell"), 20, 1, 1, {"read": 1.0}),
    session_bytes={"redis": Constant(200, "memory cell")},
    password_hash_ms=Constant(28, "hash cell"),
)
MEMORY = replace(
    SESSION,
    scheme="memory-session",
    stores=("memory",),
    needs_affinity=True,
    steps={
        "read": step("read", {"replicas": 300, "haproxy": 60}, {}),
        "write": step("write", {"replicas": 400, "haproxy": 70}, {}),
        "login": step("login", {"replicas": 800, "haproxy": 80, "postgres": 50}, {"postgres": 1}),
    },
    session_bytes={"memory": Constant(100, "memory cell")},
)
TOKEN = replace(MEMORY, scheme="jwt-hs256", carrier="bearer", stores=(), needs_affinity=False, revoked_within_s=NEVER)
REFRESH = replace(
    TOKEN,
    scheme="refresh-token",
    stores=("postgres",),
    can_renew=True,
    steps={
        **TOKEN.steps,
        "refresh": step("refresh", {"replicas": 1000, "haproxy": 80, "postgres": 400}, {"postgres": 5}),
    },
    session_bytes={"postgres": Constant(250, "memory cell")},
)
BFF = replace(
    SESSION,
    scheme="bff",
    stores=("redis", "postgres"),
    steps={
        **SESSION.steps,
        "read": step("read", {"replicas": 400, "bff": 700, "haproxy": 60, "redis": 40}, {"redis": 1}),
    },
    session_bytes={"redis": Constant(900, "memory cell"), "postgres": Constant(250, "memory cell")},
)
NONE = replace(TOKEN, scheme="none")
ALL = (SESSION, MEMORY, TOKEN, REFRESH, BFF, NONE)
