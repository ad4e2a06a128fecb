"""What `authbench consequences` found, as values that a report can be made again from without any experiment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bench.consequences.model import Outcome
from bench.consequences.reading import FAILED


@dataclass(frozen=True, slots=True)
class Told:
    """One experiment: its own words, see bench.consequences.experiment, and its outcomes."""

    name: str
    question: str
    fault: str
    reading: str
    axis: str
    plots: str
    outcomes: tuple[Outcome, ...]

    @property
    def faulted(self) -> tuple[Outcome, ...]:
        """The outcomes under the fault."""
        return tuple(outcome for outcome in self.outcomes if not outcome.is_control)

    @property
    def controls(self) -> tuple[Outcome, ...]:
        """The outcomes without it."""
        return tuple(outcome for outcome in self.outcomes if outcome.is_control)


@dataclass(frozen=True, slots=True)
class Findings:
    """Every experiment that was conducted, in the order they are told in."""

    experiments: tuple[Told, ...]

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """Those of all experiments."""
        return tuple(outcome for told in self.experiments for outcome in told.outcomes)


@dataclass(frozen=True, slots=True)
class ConsequenceFacts:
    """Everything told beside the findings; plain values.

    `started_at` is ISO 8601 with its zone; `command` repeats the run when pasted into a shell; `took_s` is wall time.
    `password_profile` is a sentence, `environment` may nest, `notes` are sentences a reader must not miss.
    """

    run_id: str
    started_at: str
    took_s: float
    command: str
    profile: str
    seed: int
    environment: Mapping[str, Any]
    password_profile: str
    notes: tuple[str, ...] = ()


def grade(outcome: Outcome) -> int:
    """How bad it is: 0 where nobody was harmed, 1 where requests failed and no more, 2 else."""
    counted = [figure.name for figure in outcome.figures if figure.is_harm and figure.value]
    return 0 if not counted else 1 if set(counted) == {FAILED} else 2


def is_harmful(outcome: Outcome) -> bool:
    """Whether it counts any consequence."""
    return grade(outcome) > 0
