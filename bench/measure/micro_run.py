"""A run of microbenchmarks while it goes on, and what micro.json says of it, whatever ends it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.analysis import serial
from bench.measure.block import Progress
from bench.measure.environment import Environment
from bench.measure.run import Status, concluded, heading
from bench.measure.rundir import MICRO, RunDirectory
from bench.micro.effort import Effort, EffortName
from bench.micro.figures import Figure
from bench.micro.session import measure
from bench.stack.supervisor import Supervisor


@dataclass(slots=True)
class MicroRun:
    """What is known of it. `effort`: how thoroughly it measures, which `profile` names."""

    directory: RunDirectory
    profile: EffortName
    effort: Effort
    command: str
    environment: Environment
    started: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    figures: tuple[Figure, ...] = ()
    status: Status = "running"

    def describe(self) -> None:
        """Bring micro.json up to date. NotReadyError when the disk will not."""
        self.directory.describe(self._document(), MICRO)

    def _document(self) -> dict[str, Any]:
        return {
            **heading(self),
            "profile": self.profile,
            "figures": [serial.finite(figure) for figure in self.figures],
        }


def measure_all(run: MicroRun, progress: Progress) -> None:
    """Measure every call on servers of its own; whatever ends it early is marked. NotReadyError as for a run."""
    with concluded(run), Supervisor(run.directory.logs) as supervisor:
        run.describe()
        run.figures = measure(supervisor, run.effort, run.directory.path, progress)
