"""A whole run of experiments: one after the other, each kept as soon as it is done, whatever ends it."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from bench.consequences import serial
from bench.consequences.experiment import Experiment, conduct
from bench.consequences.lab import USERS, Lab, Progress
from bench.consequences.model import Outcome
from bench.measure import environment
from bench.measure.environment import Environment
from bench.measure.run import PASSWORD_PROFILE, Status, concluded, heading
from bench.measure.rundir import CONSEQUENCES, RunDirectory
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from loadtests.record import Record
from services.contract import SchemeSpec
from services.settings import Settings

ProfileName = Literal["quick", "standard"]


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user chose. `schemes` empty: all that each experiment concerns but the anti-patterns."""

    profile: ProfileName
    experiments: tuple[str, ...]
    schemes: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Conducted:
    """One experiment that came to its end."""

    experiment: Experiment
    took_s: float
    outcomes: tuple[Outcome, ...]


@dataclass(slots=True)
class Examination:
    """What is known of a run of experiments while it goes on, and what consequences.json says of it."""

    directory: RunDirectory
    choices: Choices
    experiments: tuple[Experiment, ...]
    catalogue: Mapping[str, SchemeSpec]
    command: str
    environment: Environment
    started: datetime = field(default_factory=lambda: datetime.now(UTC).astimezone())
    conducted: list[Conducted] = field(default_factory=list)
    status: Status = "running"

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """All that was found so far."""
        return tuple(outcome for done in self.conducted for outcome in done.outcomes)

    def describe(self) -> None:
        """Bring consequences.json up to date. NotReadyError when the disk will not."""
        self.directory.describe(self._document(), CONSEQUENCES)

    def _document(self) -> dict[str, Any]:
        return {
            **heading(self),
            "choices": asdict(self.choices),
            "password_profile": PASSWORD_PROFILE,
            "planned": [experiment.name for experiment in self.experiments],
            "experiments": [_told(done) for done in self.conducted],
        }


def _told(done: Conducted) -> dict[str, Any]:
    """With its words, so that they can be told again by whoever knows no such experiment."""
    words = ("name", "question", "fault", "axis", "plots", "reading")
    said = {word: getattr(done.experiment, word) for word in words}
    return {**said, "took_s": round(done.took_s, 1), "outcomes": serial.to_jsonable(done.outcomes)}


def concerned(experiment: Experiment, catalogue: Mapping[str, SchemeSpec], schemes: Sequence[str]) -> tuple[str, ...]:
    """Those of `schemes` that `experiment` is about; of none, all that are not anti-patterns, in the story's order."""
    if schemes:
        return tuple(name for name in schemes if experiment.concerns(catalogue[name]))
    return tuple(name for name, spec in catalogue.items() if not spec.traits.antipattern and experiment.concerns(spec))


def examine(run: Examination, progress: Progress) -> None:
    """Conduct every experiment of `run`. Whatever ends it early, what was found is kept and marked. NotReadyError."""
    with concluded(run), Supervisor(run.directory.logs) as supervisor:
        run.describe()
        foundation = _foundation(run, supervisor, progress)
        for place, experiment in enumerate(run.experiments):
            witness = Witness(progress, f"{place + 1}/{len(run.experiments)} {experiment.name}")
            lab = _lab(run, experiment, foundation, witness)
            began_s = time.monotonic()
            outcomes = conduct(experiment, lab, concerned(experiment, run.catalogue, run.choices.schemes))
            run.conducted.append(Conducted(experiment, time.monotonic() - began_s, outcomes))
            run.describe()


def _foundation(run: Examination, supervisor: Supervisor, progress: Progress) -> Foundation:
    """What all experiments stand on; each arm of theirs has a copy of its database."""
    progress.stage("starting PostgreSQL and making users")
    settings = Settings(password_profile=PASSWORD_PROFILE)
    return lay_foundation(supervisor, start_postgres(supervisor), settings, USERS[run.choices.profile])


def _lab(run: Examination, experiment: Experiment, foundation: Foundation, progress: Progress) -> Lab:
    def keep(record: Record, folder: str) -> str:
        return run.directory.keep_at(f"{experiment.name}/{folder}", record)

    return Lab(
        scale=run.choices.profile,
        seed=run.choices.seed,
        foundation=foundation,
        catalogue=run.catalogue,
        facts=environment.to_jsonable(run.environment),
        keep=keep,
        progress=progress,
    )


@dataclass(frozen=True, slots=True)
class Witness:
    """Says which experiment it is that shows progress."""

    progress: Progress
    name: str

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """See Progress."""
        self.progress.stage(f"{self.name}: {text}", seconds=seconds)
