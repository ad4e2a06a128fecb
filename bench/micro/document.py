"""A figure inside pytest-benchmark's JSON: written by the suites, read by whoever reports it, then or later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.model import Estimate
from bench.micro.figures import Figure, Floor
from bench.micro.trimming import trimmed_mean

US_PER_S = 1_000_000


@dataclass(frozen=True, slots=True)
class Beside:
    """What pytest-benchmark does not measure itself, and keeps for us: all of a Figure but `hot_us`."""

    group: str
    subject: str
    case: str
    cold_us: Estimate
    wall_us: Estimate
    server_us: float | None
    floors: tuple[Floor, ...]

    def as_info(self) -> dict[str, object]:
        """As `extra_info` of a benchmark."""
        return {
            "group": self.group,
            "subject": self.subject,
            "case": self.case,
            "cold_us": _listed(self.cold_us),
            "wall_us": _listed(self.wall_us),
            "server_us": self.server_us,
            "floors": [_floor_info(floor) for floor in self.floors],
        }


def figures_of(document: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Every figure of a benchmark.json, in its order: hot from the rounds it lists, the rest from beside them."""
    return tuple(_figure(benchmark["extra_info"], benchmark["stats"]["data"]) for benchmark in document["benchmarks"])


def _figure(info: Mapping[str, Any], rounds_s: Sequence[float]) -> Figure:
    return Figure(
        info["group"],
        info["subject"],
        info["case"],
        trimmed_mean([round_s * US_PER_S for round_s in rounds_s]),
        Estimate(*info["cold_us"]),
        Estimate(*info["wall_us"]),
        info["server_us"],
        tuple(
            Floor(floor["kind"], floor["name"], Estimate(*floor["hot_us"]), Estimate(*floor["ratio"]))
            for floor in info["floors"]
        ),
    )


def _floor_info(floor: Floor) -> dict[str, object]:
    return {
        "kind": floor.kind,
        "name": floor.name,
        "hot_us": _listed(floor.hot_us),
        "ratio": _listed(floor.ratio),
    }


def _listed(estimate: Estimate) -> list[float]:
    return [estimate.value, estimate.low, estimate.high]
