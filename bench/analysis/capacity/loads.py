"""What a demand makes of the measured constants: loads in proportion to its users, each with its sources."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.analysis.capacity.demand import Demand, Lifetime, Rates, families, lifetime_of, rates
from bench.analysis.capacity.model import Constant, SchemeConstants, Step, StepCost
from bench.analysis.capacity.values import Derived, total, unknown, weighted
from services.contract import Store

US_PER_S = 1e6
MS_PER_S = 1e3
COMPONENTS = ("replicas", "bff", "helpers", "haproxy", "redis", "postgres")
SERVED: tuple[Store, ...] = ("redis", "postgres")
JOURNEYS: Mapping[Step, str] = {
    "read": "steady",
    "write": "write",
    "login": "relogin",
    "relogin": "relogin",
    "refresh": "refresh",
}
"""The journey whose measurement tells what a step costs."""
CPU, OPERATIONS = "sum over steps of steps/s x CPU seconds of a step", "sum over steps of steps/s x commands of a step"


@dataclass(frozen=True, slots=True)
class Work:
    """Steps with how many there are of each (per second, or as shares); `reason` names those that were not measured."""

    steps: tuple[tuple[float, StepCost], ...]
    reason: str = ""

    def sum_of(self, constant: Callable[[StepCost], Constant | None], formula: str, scale: float = 1.0) -> Derived:
        """One constant over all steps; a step that has none does not use what it is about."""
        if self.reason:
            return unknown(self.reason, formula)
        found = [(count * scale, constant(cost)) for count, cost in self.steps]
        return weighted([(count, value) for count, value in found if value is not None], formula)

    def cpu_s(self, component: str, formula: str = CPU) -> Derived:
        """CPU seconds that a component spends on them."""
        return self.sum_of(lambda cost: cost.cpu_us.get(component), formula, 1 / US_PER_S)

    def operations(self, store: Store, formula: str = OPERATIONS) -> Derived:
        """Commands that they send to a store. A store that a step does not name is not asked by it."""
        return self.sum_of(lambda cost: cost.operations.get(store), formula)


@dataclass(frozen=True, slots=True)
class Loads:
    """A demand in terms of what it uses, per second.

    `work` is that of all steps, `of_requests` that of reads and writes alone. `logins`: how many each store keeps;
    `bytes`: what they take there.
    """

    rates: Rates
    lifetime: Lifetime
    work: Work
    of_requests: Work
    busy_cores: Mapping[str, Derived]
    hash_cores: Derived
    logins: Mapping[Store, float]
    bytes: Mapping[Store, Derived]
    notes: tuple[str, ...]


def work_of(constants: SchemeConstants, counts: Mapping[Step, float]) -> Work:
    """The measured cost of every step that is done at all."""
    done = {step: count for step, count in counts.items() if count}
    missing = [step for step in done if step not in constants.steps or not constants.steps[step].cpu_us]
    if missing:
        journeys = ",".join(dict.fromkeys(JOURNEYS[step] for step in missing))
        command = f"authbench run --max-rate --journey {journeys} {constants.scheme}"
        return Work((), f"{', '.join(missing)} not measured: run `{command}`")
    return Work(tuple((count, constants.steps[step]) for step, count in done.items()))


def loads(constants: SchemeConstants, demand: Demand) -> Loads:
    """Everything that grows with users as they do."""
    lifetime = lifetime_of(constants)
    found = rates(demand, lifetime)
    counts, notes = _steps(constants, found, lifetime)
    work = work_of(constants, counts)
    hashing = _hash_cores(constants, found)
    busy = {component: work.cpu_s(component).at_least_zero() for component in COMPONENTS}
    if hashing.value is not None:
        busy["replicas"] = total((busy["replicas"], hashing), f"{CPU}; password hashes")
    logins = _logins(constants, demand, found, lifetime)
    return Loads(
        rates=found,
        lifetime=lifetime,
        work=work,
        of_requests=work_of(constants, {"read": found.reads, "write": found.writes}),
        busy_cores=busy,
        hash_cores=hashing,
        logins=logins,
        bytes={store: _bytes(constants, store, count) for store, count in logins.items()},
        notes=(*notes, *((f"replicas without password hashes: {hashing.reason}",) if hashing.reason else ())),
    )


def _steps(
    constants: SchemeConstants, found: Rates, lifetime: Lifetime
) -> tuple[Mapping[Step, float], tuple[str, ...]]:
    """How many of each step a second, by the steps that were measured, and what is to be known about it."""
    counts: dict[Step, float] = {"read": found.reads, "write": found.writes}
    notes: list[str] = []
    if "login" in constants.steps or "relogin" not in constants.steps:
        counts["login"] = found.logins
    else:
        counts["relogin"] = found.logins
        notes.append("a login costs what was measured of a logout and a login together: an upper bound")
    if lifetime == "bff" and "refresh" not in constants.steps:
        notes.append("renewals behind the BFF are counted, but not in cores and commands: nobody sees one alone")
    else:
        counts["refresh"] = found.refreshes
    return counts, tuple(notes)


def _hash_cores(constants: SchemeConstants, found: Rates) -> Derived:
    formula = "logins/s x seconds of a password hash"
    if constants.password_hash_ms is None and found.logins:
        return unknown("password hash not measured: run `authbench micro`", formula)
    if constants.password_hash_ms is None:
        return Derived(0.0, (), formula)
    return weighted([(found.logins / MS_PER_S, constants.password_hash_ms)], formula)


def _logins(constants: SchemeConstants, demand: Demand, found: Rates, lifetime: Lifetime) -> Mapping[Store, float]:
    """How many logins each store keeps: families of refresh tokens in PostgreSQL, else what is live."""
    renewable = families(demand, found, lifetime)
    kept: Mapping[Store, float] = {
        "memory": found.live_logins,
        "redis": found.live_logins,
        "postgres": renewable or found.live_logins,
    }
    return {store: count if store in constants.stores else 0.0 for store, count in kept.items()}


def _bytes(constants: SchemeConstants, store: Store, logins: float) -> Derived:
    formula = "logins that the store keeps x bytes of one"
    if not logins:
        return Derived(0.0, (), formula)
    if store not in constants.session_bytes:
        command = "authbench consequences session-memory"
        return unknown(f"bytes of a {constants.scheme} login in {store} not measured: run `{command}`", formula)
    return weighted([(logins, constants.session_bytes[store])], formula)
