"""Killing a replica: the sessions in its memory are lost to exactly its users, and nobody else is logged out."""

import math
from collections.abc import Sequence

import pytest

from bench.consequences.apparatus.homes import SKEW
from bench.consequences.experiment import harms
from bench.consequences.kill_a_replica import EXPERIMENT, VICTIM_WAITS
from bench.consequences.lab import Lab
from bench.consequences.model import CONSEQUENCE_FREE, Outcome
from bench.consequences.reading import LOGGED_OUT
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of sessions in memory under stickiness, many users and few, and of signed tokens."""
    return in_time(EXPERIMENT, lab, ["memory-session", "jwt-hs256"])


def _killed(outcomes: Sequence[Outcome], scheme: str) -> list[Outcome]:
    return [one for one in outcomes if one.scheme == scheme and not one.is_control]


def test_without_a_kill_nothing_happens(outcomes: Sequence[Outcome]) -> None:
    """Every arm has a control, which shows no harm."""
    controls = [one for one in outcomes if one.is_control]
    assert [one.scheme for one in controls] == ["memory-session", "memory-session", "jwt-hs256"]
    assert [list(harms(one)) for one in controls] == [[], [], []]
    assert {one.headline for one in controls} == {CONSEQUENCE_FREE}


def test_exactly_its_users_are_logged_out(outcomes: Sequence[Outcome]) -> None:
    """Whoever was at home on the killed replica and asked again, as counted beforehand; none of them gets in again."""
    many, few = _killed(outcomes, "memory-session")
    for one in (many, few):
        figure = one.figure(LOGGED_OUT)
        assert 0 < figure.value < (figure.of or 0)
        assert not figure.misses_theory, figure
        assert one.approach == "memory-session, sticky"
        assert one.headline == f"{figure.value} of {figure.of} users logged out"
        assert one.figure(VICTIM_WAITS).value == math.inf
    assert many.figure(LOGGED_OUT).of == 12
    assert few.figure(LOGGED_OUT).of == 3


def test_a_token_survives_every_replica(outcomes: Sequence[Outcome]) -> None:
    """Nobody is logged out, and those whom the killed replica served are served by the other."""
    (killed,) = _killed(outcomes, "jwt-hs256")
    assert killed.figure(LOGGED_OUT).value == killed.figure(LOGGED_OUT).predicted == 0
    assert math.isfinite(killed.figure(VICTIM_WAITS).value)


def test_stickiness_skews_the_load(outcomes: Sequence[Outcome]) -> None:
    """It is predicted from where users are at home, which few users share out worse than many."""
    many, few = _killed(outcomes, "memory-session")
    names = {figure.name for figure in many.figures if figure.name.startswith(SKEW)}
    assert f"{SKEW}, before" in names
    assert all(many.figure(name).predicted for name in names)
    before = [one.figure(f"{SKEW}, before").predicted or 0.0 for one in (many, few)]
    assert 1 < before[0] < before[1]
    assert _killed(outcomes, "jwt-hs256")[0].figure(f"{SKEW}, before").predicted is None


def test_the_kill_is_on_the_timeline(outcomes: Sequence[Outcome]) -> None:
    """Refusals begin with the kill, not before."""
    timeline = _killed(outcomes, "memory-session")[0].timeline
    assert timeline is not None
    killed = timeline.marks[0]
    assert killed.what == "a replica is killed"
    assert not any(timeline.counts["401"][: int(killed.at_s / timeline.bin_s)])
    assert any(timeline.counts["401"])
