"""What theory says where one of N servers knows a login and the load balancer picks the server, against what came."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from bench.analysis.intervals import TAIL
from bench.consequences.model import Figure
from bench.consequences.reading import requests_failed, requests_refused, users_logged_out
from loadtests.plan import ArmPlan
from loadtests.record import Sample


@dataclass(frozen=True, slots=True)
class Chance:
    """How likely a request reaches a server that does not know the login, each independently; `why` in words."""

    refused: float
    why: str


def chance(arm: ArmPlan, servers: int, *, binds: bool) -> Chance:
    """Of a request to `servers` servers in rotation. `binds`: only the one that granted a login knows it.

    ValueError where theory does not say which server is next.
    """
    if not binds:
        return Chance(0.0, "every server knows every login")
    if arm.balancing == "sticky":
        return Chance(0.0, "a cookie brings each visitor back to its server")
    if arm.balancing == "roundrobin-l4" and not arm.reconnects:
        return Chance(0.0, "a visitor keeps the connection it logged in over, and so its server")
    if arm.balancing in {"roundrobin", "roundrobin-l4"}:
        return Chance(1 - 1 / servers, f"1 - 1/N with N = {servers}")
    message = f"balancing {arm.balancing!r}: found no theory of it, expected roundrobin, roundrobin-l4 or sticky"
    raise ValueError(message)


def shares(samples: Sequence[Sample], visitors: int, expected: Chance) -> Iterator[Figure]:
    """Requests refused and users logged out, each beside its prediction, and requests that failed.

    Of a visitor who made k requests the chance to be logged out is q = 1 - (1 - p)^k; with p = 1 - 1/N that is
    1 - N^-k. The number logged out is expected to be the sum of q. Its interval is as wide as chance spreads it.
    """
    p = expected.refused
    chances = [1 - (1 - p) ** k for k in Counter(sample.visitor for sample in samples).values()]
    mean, (low, high) = math.fsum(chances), spread(chances)
    theory = f"1 - N^-k after the k requests of each visitor; {expected.why}" if p else expected.why
    out = users_logged_out(samples, visitors, mean, theory)
    yield requests_refused(samples, 100 * p, expected.why)
    yield replace(out, low=out.value - (high - mean), high=out.value + (mean - low)) if p else out
    yield requests_failed(samples)


def spread(chances: Sequence[float]) -> tuple[int, int]:
    """Between which counts 95 % of all trials lie, of which each one succeeds with a chance of its own.

    The exact distribution of the count: the product of (1 - q) + q x over all trials (Poisson binomial).
    """
    probabilities = np.ones(1)
    for q in chances:
        probabilities = np.convolve(probabilities, [1 - q, q])
    reached = np.cumsum(probabilities)
    low, high = np.searchsorted(reached, [TAIL, 1 - TAIL])
    return int(low), int(high)
