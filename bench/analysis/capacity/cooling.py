"""What a request costs more on a process that has rested: its caches cool down, and how fast is fitted to probes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

LEAST_RATES = 4
"""Three terms need a rate more than they are."""
FORGETS_S = np.geomspace(1e-5, 1e-1, 81)


@dataclass(frozen=True, slots=True)
class Cooling:
    """CPU microseconds of a request on a process that serves so many a second: hot + cold / (1 + rate x T).

    A process that rested for t has lost 1 - e^(-t/T) of what caches held for it; between Poisson arrivals the mean of
    that is 1 / (1 + rate x T). `forgets_s` is T, `measured_rps` the rate at which the constant was measured.
    """

    hot_us: float
    cold_us: float
    forgets_s: float
    measured_rps: float

    def cpu_us(self, rate_rps: float) -> float:
        """Of a request, when the process serves `rate_rps`."""
        return self.hot_us + self.cold_us / (1 + rate_rps * self.forgets_s)

    def ratio(self, rate_rps: float) -> float:
        """What a request costs at `rate_rps`, over what it cost where it was measured."""
        return self.cpu_us(rate_rps) / self.cpu_us(self.measured_rps)


def fitted(points: Sequence[tuple[float, float]], measured_rps: float) -> Cooling | None:
    """The law through `points`, each a rate (per process) and the CPU microseconds of a request at it.

    Least squares of relative residuals, no term below zero (Lawson & Hanson 1974, Solving Least Squares Problems). None
    with fewer than LEAST_RATES rates; what took no CPU tells nothing.
    """
    known = [(rate_rps, cpu_us) for rate_rps, cpu_us in points if cpu_us > 0]
    if len({rate_rps for rate_rps, _ in known}) < LEAST_RATES:
        return None
    rates_rps, costs_us = np.array(known).T

    def with_forgetting(forgets_s: float) -> tuple[float, Cooling]:
        parts = np.column_stack([np.ones_like(rates_rps), 1 / (1 + rates_rps * forgets_s)])
        (hot_us, cold_us), residual = nnls(parts / costs_us[:, None], np.ones_like(costs_us))
        return float(residual), Cooling(float(hot_us), float(cold_us), float(forgets_s), measured_rps)

    _, law = min(map(with_forgetting, FORGETS_S), key=lambda found: found[0])
    return law
