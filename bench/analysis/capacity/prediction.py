"""What a mix of steps that was not measured as such will cost and bear, from constants of its single steps.

It holds where costs add up: steps must not slow each other beyond their CPU (no lock, no lack of threads). Replicas
beyond the servers' cores are bounded by those cores, and as each then serves less, caches cool between its requests:
its requests cost what they cost one replica at that rate, where enough rates were measured to know.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench.analysis.capacity.calibration import ALL_SERVERS, bottleneck, correction, shares
from bench.analysis.capacity.loads import COMPONENTS, US_PER_S, work_of
from bench.analysis.capacity.model import SchemeConstants, Step, StepCost
from bench.analysis.capacity.queueing import bisected
from bench.analysis.capacity.values import CpuPrediction, Derived, Limits, RatePrediction, merged, total, unknown

REQUESTS: Mapping[Step, int] = {"relogin": 2}
"""How many requests a step is, where it is not one."""
FASTEST_RPS = 1e6
"""Beyond what a process of ours serves: its caches do not cool any more."""


def at_rate(constants: SchemeConstants, rate_rps: float, replicas: int) -> SchemeConstants:
    """`constants` as they are when `replicas` share `rate_rps` requests a second; as measured where nothing is known.

    The cost of a process follows its own rate: a replica's share, and the whole for every other component.
    """
    own_rps = dict.fromkeys(COMPONENTS, rate_rps) | {"replicas": rate_rps / replicas}
    return replace(constants, steps={step: _paced(cost, own_rps) for step, cost in constants.steps.items()})


def _paced(cost: StepCost, own_rps: Mapping[str, float]) -> StepCost:
    ratios = {name: law.ratio(own_rps[name]) for name, law in cost.cooling.items()}
    return replace(
        cost,
        cpu_us={
            name: replace(constant, value=constant.value * ratios.get(name, 1.0))
            for name, constant in cost.cpu_us.items()
        },
    )


def predict_cpu_us(constants: SchemeConstants, mix: Mapping[Step, float]) -> CpuPrediction:
    """CPU microseconds per *step* of a mix, given by weights (a journey's, or shares): sum of share x CPU of the step.

    A step is what is offered as one: a relogin is two requests, and both are in its `StepCost`. Costs are taken as they
    are in `constants`; see `at_rate` for others than those near saturation.
    """
    formula = "sum over steps of share x CPU of a step"
    work = work_of(constants, shares(mix))
    spent = {component: work.cpu_s(component, formula).times(US_PER_S, formula) for component in COMPONENTS}
    named = {component for cost in constants.steps.values() for component in cost.cpu_us}
    told = {component: cpu_us for component, cpu_us in spent.items() if component in named}
    return CpuPrediction(told, total(spent.values(), "sum over components"))


def predict_max_rate(
    constants: SchemeConstants, mix: Mapping[Step, float], replicas: int, server_cores: int, slo_p99_ms: float
) -> RatePrediction:
    """The highest rate, in *steps* a second as they are offered, of a mix on so many replicas sharing so many cores.

    X' = X (D/c) / (D'/c') x r: X was measured, D/c is the bottleneck's CPU seconds per step and core then, D'/c' the
    bottleneck's now, and r is how busy queueing lets it be now / then, which makes no core busier than wholly. D' is
    that at X' itself (see `at_rate`): as X' D' rises with X', there is one such rate. What was measured gives X again.
    """
    asked = _Asked(mix, replicas, server_cores, slo_p99_ms)
    as_measured = _foretold(constants, constants, asked)
    if as_measured.rate_rps.value is None or not any(cost.cooling for cost in constants.steps.values()):
        return as_measured
    requests = sum(share * REQUESTS.get(step, 1) for step, share in shares(mix).items())

    def when_offered(rate_rps: float) -> RatePrediction:
        return _foretold(constants, at_rate(constants, rate_rps * requests, replicas), asked)

    def is_too_much(rate_rps: float) -> bool:
        borne_rps = when_offered(rate_rps).rate_rps.value
        return borne_rps is None or rate_rps > borne_rps

    return when_offered(bisected(0.0, when_offered(FASTEST_RPS).rate_rps.value or 0.0, is_too_much))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the highest rate is asked for."""

    mix: Mapping[Step, float]
    replicas: int
    server_cores: int
    slo_p99_ms: float


def _foretold(known: SchemeConstants, paced: SchemeConstants, asked: _Asked) -> RatePrediction:
    """The highest rate where steps cost what `paced` says, by what was measured when they cost what `known` says."""
    formula = "measured maximum x (D/c) measured / (D/c) of this mix x queueing's busy ratio now / then"
    measured, limits = known.max_rate, Limits()
    if measured is None:
        command = f"authbench run --max-rate {known.scheme}"
        return RatePrediction(unknown(f"maximum rate not measured: run `{command}`", formula), ALL_SERVERS)
    before = bottleneck(known, measured.journey_steps, measured.replicas, measured.server_cores, limits)
    now = bottleneck(paced, asked.mix, asked.replicas, asked.server_cores, limits)
    if isinstance(before, str):
        return RatePrediction(unknown(before, formula), ALL_SERVERS)
    if isinstance(now, str):
        return RatePrediction(unknown(now, formula), ALL_SERVERS)
    corrected = correction(now.server, asked.slo_p99_ms, before.server, measured.slo_p99_ms)
    if corrected.value is None:
        return RatePrediction(corrected, now.name)
    as_busy_rps = measured.rate_rps.value * (before.per_core_s / now.per_core_s)
    rate_rps = min(as_busy_rps * corrected.value, max(as_busy_rps, 1 / now.per_core_s))
    sources = merged(((measured.rate_rps.source,), before.sources, now.sources))
    return RatePrediction(Derived(rate_rps, sources, formula), now.name)
