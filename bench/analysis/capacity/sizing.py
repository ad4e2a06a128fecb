"""What a scheme needs for a demand, what ends first as users grow, and who is hit when something fails.

Sizes are for mean load: a peak is a demand with a higher active ratio. Each component has machines of its own, and its
cores may be as busy as the measured bottleneck's were.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.analysis.capacity.calibration import allowed_ratio, server_of
from bench.analysis.capacity.demand import Demand, Lifetime
from bench.analysis.capacity.exposure import (
    latency_floor_ms,
    revoked_within_s,
    users_per_replica_failure,
    users_per_store_failure,
)
from bench.analysis.capacity.loads import Loads, loads
from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.prediction import predict_cpu_us, predict_max_rate
from bench.analysis.capacity.queueing import Server
from bench.analysis.capacity.scaling import Scaling, fit
from bench.analysis.capacity.values import (
    CpuPrediction,
    Crossing,
    Curve,
    Derived,
    Limit,
    Limits,
    Point,
    RatePrediction,
    SchemePlan,
    merged,
    total,
    unknown,
)

__all__ = [
    "CpuPrediction",
    "Crossing",
    "Curve",
    "Derived",
    "Limit",
    "Limits",
    "Point",
    "RatePrediction",
    "SchemePlan",
    "curve",
    "plan",
    "predict_cpu_us",
    "predict_max_rate",
]

ROUNDING = 1e-9
"""Of a replica: what the arithmetic may leave behind."""
SIZED = "CPU seconds/s / usable ratio"
REFRESHES = "active users / access TTL, at most requests/s"
LOGINS: Mapping[Lifetime, str] = {
    "nothing": "nobody logs in",
    "token": "active users / access TTL",
    "sliding": "active users / session TTL",
    "session": "active users / session TTL",
    "refresh": "users / refresh TTL",
    "bff": "active users / the shorter of session TTL and refresh TTL",
}


def plan(
    constants: SchemeConstants, demand: Demand, limits: Limits | None = None, scaling: Scaling | None = None
) -> SchemePlan:
    """Everything `demand` takes of a scheme. `scaling`: how replicas add up, by default linear and said so."""
    limits, scaling = limits or Limits(), scaling or fit([(1, 1.0)])
    found, one = loads(constants, demand), loads(constants, replace(demand, users=1.0))
    usable = _usable(constants, demand, one, limits)
    cores_each = _cores_each(constants, demand, one, limits)
    replicas = _replicas(found.busy_cores["replicas"], usable, cores_each, scaling)
    cores = {component: _provided(busy, usable) for component, busy in found.busy_cores.items()}
    cores["replicas"] = replicas.times(cores_each, "replicas x cores of one")
    return SchemePlan(
        scheme=constants.scheme,
        carrier=constants.carrier,
        requests_per_s=Derived(found.rates.requests, (), "active users x requests per minute / 60"),
        reads_per_s=Derived(found.rates.reads, (), "requests/s x (1 - write ratio)"),
        writes_per_s=Derived(found.rates.writes, (), "requests/s x write ratio"),
        logins_per_s=Derived(found.rates.logins, (), LOGINS[found.lifetime]),
        refreshes_per_s=_refreshes(found),
        usable_ratio=usable,
        replicas=replicas,
        hash_cores=found.hash_cores,
        cores=cores,
        total_cores=total(cores.values(), "sum over components"),
        busy_cores=found.busy_cores,
        redis_operations_per_s=found.work.operations("redis"),
        postgres_operations_per_s=found.work.operations("postgres"),
        postgres_session_operations_per_s=found.of_requests.operations("postgres"),
        postgres_refreshes_per_s=_refreshes(found).times(float("postgres" in constants.stores), REFRESHES),
        postgres_rows=Derived(found.logins["postgres"], (), "logins that PostgreSQL keeps: logins/s x life of one"),
        login_bytes=found.bytes,
        up_bytes_per_s=_up(found),
        down_bytes_per_s=_down(found),
        crossings=_crossings(constants, one, usable, limits),
        users_per_replica_failure=users_per_replica_failure(constants, demand, _keepers(found, cores, replicas)),
        users_per_store_failure=users_per_store_failure(constants, demand, found),
        revoked_within_s=revoked_within_s(constants, demand, found.lifetime),
        latency_floor_ms=latency_floor_ms(constants, demand),
        notes=_notes(constants, demand, one, scaling),
    )


def curve(
    constants: SchemeConstants,
    demand: Demand,
    users: Sequence[float],
    limits: Limits | None = None,
    scaling: Scaling | None = None,
) -> Curve:
    """`demand` for other numbers of users, and the users at which each limit is met."""
    plans = [plan(constants, replace(demand, users=count), limits, scaling) for count in users]
    crossings = plan(constants, demand, limits, scaling).crossings
    points = (
        Point(count, told.total_cores, told.replicas, told.redis_operations_per_s)
        for count, told in zip(users, plans, strict=True)
    )
    return Curve(constants.scheme, tuple(points), crossings)


def _usable(constants: SchemeConstants, demand: Demand, one: Loads, limits: Limits) -> Derived:
    server = server_of(one.work, demand.store_rtt_ms, limits)
    if isinstance(server, Server):
        return allowed_ratio(constants, server, demand.slo_p99_ms, limits)
    return unknown(server, "how busy a core may be")


def _holder(one: Loads) -> str:
    """The component whose process keeps logins, where a process does."""
    return "bff" if one.lifetime == "bff" else "replicas"


def _cores_each(constants: SchemeConstants, demand: Demand, one: Loads, limits: Limits) -> float:
    """Cores that a replica can use: one worker's where the login lives in it, else those it has, a worker on each."""
    is_one_worker = constants.needs_affinity and _holder(one) == "replicas"
    return limits.worker_cores.value if is_one_worker else float(demand.replica_cores)


