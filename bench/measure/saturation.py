"""What a search for the highest rates left of each arm near saturation, and what one step cost it there."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from bench.analysis.capacity.cooling import Cooling, fitted
from bench.analysis.capacity.model import Constant, MaxRateConstant, Step, StepCost
from bench.analysis.costs import TOTAL, cpu_us, mean_bytes, store_operations
from bench.analysis.outcomes import succeeded
from bench.measure.rundir import MAX_RATE, RunDirectory
from loadtests import journeys
from loadtests.plan import ArmPlan, Journey
from loadtests.record import SUFFIX, Record, read
from loadtests.visitor import change_login, log_in, refresh, write
from loadtests.visitor import read as read_profile

SPREAD_OVER_REPLICAS = "replicas"
"""The component that has a process for each; the others have one."""
STEPS: Mapping[journeys.Step, Step] = {
    read_profile: "read",
    write: "write",
    log_in: "login",
    change_login: "relogin",
    refresh: "refresh",
}


@dataclass(frozen=True, slots=True)
class Saturated:
    """An arm and the highest rate it bore. `records`, at `paths`: of every set that verified it, at the rate it met.

    Rates count steps: a relogin is one, though it is two requests. `server_cores`: all its servers shared them.
    `probes`: of each that is believed, at whatever rate, requests a second and the CPU of one by component.
    """

    run_id: str
    arm: ArmPlan
    rate_rps: float
    slo_ms: float
    server_cores: int
    paths: tuple[Path, ...]
    records: tuple[Record, ...]
    probes: tuple[tuple[float, Mapping[str, float]], ...] = ()

    @property
    def source(self) -> str:
        """Where a reader finds it."""
        return f"run {self.run_id}, highest rate of {self.arm.id}, {self.rate_rps:,.4g}/s"

    @property
    def max_rate(self) -> MaxRateConstant:
        """The rate as a constant."""
        rate = Constant(self.rate_rps, self.source)
        return MaxRateConstant(rate, self.slo_ms, self.arm.replicas, self.server_cores, mix(self.arm.journey))

    @property
    def requests_per_step(self) -> float:
        """A relogin is two."""
        return sum(len(record.samples) for record in self.records) / self._steps

    @property
    def _steps(self) -> int:
        return sum(record.footer.counts.scheduled for record in self.records if record.footer)

    @property
    def cost(self) -> StepCost:
        """What one step cost, mean over the process sets; of a mixed journey, its average step."""
        steps = self._steps
        samples = [sample for record in self.records for sample in record.samples]
        succeeded_per_step = sum(map(succeeded, samples)) / steps
        by_set = [cpu_us(record) for record in self.records]
        components = dict.fromkeys(name for one in by_set for name in one if name != TOTAL)
        operations: Mapping[Any, float] = store_operations(self.records) or {}
        up, down = mean_bytes(samples)
        return StepCost(
            cpu_us={
                name: self._constant(succeeded_per_step * fmean(one.get(name, 0.0) for one in by_set))
                for name in components
            },
            operations={name: self._constant(count * len(samples) / steps) for name, count in operations.items()},
            bytes_up=self._constant(up * succeeded_per_step),
            bytes_down=self._constant(down * succeeded_per_step),
            rate_rps=self.rate_rps,
            cooling=dict(self._cooling(components)),
        )

    def _cooling(self, components: Iterable[str]) -> Iterator[tuple[str, Cooling]]:
        """How each component's cost of a request falls with the rate that one process of it serves."""
        for name in components:
            processes = self.arm.replicas if name == SPREAD_OVER_REPLICAS else 1
            points = [(rate_rps / processes, cpu_us.get(name, 0.0)) for rate_rps, cpu_us in self.probes]
            if law := fitted(points, self.rate_rps * self.requests_per_step / processes):
                yield name, law

    def _constant(self, value: float) -> Constant:
        return Constant(value, self.source)


def saturated(directory: RunDirectory) -> Iterator[Saturated]:
    """Every arm whose highest rate is believed, one after the other. RunDirectoryError, RecordError."""
    document = directory.document(MAX_RATE)
    for outcome in document.get("outcomes", ()):
        paths = tuple(_at_highest(directory, outcome))
        if outcome["rate_rps"] and paths:
            yield Saturated(
                run_id=document["id"],
                arm=ArmPlan(**outcome["arm"]),
                rate_rps=outcome["rate_rps"]["value"],
                slo_ms=document["choices"]["slo_ms"],
                server_cores=server_cores(document["environment"]["cores"]),
                paths=paths,
                records=tuple(map(read, paths)),
                probes=tuple(_believed(outcome)),
            )


def scaling_points(directory: RunDirectory) -> Iterator[tuple[ArmPlan, float]]:
    """Arms that read, on no more replicas than the servers had cores, and their highest rate; believed ones alone.

    More replicas share cores: that measures contention, not scaling. RunDirectoryError.
    """
    document = directory.document(MAX_RATE)
    cores = server_cores(document["environment"]["cores"])
    for outcome in document.get("outcomes", ()):
        arm = ArmPlan(**outcome["arm"])
        if outcome["rate_rps"] and arm.journey == "steady" and arm.replicas <= cores:
            yield arm, outcome["rate_rps"]["value"]


def server_cores(cores: int) -> int:
    """How many of a machine's cores pinned servers share: the first half, or the only one."""
    return cores // 2 or 1


def mix(journey: Journey) -> Mapping[Step, float]:
    """The share of each step in a journey's arrivals."""
    weights = journeys.MIXES[journey]
    return {STEPS[step]: weight / sum(weights.values()) for step, weight in weights.items()}


def only_step(journey: Journey) -> Step | None:
    """What a journey does and nothing else; None where it is mixed."""
    step, *others = mix(journey)
    return None if others else step


def _believed(outcome: Mapping[str, Any]) -> Iterator[tuple[float, Mapping[str, float]]]:
    for probe in outcome["probes"]:
        if probe["verdict"]["status"] != "INVALID" and "cpu_us" in probe:  # searches of before did not write it down
            yield probe["scheduled"] / probe["seconds"], probe["cpu_us"]


def _at_highest(directory: RunDirectory, outcome: Mapping[str, Any]) -> Iterator[Path]:
    """Of each verifying set, the last record at the rate it met: those before it were disturbed."""
    arm = outcome["arm"]["id"]
    for number, rate_rps in enumerate(outcome["settled_rps"], 1):
        name = f"max-rate/{arm}/set-{number}/probe-*/{arm}.latency-{rate_rps or 0:g}{SUFFIX}"
        yield from sorted((directory.path / "records").glob(name))[-1:]
