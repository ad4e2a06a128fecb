"""Short tokens send users to the login, long ones serve a thief; a refresh token only cuts the first."""

import pytest

from bench.consequences.apparatus.durations import spelled
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.ttl_sweep import EXPERIMENT, LOGINS, MEAN_WINDOW, REFRESHES, SWEPT, WORST_WINDOW
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> tuple[Outcome, ...]:
    """What the experiment finds at the tests' size, control included."""
    assert [name for name, spec in lab.catalogue.items() if EXPERIMENT.concerns(spec)] == list(SWEPT)
    return in_time(EXPERIMENT, lab, SWEPT)


def _swept(outcomes: tuple[Outcome, ...], scheme: str) -> list[Outcome]:
    return [one for one in outcomes if one.scheme == scheme and not one.is_control]


def test_every_outcome_is_valid_and_as_theory_says(outcomes: tuple[Outcome, ...]) -> None:
    """Counts are exact, so a login more or a second less is a miss; there is none."""
    assert {one.verdict.status for one in outcomes} == {"VALID"}
    assert max(len(one.headline) for one in outcomes) <= 40
    assert not [(one.setting, figure) for one in outcomes for figure in one.figures if figure.misses_theory]


def test_short_lives_cost_logins_and_long_ones_serve_the_thief(outcomes: tuple[Outcome, ...]) -> None:
    """Down goes one curve, up goes the other."""
    swept = _swept(outcomes, "jwt-hs256")
    assert [one.at for one in swept] == [1, 60, 365 * 24 * 60]
    logins = [one.figure(LOGINS).value for one in swept]
    assert logins == sorted(logins, reverse=True)
    assert logins[0] == pytest.approx(30)
    windows = [one.figure(WORST_WINDOW).value for one in swept]
    assert windows == sorted(windows)
    assert all(one.figure(MEAN_WINDOW).value < one.figure(WORST_WINDOW).value for one in swept)


def test_a_refresh_token_spares_the_logins(outcomes: tuple[Outcome, ...]) -> None:
    """The same expiries become refreshes that nobody sees; a stolen access token works as long."""
    renewed, plain = _swept(outcomes, "refresh-token"), _swept(outcomes, "jwt-hs256")
    assert [one.figure(LOGINS).value for one in renewed] == [0, 0, 0]
    assert [one.figure(REFRESHES).value for one in renewed] == [one.figure(LOGINS).value for one in plain]
    assert [one.figure(WORST_WINDOW).value for one in renewed] == [one.figure(WORST_WINDOW).value for one in plain]


def test_where_nothing_ends_nobody_logs_in(outcomes: tuple[Outcome, ...]) -> None:
    """The control: every scheme has one, and it shows nothing."""
    controls = [one for one in outcomes if one.is_control]
    assert [one.scheme for one in controls] == list(SWEPT)
    assert all(one.headline == "nothing" and not one.figure(LOGINS).value for one in controls)


def test_a_time_is_told_in_its_largest_unit() -> None:
    """Nobody counts a year in seconds."""
    assert [spelled(seconds) for seconds in (0.5, 60, 5400, 31_536_000)] == ["0.5 s", "1 min", "1.5 h", "365 d"]
