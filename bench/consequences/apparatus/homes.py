"""On which replica each visitor is at home, and how unevenly the visitors therefore load the replicas."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from bench.analysis.intervals import TAIL
from bench.consequences.model import Figure
from loadtests.record import Sample

SKEW = "load of the busiest replica / mean"
DRAWS = 4000


def homes(samples: Iterable[Sample]) -> Mapping[int, str]:
    """The replica that gave each visitor its last answer: under stickiness the one it comes back to.

    Whoever got no answer is not in it.
    """
    answered = [sample for sample in samples if sample.replica]
    return {sample.visitor: sample.replica for sample in sorted(answered, key=lambda sample: sample.done_ns)}


def dealt(visitors: int, replicas: int) -> tuple[int, ...]:
    """How many visitors each replica gets when logins go to one after the other."""
    return tuple(len(range(first, visitors, replicas)) for first in range(replicas))


def at_home(known: Mapping[int, str], replicas: Sequence[str]) -> tuple[int, ...]:
    """How many visitors each of `replicas` is home to."""
    counts = Counter(known.values())
    return tuple(counts[name] for name in replicas)


def skew_figures(
    name: str, samples: Iterable[Sample], replicas: Sequence[str], housed: Sequence[int] = (), seed: int = 0
) -> Iterator[Figure]:
    """Requests that the busiest of `replicas` answered over their mean: 1 is even, their number is all on one.

    None without an answer; predicted where `housed` says how many visitors are at home on each replica. Theory: each of
    the n requests is made by a visitor drawn at random and goes to its home, so the loads are multinomial in the shares
    of visitors. Mean and 95 % spread of max/mean are those of 4,000 seeded draws.
    """
    answered = Counter(sample.replica for sample in samples if sample.replica in replicas)
    n = answered.total()
    if not n:
        return
    found = max(answered.values()) * len(replicas) / n
    if not sum(housed):
        yield Figure(name, found, "")
        return
    loads = np.random.default_rng(seed).multinomial(n, np.array(housed) / sum(housed), size=DRAWS)
    drawn = loads.max(axis=1) * len(replicas) / n
    mean, (low, high) = float(drawn.mean()), map(float, np.quantile(drawn, [TAIL, 1 - TAIL]))
    theory = f"{n} requests of visitors drawn at random, {'/'.join(map(str, housed))} of them at home on each replica"
    yield Figure(
        name,
        found,
        "",
        max(1.0, found - high + mean),
        found + mean - low,
        predicted=mean,
        theory=f"{theory} (simulated)",
    )
