"""Rows of services under load: what a request that passes them costs, and what their stores were asked for it."""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bench.analysis.costs import NS_PER_S, NS_PER_US
from bench.analysis.intervals import mean, percentile, plain_percentile
from bench.analysis.latency import service_ms
from bench.analysis.model import Estimate
from bench.analysis.outcomes import succeeded
from bench.consequences.apparatus.intruders import Attempts, attempt
from bench.consequences.lab import Lab
from bench.consequences.reading import Observation
from bench.measure.cpu import rates_ns_per_s
from bench.measure.laboratory import Reading, grown
from bench.measure.piece import Rates
from bench.stack.haproxy_config import PLAIN
from loadtests.plan import ArmPlan, SlicePlan
from loadtests.record import Sample
from services.contract import Traits
from services.settings import HopCheck

IDLE_S = 1.0
P50 = 0.5


@dataclass(frozen=True, slots=True)
class Chain:
    """`depth` services in a row, and how each of them finds out who asks."""

    arm: ArmPlan
    check: HopCheck
    depth: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """A chain through one slice of load: what visitors saw, and what its servers told before and after.

    `idle`: what each process consumes without load.
    """

    seen: Observation
    before: Reading
    after: Reading
    idle: Rates

    @property
    def served(self) -> list[Sample]:
        """The requests that got what they asked for."""
        return [sample for sample in self.seen.samples if succeeded(sample)]

    @property
    def cpu_us(self) -> float:
        """CPU per served request of all processes that work for the chain, idling subtracted; infinite without any.

        (sum over processes of c1 - c0 - i (t1 - t0)) / n, as `bench.analysis.costs.cpu_us`.
        """
        earlier = {one.process: one for one in self.before.resources}
        spent_ns = 0.0
        for later in self.after.resources:
            first = earlier.get(later.process, later)
            idle_ns = self.idle.get(later.process, 0.0) * (later.at_ns - first.at_ns) / NS_PER_S
            spent_ns += later.cpu_ns - first.cpu_ns - idle_ns
        return spent_ns / NS_PER_US / len(self.served) if self.served else math.inf

    def asked(self, traits: Traits) -> int | None:
        """How many commands of its verification the stores counted; all commands, where it declares none.

        None where they did not tell. Connections that are opened meanwhile say hello, which is nobody's verification.
        """
        counted = grown(self.before, self.after)
        if counted is None:
            return None
        declared = {name for names in traits.operations["verify"].commands.values() for name in names}
        return sum(
            count
            for commands in counted.values()
            for name, count in commands.items()
            if not declared or name in declared
        )


@dataclass(frozen=True, slots=True)
class Passage:
    """All that was measured of a chain. Stretches of the same number were loaded at the same time as other chains'."""

    chain: Chain
    stretches: tuple[Stretch, ...]
    attempts: Attempts

    @property
    def samples(self) -> list[Sample]:
        """Of all stretches."""
        return [sample for stretch in self.stretches for sample in stretch.seen.samples]

    def cpu_us(self) -> Estimate:
        """CPU per request, with Student's t interval over the stretches."""
        return mean([stretch.cpu_us for stretch in self.stretches])

    def cpu_us_over(self, base: "Passage") -> Estimate:
        """What it costs more than `base`, stretch by stretch, so that what disturbed both does not count."""
        pairs = zip(self.stretches, base.stretches, strict=True)
        return mean([ours.cpu_us - theirs.cpu_us for ours, theirs in pairs])

    def p50_ms(self) -> Estimate:
        """Median from sent to done; its interval is infinite below seven samples."""
        ascending = service_ms(sample for stretch in self.stretches for sample in stretch.served)
        return percentile(ascending, P50) or Estimate(plain_percentile(ascending, P50), 0.0, math.inf)

    def p50_ms_over(self, base: "Passage") -> Estimate:
        """The difference d of two medians m and b, each with an interval: d - sqrt((m - ml)^2 + (bu - b)^2), and so up.

        Source: Zou and Donner, "Construction of confidence limits about effect measures", Statistics in Medicine 27,
        2008 (MOVER).
        """
        ours, theirs = self.p50_ms(), base.p50_ms()
        d = ours.value - theirs.value
        down = math.hypot(ours.value - ours.low, theirs.high - theirs.value)
        return Estimate(d, d - down, d + math.hypot(ours.high - ours.value, theirs.value - theirs.low))

    def asked_per_request(self, traits: Traits) -> float | None:
        """Store commands of verification per served request; None where the stores did not tell."""
        asked = [stretch.asked(traits) for stretch in self.stretches]
        served = sum(len(stretch.served) for stretch in self.stretches)
        told = [count for count in asked if count is not None]
        return sum(told) / served if served and len(told) == len(asked) else None


def load(lab: Lab, chains: Sequence[Chain], warm_up: SlicePlan, stretches: Sequence[SlicePlan]) -> Iterator[Passage]:
    """Start `chains` side by side and load them, all at once, through each of `stretches`. NotReadyError."""
    own = {chain.arm.id: replace(lab.settings, hop_check=chain.check) for chain in chains}
    hops = {chain.arm.id: chain.depth for chain in chains}
    arms = [chain.arm for chain in chains]
    with lab.stage(arms, [warm_up, *stretches], own=own, hops=hops, front=PLAIN, timed=True) as stage:
        attempts = {name: attempt(bench, lab.spec(bench.plan.scheme).traits) for name, bench in stage.benches.items()}
        stage.load(0)
        before = {name: bench.account_polling() for name, bench in stage.benches.items()}
        time.sleep(IDLE_S)
        idle = {name: rates_ns_per_s(before[name], bench.account_polling()) for name, bench in stage.benches.items()}
        passed: dict[str, list[Stretch]] = {arm.id: [] for arm in arms}
        for number in range(1, len(stretches) + 1):
            began = {name: bench.read() for name, bench in stage.benches.items()}
            for name, seen in stage.load(number).items():
                passed[name].append(Stretch(seen, began[name], stage.benches[name].read(), idle[name]))
    for chain in chains:
        yield Passage(chain, tuple(passed[chain.arm.id]), attempts[chain.arm.id])
