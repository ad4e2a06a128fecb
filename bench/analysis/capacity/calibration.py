"""How busy a resource may be under an SLO: what was measured at the highest rate, carried over by queueing theory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from bench.analysis.capacity.demand import DemandError
from bench.analysis.capacity.loads import COMPONENTS, MS_PER_S, Work, work_of
from bench.analysis.capacity.model import SchemeConstants, Step
from bench.analysis.capacity.queueing import Server, p99_s, tightest, usable_ratio, utilisation
from bench.analysis.capacity.values import Derived, Limits, merged, total, unknown

ALL_SERVERS = "the cores of all servers together"
CAPACITY = "measured maximum x CPU of a step at its bottleneck / cores x queueing's busy ratio as asked / as measured"
NO_CPU = "servers took no CPU in what was measured; measure longer"


@dataclass(frozen=True, slots=True)
class Bottleneck:
    """The resource of one arm that is exhausted first. `per_core_s`: its CPU seconds per step and core."""

    name: str
    per_core_s: float
    server: Server
    sources: tuple[str, ...]


def shares(mix: Mapping[Step, float]) -> Mapping[Step, float]:
    """Weights of steps, as shares of all steps. DemandError where there are none."""
    weights = sum(mix.values())
    if not weights > 0 or min(mix.values()) < 0:
        message = f"mix is {dict(mix)}, expected weights >= 0, one of them > 0; name the steps of a journey"
        raise DemandError(message)
    return {step: weight / weights for step, weight in mix.items() if weight}


def bottleneck(
    constants: SchemeConstants, mix: Mapping[Step, float], replicas: int, server_cores: int, limits: Limits
) -> Bottleneck | str:
    """What ends first in an arm of this project, where all servers share `server_cores`; else what was not measured.

    Each worker, the BFF, HAProxy (one thread here) and Redis have at most a core; no asymptotic bound can be passed.
    """
    work = work_of(constants, shares(mix))
    if work.reason:
        return work.reason
    spent = {component: work.cpu_s(component) for component in COMPONENTS}
    everything = total(spent.values(), "sum over components")
    alone = {component: (spent[component], 1.0) for component in ("bff", "haproxy", "redis")}
    bounds = {"replicas": (spent["replicas"], replicas * limits.worker_cores.value), **alone}
    bounds[ALL_SERVERS] = (everything, float(server_cores))
    name, per_core_s = tightest({name: (demand.value or 0.0, cores) for name, (demand, cores) in bounds.items()})
    if per_core_s <= 0:
        return NO_CPU
    demand = bounds[name][0]
    parts, cores = (COMPONENTS, server_cores) if name == ALL_SERVERS else ((name,), 1)
    return Bottleneck(
        name, per_core_s, Server(demand.value or 0.0, cores=cores, spread=spread(work, parts)), demand.sources
    )


def spread(work: Work, components: Sequence[str]) -> float:
    """E[S^2] / (2 E[S]^2) of the CPU of steps, each exponential with its own mean: sum p s^2 / (sum p s)^2."""
    counts = [count for count, _ in work.steps]
    spent = [sum(cost.cpu_us[name].value for name in components if name in cost.cpu_us) for _, cost in work.steps]
    mean = fmean(spent, counts)
    return fmean([cpu_us**2 for cpu_us in spent], counts) / mean**2


def correction(now: Server, slo_ms: float, before: Server, measured_slo_ms: float) -> Derived:
    """What another SLO, mix, or time blocked on a store does to the busy ratio: queueing's then and now.

    Where theory says that even an idle server misses the measured SLO, which it met, service times spread less than
    exponentially: what was measured is then taken as it is, if what is asked for is no harder.
    """
    formula = "queueing's busy ratio as asked / as measured"
    usable, was = usable_ratio(now, slo_ms / MS_PER_S), usable_ratio(before, measured_slo_ms / MS_PER_S)
    if was and usable:
        return Derived(usable / was, (), formula)
    if not was and slo_ms - now.blocked_s * MS_PER_S >= measured_slo_ms:
        return Derived(1.0, (), "as measured: not harder than what was met")
    return _never(now, slo_ms, formula)


def allowed_ratio(constants: SchemeConstants, server: Server, slo_ms: float, limits: Limits) -> Derived:
    """How busy cores may be, at most 1; by queueing alone where no maximum rate was measured.

    What the bottleneck bore was U = X D / c, the utilisation law at the highest rate that met the SLO.
    """
    measured = constants.max_rate
    if measured is None:
        formula = "queueing alone: no maximum rate measured"
        alone = usable_ratio(server, slo_ms / MS_PER_S)
        return Derived(alone, (), formula) if alone else _never(server, slo_ms, formula)
    found = bottleneck(constants, measured.journey_steps, measured.replicas, measured.server_cores, limits)
    if isinstance(found, str):
        return unknown(found, CAPACITY)
    corrected = correction(server, slo_ms, found.server, measured.slo_p99_ms)
    if corrected.value is None:
        return unknown(corrected.reason, CAPACITY)
    borne = utilisation(measured.rate_rps.value, found.per_core_s, 1)
    sources = merged(((measured.rate_rps.source,), found.sources))
    return Derived(min(1.0, borne * corrected.value), sources, CAPACITY)


def server_of(work: Work, rtt_ms: float, limits: Limits) -> Server | str:
    """The worker that serves a mix: CPU of a mean step, and round trips to stores that block one of its threads."""
    cpu_s, steps_per_s = work.cpu_s("replicas"), sum(count for count, _ in work.steps)
    if cpu_s.value is None:
        return cpu_s.reason
    if cpu_s.value <= 0:
        return NO_CPU
    trips = total((work.operations("redis"), work.operations("postgres")), "commands, each a round trip").value or 0.0
    blocked_s = trips / steps_per_s * rtt_ms / MS_PER_S
    threads = int(limits.worker_threads.value)
    return Server(cpu_s.value / steps_per_s, blocked_s, 1, threads, spread(work, ("replicas",)))


def _never(server: Server, slo_ms: float, formula: str) -> Derived:
    alone_ms = p99_s(server, 0.0) * MS_PER_S
    return unknown(
        f"p99 of {slo_ms:g} ms cannot be met: an idle server's is {alone_ms:.3g} ms; allow more or bring stores closer",
        formula,
    )
