"""How capacity grows with replicas: fitted where enough was measured, else linear, and it says so.

The Universal Scalability Law: X(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1)); sigma is what replicas wait for
each other, kappa what they exchange with each other (Gunther 1993, A Simple Capacity Model of Massively Parallel
Transaction Systems; Gunther 2007, Guerrilla Capacity Planning).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import nnls

LEAST_POINTS = 4
"""Three parameters and one point to be wrong about."""


@dataclass(frozen=True, slots=True)
class Linear:
    """N replicas do N times what one does; `reason` says why nothing better is known."""

    reason: str

    def replicas_for(self, singles: float) -> float:
        """How many replicas do as much as `singles` alone would."""
        return singles


@dataclass(frozen=True, slots=True)
class Usl:
    """A fit over `points` replica counts; `single_rps` is lambda, the rate of one replica."""

    single_rps: float
    sigma: float
    kappa: float
    points: int

    @property
    def reason(self) -> str:
        """What was fitted, in words."""
        return f"USL fitted to {self.points} points: sigma {self.sigma:.3g}, kappa {self.kappa:.3g}"

    def rate_rps(self, replicas: float) -> float:
        """X(N)."""
        slowed = 1 + self.sigma * (replicas - 1) + self.kappa * replicas * (replicas - 1)
        return self.single_rps * replicas / slowed

    def replicas_for(self, singles: float) -> float:
        """How many replicas do as much as `singles` alone would, X(N) = singles x lambda; infinite where none do.

        With s singles: s kappa N^2 + (s (sigma - kappa) - 1) N + s (1 - sigma) = 0, the smaller root.
        """
        if singles <= 1:
            return singles
        square = singles * self.kappa
        slope = 1 - singles * (self.sigma - self.kappa)
        constant = singles * (1 - self.sigma)
        under_root = slope**2 - 4 * square * constant
        if slope <= 0 or under_root < 0:
            return math.inf
        return 2 * constant / (slope + math.sqrt(under_root))


Scaling = Linear | Usl


def fit(points: Sequence[tuple[int, float]]) -> Scaling:
    """The law of measured points (replicas, requests/s), by least squares of relative error; Linear where too few.

    N / X = 1/lambda + (sigma/lambda) (N - 1) + (kappa/lambda) N (N - 1) is linear in its three coefficients, none of
    which may be negative. Several rates at one count are one point.
    """
    counts = len({replicas for replicas, _ in points})
    if counts < LEAST_POINTS:
        measured = f"{counts} point{'' if counts == 1 else 's'} measured"
        return Linear(f"{measured}, USL needs {LEAST_POINTS}; linear scaling assumed up to the cores")
    replicas, rates_rps = np.asarray(points, dtype=float).T
    terms = np.stack([np.ones_like(replicas), replicas - 1, replicas * (replicas - 1)], axis=1)
    (inverse, waited, exchanged), _ = nnls(terms * (rates_rps / replicas)[:, None], np.ones_like(replicas))
    if not inverse:
        return Linear(f"{counts} points measured, but no USL goes through them; linear scaling assumed up to the cores")
    return Usl(float(1 / inverse), float(waited / inverse), float(exchanged / inverse), counts)
