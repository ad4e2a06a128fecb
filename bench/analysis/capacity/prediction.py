"""What a mix of steps that was not measured as such will cost and bear, from constants of its single steps.

It holds where costs add up: steps must not slow each other beyond their CPU (no lock, no lack of threads), and CPU per
step is that near saturation. Replicas beyond the servers' cores are bounded by those cores; what more processes cost
each other (caches, scheduling) is not in it.
"""

from collections.abc import Mapping

from bench.analysis.capacity.calibration import ALL_SERVERS, bottleneck, correction, shares
from bench.analysis.capacity.loads import COMPONENTS, US_PER_S, work_of
from bench.analysis.capacity.model import SchemeConstants, Step
from bench.analysis.capacity.values import CpuPrediction, Derived, Limits, RatePrediction, merged, total, unknown


def predict_cpu_us(constants: SchemeConstants, mix: Mapping[Step, float]) -> CpuPrediction:
    """CPU microseconds per *step* of a mix, given by weights (a journey's, or shares): sum of share x CPU of the step.

    A step is what is offered as one: a relogin is two requests, and both are in its `StepCost`.
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
    bottleneck's now, and r is how busy queueing lets it be now / then, which makes
    no core busier than wholly. What was measured gives X again.
    """
    formula = "measured maximum x (D/c) measured / (D/c) of this mix x queueing's busy ratio now / then"
    measured, limits = constants.max_rate, Limits()
    if measured is None:
        command = f"authbench run --max-rate {constants.scheme}"
        return RatePrediction(unknown(f"maximum rate not measured: run `{command}`", formula), ALL_SERVERS)
    before = bottleneck(constants, measured.journey_steps, measured.replicas, measured.server_cores, limits)
    now = bottleneck(constants, mix, replicas, server_cores, limits)
    if isinstance(before, str):
        return RatePrediction(unknown(before, formula), ALL_SERVERS)
    if isinstance(now, str):
        return RatePrediction(unknown(now, formula), ALL_SERVERS)
    corrected = correction(now.server, slo_p99_ms, before.server, measured.slo_p99_ms)
    if corrected.value is None:
        return RatePrediction(corrected, now.name)
    as_busy_rps = measured.rate_rps.value * (before.per_core_s / now.per_core_s)
    rate_rps = min(as_busy_rps * corrected.value, max(as_busy_rps, 1 / now.per_core_s))
    sources = merged(((measured.rate_rps.source,), before.sources, now.sources))
    return RatePrediction(Derived(rate_rps, sources, formula), now.name)
