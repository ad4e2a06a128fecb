"""A rolling redeploy: sessions in memory are lost to everyone, once; nothing else logs anybody out."""

from collections.abc import Sequence

import pytest

from bench.consequences.apparatus import fleet
from bench.consequences.experiment import harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT
from bench.consequences.redeploy import EXPERIMENT
from bench.stack.errors import ProcessDiedError
from services.catalogue import SCHEMES
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of sessions in memory under stickiness and of signed tokens."""
    return in_time(EXPERIMENT, lab, ["memory-session", "jwt-hs256"])


def test_without_a_redeploy_nothing_happens(outcomes: Sequence[Outcome]) -> None:
    """Every arm has a control, which shows no harm."""
    controls = [one for one in outcomes if one.is_control]
    assert [one.scheme for one in controls] == ["memory-session", "jwt-hs256"]
    assert [list(harms(one)) for one in controls] == [[], []]


def test_memory_is_lost_to_everyone_who_asks_again(outcomes: Sequence[Outcome]) -> None:
    """Every replica went, so everyone is logged out whose request came after; exactly they are."""
    rolled = next(one for one in outcomes if one.scheme == "memory-session" and not one.is_control)
    figure = rolled.figure(LOGGED_OUT)
    assert figure.value > 0
    assert not figure.misses_theory, figure
    assert rolled.timeline is not None
    told = [mark.what for mark in rolled.timeline.marks]
    words = ("SIGTERM to {}", "{} gone, starts anew", "{} in rotation again")
    assert told == [word.format(name) for name in ("replica-1", "replica-2") for word in words]
    assert rolled.figure("out of rotation for").value > 0


def test_a_token_survives_a_redeploy(outcomes: Sequence[Outcome]) -> None:
    """Nobody is logged out."""
    rolled = next(one for one in outcomes if one.scheme == "jwt-hs256" and not one.is_control)
    assert rolled.figure(LOGGED_OUT).value == rolled.figure(LOGGED_OUT).predicted == 0


def test_a_replica_that_stays_away_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """Waiting for the rotation ends when every server is in it, or says which is not."""
    monkeypatch.setattr(fleet, "ROTATION_LIMIT_S", 0.2)
    with lab.stage([lab.arm("none", visitors=1)]) as stage:
        arms = list(stage.arms.values())
        fleet.start([], arms)
        arms[0].haproxy.rotate("replica-1", "maint")
        with pytest.raises(ProcessDiedError, match="found replica-1 out of rotation"):
            fleet.start([], arms)


def test_schemes_that_fare_alike_are_left_out() -> None:
    """Of signed tokens one stands for all, and no antipattern is tried; where memory holds logins, users are sticky."""
    concerned = {name for name, spec in SCHEMES.items() if fleet.concerns(spec)}
    assert {"memory-session", "bff-memory", "redis-session", "jwt-hs256", "refresh-token", "bff"} <= concerned
    assert not {"none", "jwt-rs256", "jwt-rs256-pem"} & concerned
    sticky = {name for name in concerned if fleet.suited(SCHEMES[name]) == "sticky"}
    assert sticky == {"memory-session", "bff-memory"}
