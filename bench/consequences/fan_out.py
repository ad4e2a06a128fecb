"""A request that passes several services, each of which finds out for itself who asks: what that costs by their number.

Every service of a row forwards the caller's own credential to the next one. It verifies the token with its keys, looks
the session up in the store they share, or asks the API each time (RFC 7662). Costs are differences to rows of as many
services that check nothing, loaded at the same time.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.model import Estimate, Verdict
from bench.consequences.apparatus.chains import Chain, Passage, load
from bench.consequences.experiment import Experiment, worst
from bench.consequences.lab import Lab, Scale
from bench.consequences.model import Figure, Outcome, Unit
from bench.consequences.reading import requests_failed, users_logged_out
from bench.measure.proof import CONTROL
from loadtests.plan import SlicePlan
from services.contract import SchemeSpec, Traits
from services.settings import HopCheck

NAME = "fan-out"
CPU, CPU_ADDED, CPU_EACH = "CPU per request", "CPU added to the request", "CPU added by each service"
P50, P50_ADDED = "p50", "p50 added to the request"
COMMANDS, PAYS = "store commands per request", "services from which the token costs less"
LET_THROUGH = "answered without a valid credential"
FANNED = (CONTROL, "redis-session", "postgres-session", "jwt-hs256", "jwt-rs256")
OPAQUE = "redis-session"
"""Its credential says nothing, so services without its store can only ask the API."""
INTROSPECT: HopCheck = "introspect"
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Size:
    """Each row is loaded `stretches` times for `seconds`."""

    depths: tuple[int, ...]
    visitors: int
    rate_rps: float
    stretches: int
    seconds: int


SIZES: Mapping[Scale, Size] = {
    "tiny": Size((2,), 6, 20, 2, 1),
    "quick": Size((1, 2, 4), 12, 15, 4, 2),
    "standard": Size((1, 2, 4), 30, 20, 8, 5),
}


def run(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """The rows of one depth run side by side; the depths one after the other."""
    size = SIZES[lab.scale]
    stretches = [SlicePlan("latency", size.rate_rps, size.seconds, pinned=False)] * size.stretches
    warm_up = SlicePlan("latency", size.rate_rps, WARM_UP_S, pinned=False)
    measured: list[Passage] = []
    for depth in size.depths:
        base, *others = load(lab, list(_chains(lab, schemes, depth, size.visitors)), warm_up, stretches)
        measured += others
        yield Case(base, base, lab.spec(CONTROL).traits).control()
        for passage in others:
            yield Case(passage, base, lab.spec(passage.chain.arm.scheme).traits).outcome()
    yield from comparisons(measured, lab)


def _chains(lab: Lab, schemes: Sequence[str], depth: int, visitors: int) -> Iterator[Chain]:
    """All carry bearers, so that they differ in nothing but what is checked; the base comes first."""
    for scheme in dict.fromkeys([CONTROL, *schemes]):
        yield Chain(lab.arm(scheme, visitors=visitors, carrier="bearer", label=f"{depth}-hops"), "verify", depth)
        if scheme == OPAQUE:
            arm = lab.arm(scheme, visitors=visitors, carrier="bearer", label=f"{depth}-hops-{INTROSPECT}")
            yield Chain(arm, INTROSPECT, depth)


@dataclass(frozen=True, slots=True)
class Case:
    """One row and, of the same depth, one that checks nothing."""

    passage: Passage
    base: Passage
    traits: Traits

    def control(self) -> Outcome:
        """The row that checks nothing, told by itself."""
        cost = self.passage.cpu_us()
        figures = (*self._consequences(), _estimate(CPU, cost, "µs"), _estimate(P50, self.passage.p50_ms(), "ms"))
        return self._told(f"{cost.value:,.0f} µs CPU per request", figures, is_control=True)

    def outcome(self) -> Outcome:
        """What checking adds."""
        added, added_ms = self.passage.cpu_us_over(self.base), self.passage.p50_ms_over(self.base)
        figures = (
            *self._consequences(),
            self._intruders(),
            _estimate(CPU, self.passage.cpu_us(), "µs"),
            _estimate(CPU_ADDED, added, "µs"),
            _estimate(CPU_EACH, _divided(added, self.passage.chain.depth), "µs"),
            _estimate(P50, self.passage.p50_ms(), "ms"),
            _estimate(P50_ADDED, added_ms, "ms"),
        )
        return self._told(f"{added.value:+,.0f} µs CPU, {added_ms.value:+.2f} ms", figures)

    def _consequences(self) -> Iterator[Figure]:
        samples, chain = self.passage.samples, self.passage.chain
        yield users_logged_out(samples, chain.arm.visitors, 0, "every service accepts what the API issued")
        yield requests_failed(samples)
        yield Figure(
            COMMANDS,
            math.nan if (asked := self.passage.asked_per_request(self.traits)) is None else asked,
            "",
            predicted=self._declared(),
            theory="as many as one verification declares, by each service",
        )

    def _intruders(self) -> Figure:
        answered, tried = self.passage.attempts
        theory = "each service refuses for itself"
        return Figure(LET_THROUGH, answered, "requests", of=tried, predicted=0, theory=theory, is_harm=True)

    def _declared(self) -> int:
        commands = self.traits.operations["verify"].commands.values()
        return self.passage.chain.depth * sum(count for store in commands for count in store.values())

    def _told(self, headline: str, figures: tuple[Figure, ...], *, is_control: bool = False) -> Outcome:
        chain = self.passage.chain
        seen = [stretch.seen for stretch in self.passage.stretches]
        return Outcome(
            experiment=NAME,
            scheme=chain.arm.scheme,
            setting=f"{_services(chain.depth)}, {_asking(chain.arm.scheme, chain.check, self.traits)}",
            headline=headline,
            figures=figures,
            verdict=worst(*(one.verdict for one in seen), self._reconciled(figures)),
            at=chain.depth,
            is_control=is_control,
            records=tuple(one.record for one in seen),
        )

    def _reconciled(self, figures: tuple[Figure, ...]) -> Verdict:
        """A row whose stores were asked another number of times did not verify at every service."""
        asked = next(figure for figure in figures if figure.name == COMMANDS)
        if asked.value == asked.predicted:
            return Verdict("VALID")
        reason = (
            f"{asked.value:.4g} store commands of verification per request, expected {asked.predicted:.4g}: "
            "not every service checked every request; look at the logs of the hops"
        )
        return Verdict("INVALID", (reason,))


def comparisons(measured: Sequence[Passage], lab: Lab) -> Iterator[Outcome]:
    """Every row of tokens against every way to look the same user up, over all depths."""
    ways: dict[tuple[str, HopCheck], dict[int, Passage]] = {}
    for passage in measured:
        chain = passage.chain
        ways.setdefault((chain.arm.scheme, chain.check), {})[chain.depth] = passage
    tokens = {scheme: rows for (scheme, _), rows in ways.items() if not lab.spec(scheme).traits.stores}
    for scheme, rows in tokens.items():
        for (other, check), others in ways.items():
            if traits := lab.spec(other).traits if other not in tokens else None:
                yield _compared(scheme, f"against {other}, {_asking(other, check, traits)}", rows, others)


def _compared(scheme: str, setting: str, tokens: Mapping[int, Passage], others: Mapping[int, Passage]) -> Outcome:
    """From how many services on the token costs less CPU, the whole interval of the difference below zero."""
    saved = {depth: others[depth].cpu_us_over(token) for depth, token in tokens.items()}
    pays_at = min((depth for depth, one in saved.items() if one.low > 0), default=math.inf)
    seen = [stretch.seen for row in (tokens, others) for passage in row.values() for stretch in passage.stretches]
    figures = [_estimate(f"CPU saved over {_services(depth)}", one, "µs") for depth, one in saved.items()]
    return Outcome(
        experiment=NAME,
        scheme=scheme,
        setting=setting,
        headline=f"pays from {_services(int(pays_at))} on" if pays_at < math.inf else "no saving shown",
        figures=(Figure(PAYS, pays_at, ""), *figures),
        verdict=worst(*(one.verdict for one in seen)),
        records=tuple(one.record for one in seen),
    )


def _estimate(name: str, found: Estimate, unit: Unit) -> Figure:
    return Figure(name, found.value, unit, found.low, found.high)


def _divided(found: Estimate, by: int) -> Estimate:
    return Estimate(found.value / by, found.low / by, found.high / by)


def _services(depth: int) -> str:
    return f"{depth} services" if depth > 1 else "1 service"


def _asking(scheme: str, check: HopCheck, traits: Traits) -> str:
    if check == INTROSPECT:
        return "each asks the API"
    if scheme == CONTROL:
        return "nobody checks"
    return "each asks the store" if traits.operations["verify"].commands else "each checks the token"


def concerns(spec: SchemeSpec) -> bool:
    """Whether several services could share it, and the question is worth its time: one of each kind."""
    return spec.name in FANNED


EXPERIMENT = Experiment(
    name=NAME,
    question="1, 2, 4 services check each request: what does it cost?",
    fault="none is injected: every service of the row verifies anew; intruders try each of them",
    concerns=concerns,
    run=run,
    takes_s=45,
    axis="services in a row",
    plots=CPU,
    reading=(
        "Costs are CPU of all services, load balancer and stores per request; what is added is the difference to a row "
        "that checks nothing. Intervals are over stretches of load on the same processes: they say how steady a figure "
        "was, not how another start would come out. A token that is checked by its signature is cheaper the more "
        "services there are, if checking it costs less than asking. infinity: no saving was shown at any depth."
    ),
)
