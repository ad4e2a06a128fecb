"""What a run measured of every scheme, as costs and findings that needs can be held against."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.advice import Cost
from bench.analysis.advice_rules import Fact, Finding
from bench.analysis.comparison import AGAIN, CONTROL_SCHEME
from bench.analysis.model import CellSummary, Estimate, Summary
from services.contract import SchemeSpec

UNMEASURED = "not measured"
RUN_IT = "not measured here: run `authbench run --profile standard`"
RUN_IT_STICKY = "not measured here: run `authbench run --profile standard --balancing roundrobin,sticky`"
P99 = "p99"
USED: Mapping[str, Fact] = {"redis": "redis_used", "postgres": "postgres_used"}


@dataclass(frozen=True, slots=True)
class Measured:
    """A run and the part of it whose figures stand beside each other: one number of replicas, one rate of CPU cells."""

    run_id: str
    summary: Summary
    replicas: int
    rate_rps: float
    latency_rate_rps: float | None

    def cost(self, spec: SchemeSpec) -> Cost:
        """What a read of the scheme costs in this part of the run."""
        cell, timed = self._cell(spec), self._timed(spec)
        told = timed or cell
        if told is None:
            return declared_cost(spec)
        versus = next((one for one in self.summary.to_control if cell and one.candidate == cell.id), None)
        counted = told.store_operations
        return Cost(
            store_operations=declared_cost(spec).store_operations if counted is None else sum(counted.values()),
            cpu_us=versus.difference_us if versus else None,
            cpu_ratio=versus.ratio if versus else None,
            shown=bool(versus and versus.shown),
            p99_ms=timed.response_ms.get(P99) if timed else None,
            bytes_up=told.bytes_up,
            bytes_down=told.bytes_down,
            cell=cell.id if cell else told.id,
        )

    def findings(self, spec: SchemeSpec, cost: Cost) -> Iterator[tuple[Fact, Finding]]:
        """The figures that budgets can be held against."""
        timed = self._timed(spec)
        if cost.cpu_ratio:
            words = f"{cost.cpu_ratio.value:.2f}x the control{_ends(cost.cpu_ratio, 'x', 2)}"
            yield "cpu_ratio", Finding(cost.cpu_ratio.value, words, f"run {self.run_id}, {cost.cell}")
        if cost.p99_ms and timed:
            words = f"{cost.p99_ms.value:.3g} ms{_ends(cost.p99_ms, ' ms', 1)} at {timed.cell.rate_rps:g} requests/s"
            yield "p99_ms", Finding(cost.p99_ms.value, words, f"run {self.run_id}, {timed.id}")
        if (told := timed or self._cell(spec)) and told.store_operations:
            for store, count in told.store_operations.items():
                if count and store in USED:
                    words = f"{count:.3g} command{'' if count == 1 else 's'} a read"
                    yield USED[store], Finding(count, words, f"run {self.run_id}, {told.id}")

    def _cell(self, spec: SchemeSpec) -> CellSummary | None:
        return next((one for one in self._cells(spec, "cpu") if one.cell.rate_rps == self.rate_rps), None)

    def _timed(self, spec: SchemeSpec) -> CellSummary | None:
        cells = self._cells(spec, "latency")
        return next((one for one in cells if one.cell.rate_rps == self.latency_rate_rps), None)

    def _cells(self, spec: SchemeSpec, purpose: str) -> Iterator[CellSummary]:
        """Believed and unrefused, under the carrier and the balancing that somebody who runs the scheme chooses."""
        for one in _usable(self.summary, purpose):
            plan = one.cell
            fits = self.replicas == 1 or (plan.balancing == "sticky") == spec.traits.needs_affinity
            if (plan.scheme, plan.replicas, plan.carrier) == (spec.name, self.replicas, spec.traits.default_carrier):
                yield from (one,) if fits else ()


def measured(run_id: str, summary: Summary, servers: int) -> Measured | None:
    """The part of a run that is nearest to `servers`: that many or the next more, else the most; at its highest rate.

    None where it has no such part: nothing believed was measured.
    """
    cells = list(_usable(summary, "cpu"))
    counts = sorted({one.cell.replicas for one in cells})
    if not counts:
        return None
    replicas = next((count for count in counts if count >= servers), counts[-1])
    timed = [one.cell.rate_rps for one in _usable(summary, "latency") if one.cell.replicas == replicas]
    rate_rps = max(one.cell.rate_rps for one in cells if one.cell.replicas == replicas)
    return Measured(run_id, summary, replicas, rate_rps, max(timed, default=None))


def unmeasured(spec: SchemeSpec, servers: int) -> Iterator[tuple[Fact, Finding]]:
    """What only a run can tell, before there is one."""
    facts: Sequence[Fact] = ("cpu_ratio", "p99_ms")
    source = RUN_IT_STICKY if spec.traits.needs_affinity and servers > 1 else RUN_IT
    for fact in facts:
        yield fact, Finding(math.nan, UNMEASURED, source, is_measured=False)


def declared_cost(spec: SchemeSpec) -> Cost:
    """What a scheme says that a read asks of stores; nothing else is known without a run."""
    return Cost(float(sum(sum(counts.values()) for counts in spec.traits.operations["verify"].commands.values())))


def _usable(summary: Summary, purpose: str) -> Iterator[CellSummary]:
    for one in summary.cells:
        is_first = not (one.cell.arm.endswith(AGAIN) or one.cell.is_twin or one.cell.scheme == CONTROL_SCHEME)
        is_read = one.cell.purpose == purpose and one.cell.journey == "steady"
        if is_first and is_read and one.verdict.status != "INVALID" and not one.refusals.ratio.value:
            yield one


def _ends(estimate: Estimate, unit: str, decimals: int) -> str:
    """The interval in parentheses, where there is one."""
    if not math.isfinite(estimate.high - estimate.low):
        return ""
    return f" ({estimate.low:.{decimals}f}-{estimate.high:.{decimals}f}{unit})"
