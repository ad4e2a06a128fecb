"""A whole run of experiments: what was found is kept as it comes, and a run says how it ended."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.model import Verdict
from bench.consequences import serial
from bench.consequences.examination import Choices, Examination, concerned, examine
from bench.consequences.experiment import Experiment
from bench.consequences.lab import Lab
from bench.consequences.model import Figure, Outcome
from bench.measure import environment
from bench.measure.rundir import CONSEQUENCES, RunDirectory
from services.catalogue import SCHEMES
from tests.bench.consequences.conftest import Quiet

FOUND = Figure("users", 0, "users", is_harm=True)


def look(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Finds nobody harmed, with a control; asks for the users it was promised."""
    assert lab.foundation.users == 400
    for is_control in (True, False):
        yield Outcome("look", schemes[0], "here", "nothing", (FOUND,), Verdict("VALID"), is_control=is_control)


def interrupt(lab: Lab, schemes: Sequence[str]) -> Iterator[Outcome]:
    """Is ended by Ctrl-C after its first outcome."""
    yield from look(lab, schemes)
    raise KeyboardInterrupt


LOOK = Experiment("look", "what is there?", "none", lambda spec: "memory" in spec.traits.stores, look, 1)
INTERRUPTED = replace(LOOK, name="interrupted", run=interrupt)


@pytest.mark.stack
def test_what_was_found_before_an_interruption_is_kept(tmp_path: Path) -> None:
    """Whole experiments stand in the document, which says how the run ended and what was still planned."""
    directory = RunDirectory(tmp_path)
    run = Examination(
        directory=directory,
        choices=Choices("quick", ("look", "interrupted"), (), 1),
        experiments=(LOOK, INTERRUPTED),
        catalogue=SCHEMES,
        command="authbench consequences",
        environment=environment.describe({}),
    )
    with pytest.raises(KeyboardInterrupt):
        examine(run, Quiet())
    document = directory.document(CONSEQUENCES)
    assert (document["status"], document["planned"]) == ("interrupted", ["look", "interrupted"])
    (told,) = document["experiments"]
    assert (told["name"], told["question"]) == ("look", "what is there?")
    assert serial.from_jsonable(told["outcomes"]) == run.outcomes
    assert [outcome.scheme for outcome in run.outcomes] == ["memory-session"] * 2


def test_an_experiment_concerns_whom_it_is_about() -> None:
    """Without a choice all but the anti-patterns; a choice is narrowed, anti-patterns included."""
    everyone = replace(LOOK, concerns=lambda spec: spec.front == "api")
    assert concerned(LOOK, SCHEMES, ()) == ("memory-session", "bff-memory")
    assert "jwt-rs256-pem" not in concerned(everyone, SCHEMES, ())
    assert concerned(everyone, SCHEMES, ("jwt-rs256-pem", "bff")) == ("jwt-rs256-pem",)
