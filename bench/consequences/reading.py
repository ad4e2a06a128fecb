"""What the samples of one arm say about a fault: who was logged out, what was answered instead, for how long."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.analysis.intervals import plain_percentile, proportion
from bench.analysis.latency import service_ms
from bench.analysis.model import Verdict
from bench.analysis.outcomes import UNAUTHORIZED, refused, succeeded
from bench.consequences.model import Figure, Mark, Timeline
from loadtests.plan import ArmPlan
from loadtests.record import Sample

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
NO_ANSWER = "no answer"
LOGGED_OUT, REFUSED, FAILED = "users logged out", "requests refused", "requests that failed"
"""Names of the figures that most experiments have."""


@dataclass(frozen=True, slots=True)
class Observation:
    """One arm through one slice. `start_ns`: of the slice, CLOCK_MONOTONIC; `seconds` its length.

    `record` is the file in the run directory that holds it.
    """

    arm: ArmPlan
    samples: tuple[Sample, ...]
    start_ns: int
    seconds: int
    marks: tuple[Mark, ...]
    verdict: Verdict
    record: str

    @property
    def visitors(self) -> int:
        """How many were logged in when it began."""
        return self.arm.visitors

    def since(self, mark: Mark) -> tuple[Sample, ...]:
        """The samples sent at or after `mark`."""
        from_ns = self.instant_ns(mark)
        return tuple(sample for sample in self.samples if sample.sent_ns >= from_ns)

    def between(self, first: Mark, last: Mark) -> tuple[Sample, ...]:
        """The samples sent from `first` on and before `last`."""
        until_ns = self.instant_ns(last)
        return tuple(sample for sample in self.since(first) if sample.sent_ns < until_ns)

    def instant_ns(self, mark: Mark) -> int:
        """When `mark` was, CLOCK_MONOTONIC."""
        return self.start_ns + round(mark.at_s * NS_PER_S)


def logged_out(samples: Iterable[Sample]) -> frozenset[int]:
    """The visitors who were refused though they held a valid credential."""
    return frozenset(sample.visitor for sample in samples if refused(sample))


def failed(sample: Sample) -> bool:
    """Whether it got neither what it asked for nor a refusal: an error of a server, or no answer."""
    return not succeeded(sample) and sample.status != UNAUTHORIZED


def outcome_of(sample: Sample) -> str:
    """What it got, as a kind: "200", "401", "503", "no answer"."""
    return str(sample.status) if sample.status else NO_ANSWER


def errors_by_kind(samples: Iterable[Sample]) -> Counter[str]:
    """How often each kind of failure came, with its reason: "503 store-unavailable", "no answer: timeout"."""
    return Counter(_named(sample) for sample in samples if failed(sample))


def _named(sample: Sample) -> str:
    return f"{sample.status} {sample.reason}".strip() if sample.status else f"{NO_ANSWER}: {sample.reason}"


def first_success_s(observation: Observation, mark: Mark) -> float | None:
    """Seconds from `mark` to the end of the first request sent since then that succeeded; None: none did."""
    done_ns = [sample.done_ns for sample in observation.since(mark) if succeeded(sample)]
    return (min(done_ns) - observation.instant_ns(mark)) / NS_PER_S if done_ns else None


def steady_s(observation: Observation, mark: Mark) -> float:
    """Seconds from `mark` to the end of the last request sent since then that failed; 0 when none did."""
    done_ns = [sample.done_ns for sample in observation.since(mark) if failed(sample)]
    return (max(done_ns) - observation.instant_ns(mark)) / NS_PER_S if done_ns else 0.0


def wait_ms(samples: Iterable[Sample], quantile: float) -> float:
    """A percentile of sent to done, over all kinds of answers; 0 without any sample."""
    ascending = service_ms(samples)
    return plain_percentile(ascending, quantile) if len(ascending) else 0.0


def users_logged_out(
    samples: Iterable[Sample], of: int, predicted: float | None = None, theory: str = "", spread: float = 0.0
) -> Figure:
    """The exact count. `spread`: how far chance alone moves it from `predicted`, as 1.96 standard deviations."""
    count = len(logged_out(samples))
    return Figure(
        LOGGED_OUT,
        count,
        "users",
        low=count - spread if spread else None,
        high=count + spread if spread else None,
        of=of,
        predicted=predicted,
        theory=theory,
        is_harm=True,
    )


def requests_refused(samples: Sequence[Sample], predicted: float | None = None, theory: str = "") -> Figure:
    """The share of requests refused though their credential was valid, with Wilson's interval. `predicted` in %."""
    share = proportion(sum(map(refused, samples)), len(samples))
    low, value, high = (100 * end for end in (share.low, share.value, share.high))
    return Figure(REFUSED, value, "%", low, high, predicted=predicted, theory=theory, is_harm=True)


def requests_failed(samples: Sequence[Sample]) -> Figure:
    """The exact count of errors and missing answers."""
    return Figure(FAILED, sum(map(failed, samples)), "requests", of=len(samples), is_harm=True)


def timeline(observation: Observation, bin_s: float = 0.5) -> Timeline:
    """Answers by kind in bins of intended starts, from the beginning of the slice to its end."""
    bins = max(1, round(observation.seconds / bin_s))
    counts: defaultdict[str, list[int]] = defaultdict(lambda: [0] * bins)
    worst_ms: list[float | None] = [None] * bins
    for sample in observation.samples:
        place = int((sample.intended_ns - observation.start_ns) / NS_PER_S / bin_s)
        if 0 <= place < bins:
            counts[outcome_of(sample)][place] += 1
            worst_ms[place] = max(worst_ms[place] or 0.0, (sample.done_ns - sample.intended_ns) / NS_PER_MS)
    told = {kind: tuple(counts[kind]) for kind in sorted(counts)}
    return Timeline(bin_s, told, observation.marks, tuple(worst_ms))
