"""The stores move away under load, step by step: what a round trip of theirs adds to an answer."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, hypot, inf

import numpy as np

from bench.analysis.intervals import Floats, mean, percentile
from bench.analysis.latency import PERCENTILES, response_ms, service_ms
from bench.analysis.model import Estimate
from bench.analysis.outcomes import succeeded
from bench.consequences.apparatus.pings import Pinger, Trips
from bench.consequences.apparatus.renewers import Renewer, renewer
from bench.consequences.experiment import Experiment, worst
from bench.consequences.lab import Lab, Scale, Stage
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import Observation, requests_failed, users_logged_out
from bench.measure.proof import CONTROL
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from services.contract import SchemeSpec, Step

NAME = "store-distance"
TOKEN = "jwt-hs256"  # noqa: S105 - the name of a scheme
"""The stateless token that all are held against; like the control it is measured whoever else is."""
SCHEMES = (CONTROL, TOKEN, "refresh-token", "redis-session", "postgres-session", "jwt-denylist")
MEDIAN, ADDED, MATTERS = "median response", "added by the distance", "a stateless token is faster from"
RENEWAL, ADDED_TO_RENEWAL = "median renewal", "added to a renewal"
PINGED = "distance as pinged"
MS_PER_S = 1000
UNKNOWN = Estimate(inf, inf, inf)


@dataclass(frozen=True, slots=True)
class Size:
    """`distances_ms` are round trips, the first of them none; each is loaded twice, for `seconds` and `renewals`."""

    visitors: int
    rate_rps: float
    seconds: int
    distances_ms: tuple[float, ...]
    renewals: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size(8, 30, 1, (0, 50), 4),
    "quick": Size(20, 25, 3, (0, 1, 10, 50), 5),
    "standard": Size(40, 25, 12, (0, 0.5, 1, 2, 5, 10, 20, 50), 20),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """There and back again: a machine that grows slower all the while is as slow at every distance."""
    size = SIZES[lab.scale]
    arms = [lab.arm(scheme, visitors=size.visitors) for scheme in dict.fromkeys((CONTROL, TOKEN, *schemes))]
    order_ms = (*size.distances_ms, *reversed(size.distances_ms))
    slices = [SlicePlan("latency", size.rate_rps, size.seconds, pinned=False) for _ in order_ms]
    asking = [arm.id for arm in arms if _round_trips(lab.spec(arm.scheme), "verify", "renew")]
    with (
        lab.stage(arms, slices, distant=True, timed=True) as stage,
        Pinger({name: stage.arms[name] for name in asking}) as pinger,
    ):
        renewers = [renewer(lab, stage, arm) for arm in arms if lab.spec(arm.scheme).traits.can_renew]
        company = Company(pinger, renewers, size.renewals)
        loaded = [_loaded(stage, number, distance_ms, company) for number, distance_ms in enumerate(order_ms)]
    seen = {arm.scheme: [_at(distance_ms, arm, loaded) for distance_ms in size.distances_ms] for arm in arms}
    for scheme, points in seen.items():
        curve = Curve(lab.spec(scheme), points, seen[CONTROL])
        yield from curve.outcomes()
        if curve.round_trips:
            yield curve.against(seen[TOKEN])


@dataclass(frozen=True, slots=True)
class Company:
    """Who else asks: someone pings the stores during a slice, and after it each renewer renews `renewals` times."""

    pinger: Pinger
    renewers: Sequence[Renewer]
    renewals: int


@dataclass(frozen=True, slots=True)
class Loaded:
    """What one slice showed, by arm."""

    distance_ms: float
    observed: Mapping[str, Observation]
    pinged_ms: Trips
    renewed: Mapping[str, Sequence[Sample]]


def _loaded(stage: Stage, number: int, distance_ms: float, company: Company) -> Loaded:
    for arm in stage.arms.values():
        arm.set_distance(distance_ms / MS_PER_S)
    with company.pinger.pinging() as pinged_ms:
        observed = stage.load(number)
    return Loaded(distance_ms, observed, pinged_ms, {one.arm: one.renew(company.renewals) for one in company.renewers})


def _at(distance_ms: float, arm: ArmPlan, loaded: Sequence[Loaded]) -> "At":
    times = [one for one in loaded if one.distance_ms == distance_ms]
    renewals = (sample for one in times for sample in one.renewed.get(arm.id, ()))
    pinged_ms = (took_ms for one in times for took_ms in one.pinged_ms.get(arm.id, ()))
    return At(distance_ms, tuple(one.observed[arm.id] for one in times), tuple(renewals), tuple(pinged_ms))


@dataclass(frozen=True, slots=True)
class At:
    """One arm with its stores `distance_ms` away, each time that they were."""

    distance_ms: float
    observations: tuple[Observation, ...]
    renewals: tuple[Sample, ...] = ()
    pinged_ms: tuple[float, ...] = ()

    @property
    def samples(self) -> list[Sample]:
        """Of all times."""
        return [sample for observation in self.observations for sample in observation.samples]

    @property
    def visitors(self) -> int:
        """The same ones each time."""
        return self.observations[0].visitors

    @property
    def median(self) -> Estimate:
        """Intended to done, of what succeeded; infinite where hardly anything did."""
        return percentile(self._answers, 0.5) or UNKNOWN

    @property
    def median_renewal(self) -> Estimate:
        """As `median`."""
        return percentile(response_ms(filter(succeeded, self.renewals)), 0.5) or UNKNOWN

    @property
    def median_ping(self) -> Estimate:
        """As `median`, of round trips to a store that has nothing to do for them."""
        return percentile(np.sort(np.array(self.pinged_ms)), 0.5) or UNKNOWN

    def tail(self) -> Iterator[Figure]:
        """The highest percentile of which there are enough samples."""
        for name in ("p99", "p95", "p90"):
            if (found := percentile(self._answers, PERCENTILES[name])) is not None:
                yield Figure(f"{name} response", found.value, "ms", found.low, found.high)
                return

    def pace(self) -> Iterator[Figure]:
        """What one client gets who asks again as soon as it is answered: 1 / mean service time of the open loop."""
        times_ms = [float(each) for each in service_ms(filter(succeeded, self.samples))]
        if times_ms:
            took = mean(times_ms)
            low, high = MS_PER_S / took.high, MS_PER_S / took.low if took.low > 0 else inf
            yield Figure("answers to one client", MS_PER_S / took.value, "per s", low, high)

    @property
    def _answers(self) -> Floats:
        return response_ms(filter(succeeded, self.samples))


@dataclass(frozen=True, slots=True)
class Curve:
    """A scheme and the control at every distance, the first of them none."""

    spec: SchemeSpec
    points: Sequence[At]
    control: Sequence[At]

    @property
    def round_trips(self) -> int:
        """To any store, for one read on a warm connection."""
        return _round_trips(self.spec, "verify")

    def outcomes(self) -> Iterator[Outcome]:
        """One a distance."""
        for place, point in enumerate(self.points):
            yield Outcome(
                experiment=NAME,
                scheme=self.spec.name,
                setting=f"stores {point.distance_ms:g} ms away",
                headline=f"{point.median.value:.3g} ms to an answer",
                figures=tuple(self._figures(place)),
                verdict=worst(*(one.verdict for one in point.observations)),
                at=point.distance_ms,
                is_control=place == 0,
                records=tuple(one.record for one in point.observations),
            )

    def against(self, token: Sequence[At]) -> Outcome:
        """From which distance on the token answers faster, by the medians and their intervals: no farther is looked."""
        pairs = list(zip(self.points, token, strict=True))
        places = [place for place, (mine, its) in enumerate(pairs) if mine.median.low > its.median.high]
        first_ms = self.points[places[0]].distance_ms if places else inf
        looked_at = pairs[: places[0] + 1] if places else pairs
        seen = [one for pair in looked_at for point in pair for one in point.observations]
        return Outcome(
            experiment=NAME,
            scheme=self.spec.name,
            setting=f"against {TOKEN}",
            headline=f"a token is faster from {first_ms:g} ms" if places else "a token is never faster",
            figures=(Figure(MATTERS, first_ms, "ms"),),
            verdict=worst(*(one.verdict for one in seen)),
            records=tuple(one.record for one in seen),
        )

    def _figures(self, place: int) -> Iterator[Figure]:
        point = self.points[place]
        median = point.median
        yield Figure(MEDIAN, median.value, "ms", median.low, median.high)
        if place and self.spec.name != CONTROL:
            # whatever else slowed a slice down hit the control as well
            more = (point.median, self.control[0].median)
            yield from self._added(ADDED, "verify", place, more, (self.points[0].median, self.control[place].median))
        yield from point.tail()
        yield from point.pace()
        if place and point.pinged_ms:
            pinged = self._pinged(place)
            yield Figure(PINGED, pinged.value, "ms", pinged.low, pinged.high, theory=f"{point.distance_ms:g} ms asked")
        if point.renewals:
            renewal = point.median_renewal
            yield Figure(RENEWAL, renewal.value, "ms", renewal.low, renewal.high)
            if place:
                yield from self._added(ADDED_TO_RENEWAL, "renew", place, (renewal,), (self.points[0].median_renewal,))
        yield users_logged_out(point.samples, point.visitors, 0, "nothing is lost on the way")
        yield requests_failed(point.samples)

    def _pinged(self, place: int) -> Estimate:
        """What a ping took longer than with no distance: what the way adds at 0 ms is part of every figure there."""
        return _difference((self.points[place].median_ping,), (self.points[0].median_ping,))

    def _added(
        self, name: str, step: Step, place: int, more: Sequence[Estimate], less: Sequence[Estimate]
    ) -> Iterator[Figure]:
        """The interval is that of figure and theory together: both are measured. Nothing where one of them is not."""
        added, count = _difference(more, less), _round_trips(self.spec, step)
        pinged = self._pinged(place) if count else Estimate(0, 0, 0)
        if UNKNOWN not in (added, pinged):
            half = hypot((added.high - added.low) / 2, count * (pinged.high - pinged.low) / 2)
            low, high = added.value - half, added.value + half
            theory = f"{count} x the {PINGED}"
            yield Figure(name, added.value, "ms", low, high, predicted=count * pinged.value, theory=theory)


def _round_trips(spec: SchemeSpec, *steps: Step) -> int:
    """To any store, for one of each of `steps` that it has."""
    operations = (spec.traits.operations[step] for step in steps if step in spec.traits.operations)
    return sum(sum(each.round_trips.values()) for each in operations)


def _difference(more: Sequence[Estimate], less: Sequence[Estimate]) -> Estimate:
    """The sum of `more` without that of `less`, each uncertain by itself; UNKNOWN where one of them is."""
    if UNKNOWN in (*more, *less):
        return UNKNOWN
    value = fsum(one.value for one in more) - fsum(one.value for one in less)
    half = hypot(*((one.high - one.low) / 2 for one in (*more, *less)))
    return Estimate(value, value - half, value + half)


EXPERIMENT = Experiment(
    name=NAME,
    question="stores move away: when does a stateless token matter?",
    fault="a TCP proxy between every service and its stores that delays each direction by half the round trip",
    concerns=lambda spec: spec.name in SCHEMES,
    run=run,
    takes_s=36,
    axis="round trip to the stores in ms",
    plots=MEDIAN,
    reading=(
        "Every arm reaches its stores through the proxy, at 0 ms too. Distance as pinged: what a round trip to a store "
        "that has nothing to do takes longer than at 0 ms, through the same proxy in the same slices. Added by the "
        "distance: what the median is over that of the unprotected control at the time, less the same at 0 ms; its "
        "interval is that of the pings as well. A token begins to matter at the smallest "
        "measured distance where the whole 95 % interval of the scheme's median lies above that of jwt-hs256 "
        "(infinity: at none of them). Answers to one client: what somebody gets who waits for each answer, from the "
        "service times of the open loop; several clients get more, until threads or connections are used up."
    ),
)
