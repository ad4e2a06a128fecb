"""Response and service times of a cell's samples in milliseconds, and how late they were dispatched."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from bench.analysis.intervals import Floats, minimum_samples, percentile, plain_percentile
from bench.analysis.model import Estimate
from bench.analysis.outcomes import UNAUTHORIZED
from loadtests.plan import Journey
from loadtests.record import Sample, StepName

NS_PER_MS = 1e6

PERCENTILES: Mapping[str, float] = {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
HOT_STEP: Mapping[Journey, StepName] = {
    "steady": "read",
    "browse": "read",
    "login": "login",
    "refresh": "refresh",
    "write": "write",
    "relogin": "login",
    "login-heavy": "login",
    "refresh-heavy": "refresh",
    "logout-heavy": "logout",
}
"""The step a journey is about: its times are told, the others' are not mixed into them."""
SPECTRUM = tuple(1 - 10 ** (-step / 20) for step in range(1, 61))
"""Sixty quantiles evenly spaced on an axis of log 1/(1-q): 0.109 ... 0.9 ... 0.99 ... 0.999."""


def timed(samples: Iterable[Sample], journey: Journey) -> list[Sample]:
    """The answered requests of the journey's hot step, refused ones left out: a refusal is cheap, and no read.

    Errors stay in: they make the cell INVALID, and their times say why.
    """
    step = HOT_STEP[journey]
    return [sample for sample in samples if sample.step == step and sample.status not in {0, UNAUTHORIZED}]


def response_ms(samples: Iterable[Sample]) -> Floats:
    """Intended to done of each sample, ascending."""
    return _ascending_ms(sample.done_ns - sample.intended_ns for sample in samples)


def service_ms(samples: Iterable[Sample]) -> Floats:
    """Sent to done of each sample, ascending."""
    return _ascending_ms(sample.done_ns - sample.sent_ns for sample in samples)


def _ascending_ms(times_ns: Iterable[int]) -> Floats:
    return np.sort(np.fromiter(times_ns, dtype=np.float64)) / NS_PER_MS


def percentiles(ascending_ms: Floats) -> dict[str, Estimate | None]:
    """Every percentile of PERCENTILES by name; None where there are too few samples."""
    return {name: percentile(ascending_ms, quantile) for name, quantile in PERCENTILES.items()}


def spectrum(ascending_ms: Floats) -> tuple[tuple[float, float], ...]:
    """(quantile, ms) for the quantiles of SPECTRUM that have enough samples, ascending."""
    told = (quantile for quantile in SPECTRUM if len(ascending_ms) >= minimum_samples(quantile))
    return tuple((quantile, plain_percentile(ascending_ms, quantile)) for quantile in told)


def lateness_ms(samples: Sequence[Sample], visitors: int) -> Floats:
    """Intended to sent, ascending, of requests whose intended start found one of `visitors` idle.

    Those that found none waited for a visitor, not for the dispatcher: their delay is the server's.
    """
    sent, done, intended = (
        np.array([getattr(sample, name) for sample in samples], dtype=np.int64)
        for name in ("sent_ns", "done_ns", "intended_ns")
    )
    started = np.searchsorted(np.sort(sent), intended, side="left")
    ended = np.searchsorted(np.sort(done), intended, side="right")
    late: Floats = np.sort((sent - intended)[started - ended < visitors]) / NS_PER_MS
    return late


def lateness_p99_ms(records: Iterable[Sequence[Sample]], visitors: int) -> float:
    """p99 of `lateness_ms` over the samples of several records; infinite when nothing was sent."""
    late = [lateness_ms(samples, visitors) for samples in records]
    return plain_percentile(np.sort(np.concatenate([np.empty(0), *late])), PERCENTILES["p99"])
