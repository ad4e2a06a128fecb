"""Restarting BFFs: tokens in their memory are lost to everyone, tokens in Redis to nobody."""

from collections.abc import Sequence

import pytest

from bench.consequences.bff_restart import EXPERIMENT
from bench.consequences.experiment import harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT
from services.catalogue import SCHEMES
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack

RESTARTS = ("BFFs, one by one", "BFFs, all at once")


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of both places a BFF can keep its users' tokens in."""
    return in_time(EXPERIMENT, lab, ["bff-memory", "bff"])


def _found(outcomes: Sequence[Outcome], scheme: str, setting: str) -> Outcome:
    return next(one for one in outcomes if (one.scheme, one.setting) == (scheme, setting))


def test_it_is_about_bffs() -> None:
    """Schemes that no BFF answers for are not concerned."""
    assert [name for name, spec in SCHEMES.items() if EXPERIMENT.concerns(spec)] == ["bff", "bff-memory"]


@pytest.mark.parametrize("scheme", ["bff", "bff-memory"])
def test_without_a_restart_nothing_happens(outcomes: Sequence[Outcome], scheme: str) -> None:
    """The control shows no harm."""
    control = _found(outcomes, scheme, "nothing restarted")
    assert control.is_control
    assert list(harms(control)) == []


@pytest.mark.parametrize("setting", RESTARTS)
def test_a_bff_forgets_what_its_memory_held(outcomes: Sequence[Outcome], setting: str) -> None:
    """Everyone who asked again is logged out where the BFF kept the tokens itself, nobody where Redis did."""
    forgotten = _found(outcomes, "bff-memory", setting).figure(LOGGED_OUT)
    assert forgotten.value > 0
    assert not forgotten.misses_theory, forgotten
    kept = _found(outcomes, "bff", setting).figure(LOGGED_OUT)
    assert kept.value == kept.predicted == 0


@pytest.mark.parametrize("scheme", ["bff", "bff-memory"])
def test_an_api_that_restarts_logs_nobody_out(outcomes: Sequence[Outcome], scheme: str) -> None:
    """The login is the BFF's: while no API answers, requests wait or fail, and that is all."""
    restarted = _found(outcomes, scheme, "API restarted")
    assert restarted.figure(LOGGED_OUT).value == restarted.figure(LOGGED_OUT).predicted == 0
    assert restarted.timeline is not None
    assert "replica-1 gone, starts anew" in [mark.what for mark in restarted.timeline.marks]