def _replicas(busy: Derived, usable: Derived, cores_each: float, scaling: Scaling) -> Derived:
    formula = f"{SIZED} / cores that a replica uses, rounded up"
    needed = _provided(busy, usable)
    if needed.value is None:
        return unknown(needed.reason, formula)
    count = scaling.replicas_for(needed.value / cores_each)
    if math.isinf(count):
        return unknown(f"no number of replicas is enough; {scaling.reason}", formula)
    return _whole(replace(needed, value=count), formula)


def _whole(count: Derived, formula: str) -> Derived:
    """Rounded up: one for whatever little there is to do, none for nothing."""
    if not count.value:
        return replace(count, formula=formula)
    return Derived(float(max(1, math.ceil(count.value - ROUNDING))), count.sources, formula)


def _keepers(found: Loads, cores: Mapping[str, Derived], replicas: Derived) -> Derived:
    """How many processes there are that may keep logins in their memory."""
    return replicas if _holder(found) == "replicas" else _whole(cores["bff"], "BFF workers, one on each core")


def _provided(busy: Derived, usable: Derived) -> Derived:
    """Cores that are busy no longer than they may be; none where there is nothing to do."""
    if not busy.value:
        return busy
    if usable.value is None:
        return unknown(usable.reason, SIZED)
    return Derived(busy.value / usable.value, merged((busy.sources, usable.sources)), SIZED)


def _refreshes(found: Loads) -> Derived:
    return Derived(found.rates.refreshes, (), REFRESHES)


def _up(found: Loads) -> Derived:
    return found.work.sum_of(lambda cost: cost.bytes_up, "sum over steps of steps/s x HTTP bytes up")


def _down(found: Loads) -> Derived:
    return found.work.sum_of(lambda cost: cost.bytes_down, "sum over steps of steps/s x HTTP bytes down")


def _crossings(constants: SchemeConstants, one: Loads, usable: Derived, limits: Limits) -> tuple[Crossing, ...]:
    """Where each limit is met, of what `one` user takes a share of."""
    cores = {
        "HAProxy's cores": (limits.haproxy_cores, one.busy_cores["haproxy"]),
        "one Redis instance's core": (limits.redis_cores, one.busy_cores["redis"]),
        "the PostgreSQL primary's cores": (limits.postgres_cores, one.busy_cores["postgres"]),
    }
    if constants.needs_affinity:
        holder = one.busy_cores[_holder(one)]
        cores["one worker's core: from here on balancing must be sticky"] = (limits.worker_cores, holder)
    sizes = {
        "HAProxy's link, up": (limits.haproxy_bytes_per_s, _up(one)),
        "HAProxy's link, down": (limits.haproxy_bytes_per_s, _down(one)),
        "one Redis instance's memory": (limits.redis_bytes, one.bytes["redis"]),
    }
    crossings = [_crossing(name, limit, _provided(load, usable)) for name, (limit, load) in cores.items()]
    crossings += [_crossing(name, limit, load) for name, (limit, load) in sizes.items()]
    met = [crossing for crossing in crossings if crossing.users.value != math.inf]
    return tuple(sorted(met, key=lambda crossing: math.inf if crossing.users.value is None else crossing.users.value))


def _crossing(resource: str, limit: Limit, per_user: Derived) -> Crossing:
    formula = "limit / what one user takes"
    if per_user.value is None:
        return Crossing(resource, limit, unknown(per_user.reason, formula))
    users = limit.value / per_user.value if per_user.value > 0 else math.inf
    return Crossing(resource, limit, Derived(users, merged((per_user.sources, (limit.source,))), formula))


def _notes(constants: SchemeConstants, demand: Demand, one: Loads, scaling: Scaling) -> tuple[str, ...]:
    notes = [scaling.reason, *one.notes]
    if constants.needs_affinity:
        holder = "the BFF" if one.lifetime == "bff" else "a replica"
        notes.append(
            f"{holder} is one worker process on one core, however many it has: a second would split the logins"
        )
    elif demand.replica_cores > 1:
        notes.append(f"a replica runs {demand.replica_cores} worker processes, one on each core")
    if constants.max_rate is None:
        command = f"authbench run --max-rate {constants.scheme}"
        notes.append(f"how busy a core may be is theory alone: no maximum rate measured, run `{command}`")
    return tuple(notes)
