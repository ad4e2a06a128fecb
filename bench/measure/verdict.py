"""Whether a cell may be believed: each reason against it in plain words, with the figure, the bar and what to do."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.intervals import percentile, proportion
from bench.analysis.latency import lateness_ms, service_ms
from bench.analysis.model import Verdict
from bench.analysis.outcomes import UNAUTHORIZED, predicted_refused_ratio, succeeded
from loadtests.plan import CellPlan
from loadtests.record import Counts, Sample

UNPROVEN = (
    "no counters of the servers could be read, so nothing shows that the scheme did its work; "
    "measure on a stack that authbench starts to have it proven"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about one cell of one block when its slice has ended. None: not measured, so not held against it.

    `counts`: `received` is what arrived in the record's hands; `load_balancer` None means that no counters of the
    servers could be read. `processes_before`, `processes_after`: identity (pid and start time) of each server
    process by `component/name`. `doubt`: why a cell that no load balancer counted is not believed, "" where its
    stores' counters show the work instead. `generator_cpu_ratio`: 1.0 is one core. `missing_load`: what is missing of
    which load worker, in words; `clock_uncertainty_ns`: how far the workers' clocks may be apart.
    `control_drift_ratio`: see that function. `other_load_ratio`: share of the machine that others used, see
    `bench.measure.environment`. `faults_injected`: answers other than expected and processes that die are the result.
    """

    cell: CellPlan
    needs_affinity: bool
    counts: Counts
    samples: Sequence[Sample]
    processes_before: Mapping[str, str]
    processes_after: Mapping[str, str]
    doubt: str = UNPROVEN
    generator_cpu_ratio: float | None = None
    loop_lag_ns: int | None = None
    missing_load: tuple[str, ...] = ()
    clock_uncertainty_ns: int | None = None
    control_drift_ratio: float | None = None
    other_load_ratio: float | None = None
    faults_injected: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Where believing ends. Lateness is held to far less on an idle machine by a selfcheck of its own."""

    sent_ratio: float = 0.99
    generator_cpu_ratio: float = 0.8
    loop_lag_ms: float = 200.0
    """The worst single stall; lasting lag shows in the lateness, which has the tighter bar."""
    lateness_ms: float = 5.0
    late_ratio: float = 0.01
    """Of the requests, surely: the lower end of the share's interval, as a few stalls of the machine are chance."""
    clock_uncertainty_ms: float = 1.0
    control_drift_ratio: float = 0.15
    other_load_ratio: float = 0.25


BARS = Bars()
Check = Callable[[Evidence, Bars], Iterator[str]]


def judge(evidence: Evidence, bars: Bars = BARS) -> Verdict:
    """INVALID with every reason found; else UNPROVEN where no counters could be read; else VALID."""
    faults, disturbances = reasons(FAULTS, evidence, bars), reasons(DISTURBANCES, evidence, bars)
    if faults or disturbances:
        return Verdict("INVALID", faults + disturbances, disturbed=not faults)
    if evidence.counts.load_balancer is None and evidence.doubt:
        return Verdict("UNPROVEN", (evidence.doubt,))
    return Verdict("VALID")


def reasons(checks: Iterable[Check], evidence: Evidence, bars: Bars = BARS) -> tuple[str, ...]:
    """What `checks` have against a cell: each says what was found, what was expected; and what to do."""
    return tuple(reason for check in checks for reason in check(evidence, bars))


def control_drift_ratio(samples: Sequence[Sample]) -> float | None:
    """By how much at least the control's median service time moved from a slice's first half to its second.

    The gap between the 95 % intervals of the two medians as a ratio - 1, in either direction; 0 when they overlap,
    so that chance in few samples is no drift. None below 7 answered requests in a half.
    """
    answered = [sample for sample in samples if sample.status]
    if not answered:
        return None
    times_ns = [sample.intended_ns for sample in answered]
    middle_ns = (min(times_ns) + max(times_ns)) / 2
    halves = ([s for s in answered if s.intended_ns < middle_ns], [s for s in answered if s.intended_ns >= middle_ns])
    first, second = (percentile(service_ms(half), 0.5) for half in halves)
    if first is None or second is None:
        return None
    return max(0.0, first.low / second.high - 1, second.low / first.high - 1)


def _sent(evidence: Evidence, bars: Bars) -> Iterator[str]:
    sent, scheduled = evidence.counts.sent, evidence.counts.scheduled
    if not scheduled or sent / scheduled < bars.sent_ratio:
        yield (
            f"{sent} of {scheduled} scheduled requests were sent, expected at least {_percent(bars.sent_ratio)}; "
            "choose a lower --rate"
        )


