"""What it cost the visitors of one arm that replicas went away, and what theory says it must."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from bench.analysis.model import Verdict
from bench.consequences.apparatus.homes import homes
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Mark, Outcome
from bench.consequences.reading import (
    Observation,
    errors_by_kind,
    failed,
    logged_out,
    requests_failed,
    steady_s,
    timeline,
    users_logged_out,
    wait_ms,
)
from loadtests.record import Sample

KEPT = "no replica keeps anything of a login"
STAYED = "no replica went"
LATE = "{what!r} came {at_s:.1f} s after the load began, expected within its {seconds} s; stop other programs"
LOST = "everyone at home on a replica that went, who then asked for something"


@dataclass(frozen=True, slots=True)
class Departure:
    """A replica that went: from `asked` on it may refuse, from `gone` on it has forgotten what was in its memory."""

    replica: str
    asked: Mark
    gone: Mark


@dataclass(frozen=True, slots=True)
class Bereaved:
    """Visitors whose sessions went with replicas: `surely` noticed, `perhaps` noticed."""

    surely: frozenset[int] = frozenset()
    perhaps: frozenset[int] = frozenset()
    theory: str = KEPT


UNBOUND, UNHARMED = Bereaved(), Bereaved(theory=STAYED)
"""Nobody."""


def bereaved(observation: Observation, earlier: Sequence[Sample], departures: Sequence[Departure]) -> Bereaved:
    """Who was at home on a replica that went, by their last answers before, and asked for something afterwards.

    Surely: a request that was sent when the replica had gone reached another one or its successor. Perhaps: one was
    sent while the replica was going, or nothing tells where the visitor was at home.
    """
    first_ns = min(observation.instant_ns(departure.asked) for departure in departures)
    known = homes([*earlier, *(sample for sample in observation.samples if sample.done_ns < first_ns)])
    homeless = {sample.visitor for sample in observation.samples} - known.keys()
    surely: set[int] = set()
    perhaps: set[int] = set()
    for departure in departures:
        here = {visitor for visitor, replica in known.items() if replica == departure.replica}
        surely |= here & _reaching(observation, departure.gone)
        perhaps |= (here | homeless) & _reaching(observation, departure.asked)
    return Bereaved(frozenset(surely), frozenset(perhaps - surely), LOST)


def _reaching(observation: Observation, mark: Mark) -> set[int]:
    return {sample.visitor for sample in observation.since(mark) if not failed(sample)}


def losses(observation: Observation, expected: Bereaved) -> Iterator[Figure]:
    """Users logged out, held to exactly those `expected`; requests that failed, by kind; how long one had to wait."""
    out = users_logged_out(observation.samples, observation.visitors, len(expected.surely), expected.theory)
    yield replace(out, low=out.value - len(expected.perhaps), high=out.value) if expected.perhaps else out
    yield requests_failed(observation.samples)
    for kind, count in errors_by_kind(observation.samples).most_common():
        yield Figure(kind, count, "requests", of=len(observation.samples))
    yield Figure("longest wait", wait_ms(observation.samples, 1.0), "ms")


def errors_end(observation: Observation, mark: Mark) -> Figure:
    """How long after `mark` the last request failed."""
    return Figure("errors until", steady_s(observation, mark), "s")


def told(
    experiment: str, setting: str, observation: Observation, figures: Iterable[Figure], last: Mark | None = None
) -> Outcome:
    """The outcome of an arm. `last`: the last deed that its visitors must have felt."""
    return Outcome(
        experiment=experiment,
        scheme=observation.arm.scheme,
        setting=setting,
        headline=_headline(observation),
        figures=tuple(figures),
        verdict=timely(observation, last) if last else observation.verdict,
        balancing=observation.arm.balancing,
        timeline=timeline(observation),
        records=(observation.record,),
    )


def spared(experiment: str, setting: str, observation: Observation, figures: Iterable[Figure]) -> Outcome:
    """The control: the outcome of an arm that nothing was done to."""
    return replace(told(experiment, setting, observation, figures), is_control=True, timeline=None)


def timely(observation: Observation, last: Mark) -> Verdict:
    """Its verdict; INVALID where `last` was done when nobody asked for anything any more, so that nobody felt it."""
    verdict = observation.verdict
    if last.at_s < observation.seconds:
        return verdict
    reason = LATE.format(what=last.what, at_s=last.at_s, seconds=observation.seconds)
    return Verdict("INVALID", (*verdict.reasons, reason), disturbed=True)


def _headline(observation: Observation) -> str:
    """The worst that happened to visitors, in few words."""
    if users := len(logged_out(observation.samples)):
        return f"{users} of {observation.visitors} users logged out"
    if count := sum(map(failed, observation.samples)):
        return f"{count} of {len(observation.samples)} requests failed"
    return CONSEQUENCE_FREE


def marked(observation: Observation, what: str) -> Mark:
    """The first mark that says `what`. StopIteration when there is none."""
    return next(mark for mark in observation.marks if mark.what == what)
