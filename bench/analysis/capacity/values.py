"""What a plan is made of: numbers that know their arithmetic and their sources, the limits they meet, the whole."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from bench.analysis.capacity.model import Constant
from services.contract import Carrier, Event, Store

GIB = 2.0**30


@dataclass(frozen=True, slots=True)
class Derived:
    """A number, where the constants in it were measured, and the arithmetic that made it.

    `value` is None where a constant is missing; `reason` then says which, and what to run to get it.
    """

    value: float | None
    sources: tuple[str, ...]
    formula: str
    reason: str = ""

    def times(self, factor: float, formula: str) -> Self:
        """This number times a plain one."""
        value = None if self.value is None else self.value * factor
        return type(self)(value, self.sources, formula, self.reason)

    def at_least_zero(self) -> Self:
        """This number, 0 where it is below: a component that idling costs more than the work."""
        return self if self.value is None or self.value >= 0 else replace(self, value=0.0)


def unknown(reason: str, formula: str) -> Derived:
    """A number that cannot be told, and why."""
    return Derived(None, (), formula, reason)


def total(terms: Iterable[Derived], formula: str) -> Derived:
    """The sum; unknown as soon as one term is."""
    known = tuple(terms)
    sources = merged(term.sources for term in known)
    for term in known:
        if term.value is None:
            return Derived(None, sources, formula, term.reason)
    return Derived(float(sum(term.value or 0.0 for term in known)), sources, formula)


def weighted(terms: Iterable[tuple[float, Constant]], formula: str) -> Derived:
    """The sum of measured constants, each times a plain number; a constant that is taken zero times is no source."""
    counted = [(factor, constant) for factor, constant in terms if factor]
    value = sum(factor * constant.value for factor, constant in counted)
    return Derived(float(value), merged((constant.source,) for _, constant in counted), formula)


def merged(sources: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Each source once, in the order of first use."""
    return tuple(dict.fromkeys(source for several in sources for source in several))


@dataclass(frozen=True, slots=True)
class Limit:
    """What one resource has to give, and who says so."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class Limits:
    """What cannot be had by adding replicas. The assumed ones are sizes of a machine: give your own."""

    worker_cores: Limit = Limit(1, "CPython's interpreter lock: a worker process runs Python on one core")
    worker_threads: Limit = Limit(8, "services/gunicorn_conf.py: threads of a worker")
    haproxy_cores: Limit = Limit(64, "HAProxy's configuration manual, nbthread: 64 threads in a thread group")
    haproxy_bytes_per_s: Limit = Limit(1.25e9, "assumed: a network link of 10 Gbit/s, each way")
    redis_cores: Limit = Limit(1, "Redis runs commands in one thread: an instance has one core")
    redis_bytes: Limit = Limit(64 * GIB, "assumed: an instance on a machine with 64 GiB for it")
    postgres_cores: Limit = Limit(64, "assumed: one primary with 64 cores takes every write")


@dataclass(frozen=True, slots=True)
class Crossing:
    """How many users it takes until `resource` has nothing left to give."""

    resource: str
    limit: Limit
    users: Derived


@dataclass(frozen=True, slots=True)
class SchemePlan:
    """What one scheme needs for a demand.

    `usable_ratio`: how much of a core may be busy before p99 leaves the SLO. `cores` are to be provided, by component
    (`replicas`, `bff`, `helpers`, `haproxy`, `redis`, `postgres`; all of them, 0 where it has no part) and in total; of
    them `busy_cores` work on average, and `hash_cores` of the replicas' hash passwords. More than one core of Redis
    takes as many instances. `crossings` are ascending in users, the unknown ones last.
    """

    scheme: str
    carrier: Carrier
    requests_per_s: Derived
    reads_per_s: Derived
    writes_per_s: Derived
    logins_per_s: Derived
    refreshes_per_s: Derived
    usable_ratio: Derived
    replicas: Derived
    hash_cores: Derived
    cores: Mapping[str, Derived]
    total_cores: Derived
    busy_cores: Mapping[str, Derived]
    redis_operations_per_s: Derived
    postgres_operations_per_s: Derived
    postgres_session_operations_per_s: Derived
    """Of reads and writes: looking sessions up and keeping them alive."""
    postgres_refreshes_per_s: Derived
    """Rotations of a refresh token, each one transaction that writes."""
    postgres_rows: Derived
    login_bytes: Mapping[Store, Derived]
    """What live logins take in each store; `memory` is that of all replicas together."""
    up_bytes_per_s: Derived
    down_bytes_per_s: Derived
    crossings: tuple[Crossing, ...]
    users_per_replica_failure: Derived
    """Logged out when one replica dies, or one of the BFF where that keeps the logins."""
    users_per_store_failure: Mapping[Store, Derived]
    """Refused for as long as the store is down."""
    revoked_within_s: Mapping[Event, Derived]
    latency_floor_ms: Derived
    """What the round trips to stores alone add to a read."""
    notes: tuple[str, ...]

    @property
    def first_bottleneck(self) -> Crossing | None:
        """What ends first as users grow; None where no limit is known to be met."""
        return next((crossing for crossing in self.crossings if crossing.users.value is not None), None)


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a plot over users."""

    users: float
    cores: Derived
    replicas: Derived
    redis_operations_per_s: Derived


@dataclass(frozen=True, slots=True)
class Curve:
    """What a scheme needs as users grow, and where each limit is met."""

    scheme: str
    points: tuple[Point, ...]
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, slots=True)
class CpuPrediction:
    """CPU microseconds per step of a mix, by component and in total."""

    by_component: Mapping[str, Derived]
    total: Derived


@dataclass(frozen=True, slots=True)
class RatePrediction:
    """The highest rate of a mix that meets an SLO, in steps a second as it is offered, and what ends it."""

    rate_rps: Derived
    bottleneck: str