def _statuses(evidence: Evidence, _: Bars) -> Iterator[str]:
    unexpected = Counter(_outcome(sample) for sample in evidence.samples if not _expected(sample, evidence))
    counted = ", ".join(f"{count} x {outcome}" for outcome, count in unexpected.most_common())
    refusals = " or the predicted 401" if _refusals_expected(evidence) else ""
    if unexpected and not evidence.faults_injected:
        yield (
            f"{unexpected.total()} of {len(evidence.samples)} requests ended unexpectedly: {counted}; "
            f"expected 2xx{refusals}; look at the logs of the run"
        )


def _expected(sample: Sample, evidence: Evidence) -> bool:
    return succeeded(sample) or (sample.status == UNAUTHORIZED and _refusals_expected(evidence))


def _refusals_expected(evidence: Evidence) -> bool:
    """Also where no theory is known: there refusals are the figure to be measured."""
    return predicted_refused_ratio(evidence.cell, needs_affinity=evidence.needs_affinity) != 0


def _outcome(sample: Sample) -> str:
    status = str(sample.status) if sample.status else "no response"
    return f"{status} ({sample.reason})" if sample.reason else status


def _counts(evidence: Evidence, _: Bars) -> Iterator[str]:
    counts = evidence.counts
    stations = {"received": counts.received, "recorded": len(evidence.samples)}
    if counts.load_balancer is not None:
        stations["counted by the load balancer"] = counts.load_balancer
    told = ", ".join(f"{count} {station}" for station, count in stations.items())
    if set(stations.values()) != {counts.sent}:
        yield (
            f"{counts.sent} requests were sent but {told}; expected the same count everywhere: samples were lost or "
            "someone else sent requests; run it again with nothing else using the stack"
        )


def _generator(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found = evidence.generator_cpu_ratio
    if found is not None and found > bars.generator_cpu_ratio:
        yield (
            f"the load generator used {_percent(found)} of a core, expected at most "
            f"{_percent(bars.generator_cpu_ratio)}; choose a lower --rate, or give it a core of its own"
        )


def _loop_lag(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found_ms = (evidence.loop_lag_ns or 0) / 1e6
    if found_ms > bars.loop_lag_ms:
        yield (
            f"the load generator stood still for {found_ms:.0f} ms, expected at most {bars.loop_lag_ms:g} ms; "
            "stop other programs or choose a lower --rate"
        )


def _lateness(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found_ms = lateness_ms(evidence.samples, evidence.cell.visitors)
    late = sum(value > bars.lateness_ms for value in found_ms)
    if late and proportion(late, len(found_ms)).low > bars.late_ratio:
        yield (
            f"{late} of {len(found_ms)} requests were sent more than {bars.lateness_ms:g} ms after their time, "
            f"expected {_percent(bars.late_ratio)} at most; stop other programs or choose a lower --rate"
        )


def _missing_load(evidence: Evidence, _: Bars) -> Iterator[str]:
    yield from evidence.missing_load


def _clocks(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found_ms = (evidence.clock_uncertainty_ns or 0) / 1e6
    if found_ms > bars.clock_uncertainty_ms:
        yield (
            f"the load workers' clocks are known to {found_ms:.2f} ms only, expected {bars.clock_uncertainty_ms:g} ms "
            "at most; use machines on one local network that nothing else is busy with"
        )


def _restarts(evidence: Evidence, _: Bars) -> Iterator[str]:
    before, after = evidence.processes_before, evidence.processes_after
    died = [name for name in before if name not in after]
    restarted = [name for name in before if name in after and before[name] != after[name]]
    for names, what in ((died, "died"), (restarted, "restarted")):
        if names and not evidence.faults_injected:
            yield (
                f"{', '.join(names)} {what} during the cell, expected every process to live through it; "
                "look at its log in the run directory"
            )


def _drift(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found = evidence.control_drift_ratio
    if found is not None and found > bars.control_drift_ratio:
        yield (
            f"the control's median service time moved by {_percent(found)} within the slice, expected at most "
            f"{_percent(bars.control_drift_ratio)}: the machine's speed is not steady; "
            "stop other programs and run it again"
        )


def _other_load(evidence: Evidence, bars: Bars) -> Iterator[str]:
    found = evidence.other_load_ratio
    if found is not None and found > bars.other_load_ratio:
        yield (
            f"other programs used {_percent(found)} of the machine, expected at most "
            f"{_percent(bars.other_load_ratio)}; stop them and run it again"
        )


def _percent(ratio: float) -> str:
    return f"{100 * ratio:.4g} %"


FAULTS = (_missing_load, _sent, _statuses, _counts, _generator, _restarts)
"""What lies in the cell: it would come again in the next block."""
DISTURBANCES = (_loop_lag, _lateness, _clocks, _drift, _other_load)
"""What lies in the machine at that time, whichever arm it hit."""
# The same, as a search for the highest rate needs to tell them apart.
SERVERS = (_missing_load, _restarts)
UNCERTAIN = (_counts, _clocks)
OTHERS = (_other_load,)
STARVED, LATE = (_generator,), (_lateness, _loop_lag)
