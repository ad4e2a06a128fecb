"""In the right order a key is replaced and nobody notices; in haste everybody who holds a token of it is out."""

from pathlib import Path

import pytest

from bench.analysis.model import Verdict
from bench.consequences.experiment import conduct
from bench.consequences.key_rotation import ADDED, ALGORITHMS, EXPERIMENT, PROMOTED, RETIRED, Rotation
from bench.consequences.lab import Lab
from bench.consequences.model import Mark, Outcome
from bench.consequences.reading import LOGGED_OUT, Observation
from loadtests.plan import ArmPlan
from services.key_file import read_ring

pytestmark = pytest.mark.stack
SCHEMES = ("jwt-hs256", "redis-session")


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """What the experiment finds at the tests' size, control included; the ring of all others stays as it was."""
    assert {name for name, spec in lab.catalogue.items() if EXPERIMENT.concerns(spec)} == set(ALGORITHMS)
    assert lab.settings.keys_file is not None
    before = list(read_ring(lab.settings.keys_file).by_kid)
    found = conduct(EXPERIMENT, lab, SCHEMES)
    assert list(read_ring(lab.settings.keys_file).by_kid) == before
    return found


def _one(outcomes: tuple[Outcome, ...], scheme: str, way: str) -> Outcome:
    [found] = [one for one in outcomes if one.scheme == scheme and way in one.setting and not one.is_control]
    return found


def test_in_order_nobody_is_refused(outcomes: tuple[Outcome, ...]) -> None:
    """Not when the key is added, not when it signs, not when the old one goes."""
    found = _one(outcomes, "jwt-hs256", "in order")
    assert [figure.value for figure in found.figures if figure.is_harm] == [0] * 5
    assert found.headline == "nothing"


def test_in_haste_everybody_is_refused(outcomes: tuple[Outcome, ...]) -> None:
    """As soon as the old key is gone, and not before; as many as theory says."""
    found = _one(outcomes, "jwt-hs256", "in haste")
    out = found.figure(LOGGED_OUT)
    assert 0 < out.value == out.of
    assert not out.misses_theory
    assert [found.figure(f"refused once {what}").value > 0 for what in (ADDED, PROMOTED, RETIRED)] == [
        False,
        False,
        True,
    ]


def test_a_session_knows_of_no_key(outcomes: tuple[Outcome, ...]) -> None:
    """So it does not matter in which order they come and go."""
    assert {_one(outcomes, "redis-session", way).headline for way in ("in order", "in haste")} == {"nothing"}


def test_without_rotation_nothing_happens(outcomes: tuple[Outcome, ...]) -> None:
    """The control of every arm; tokens that end by themselves are no consequence."""
    controls = [one for one in outcomes if one.is_control]
    assert [one.headline for one in controls] == ["nothing"] * 4
    assert not [reason for one in outcomes for reason in one.verdict.reasons if "unexpectedly" in reason]


def test_every_step_is_a_mark(outcomes: tuple[Outcome, ...]) -> None:
    """Drawn into the arm's own course of time, in its order."""
    found = _one(outcomes, "jwt-hs256", "in haste")
    assert found.timeline is not None
    assert [mark.what for mark in found.timeline.marks] == [ADDED, PROMOTED, RETIRED]


def test_a_load_that_ended_too_soon_proves_nothing() -> None:
    """Where the steps took so long that nobody asked afterwards, the outcome says so."""
    arm = ArmPlan("jwt-hs256-bearer-1-in-haste", "jwt-hs256", "bearer", 1, "roundrobin", "steady", 1)
    marks = tuple(Mark(at_s, what) for at_s, what in enumerate((ADDED, PROMOTED, RETIRED)))
    seen = Observation(arm, (), 0, 3, marks, Verdict("VALID"), "records/none")
    [reason] = Rotation(arm, Path("ring"), 1, is_hasty=True).rotated(seen).verdict.reasons
    assert reason.startswith("the load was over before")
