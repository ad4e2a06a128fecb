"""Adding a server: sessions in one server's memory are refused by the others; stickiness, stores and tokens are not."""

from collections.abc import Sequence

import pytest

from bench.consequences.add_a_server import EXPERIMENT
from bench.consequences.apparatus.homes import SKEW
from bench.consequences.experiment import harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.reading import LOGGED_OUT, REFUSED
from tests.bench.consequences.in_time import in_time

pytestmark = pytest.mark.stack

KEPT, RECONNECTING = "2 servers from the start, connections kept", "2 servers from the start, connecting anew each time"


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Sequence[Outcome]:
    """Of sessions in memory and of signed tokens."""
    return in_time(EXPERIMENT, lab, ["memory-session", "jwt-hs256"])


def _found(outcomes: Sequence[Outcome], approach: str, setting: str) -> Outcome:
    return next(one for one in outcomes if (one.approach, one.setting) == (approach, setting))


def test_with_one_server_nothing_happens(outcomes: Sequence[Outcome]) -> None:
    """The control of every growing arm shows no harm."""
    controls = [one for one in outcomes if one.is_control]
    assert [one.approach for one in controls] == ["memory-session", "memory-session, sticky", "jwt-hs256"]
    assert {one.at for one in controls} == {1}
    assert [list(harms(one)) for one in controls] == [[], [], []]


@pytest.mark.parametrize("setting", ["grown to 2 servers", "2 servers from the start"])
def test_the_other_server_refuses(outcomes: Sequence[Outcome], setting: str) -> None:
    """In turn, half of the requests are predicted to be refused, and some are; users are logged out."""
    found = _found(outcomes, "memory-session", setting)
    assert found.figure(REFUSED).predicted == 50
    assert 20 < found.figure(REFUSED).value < 80
    assert found.figure(LOGGED_OUT).value > 0
    assert 0 < (found.figure(LOGGED_OUT).predicted or 0) <= 12


def test_stickiness_keeps_users_and_idles_the_new_server(outcomes: Sequence[Outcome]) -> None:
    """Nobody is logged out, and the first server goes on answering everything."""
    found = _found(outcomes, "memory-session, sticky", "grown to 2 servers")
    assert found.figure(LOGGED_OUT).value == found.figure(LOGGED_OUT).predicted == 0
    assert found.figure(SKEW).value == found.figure(SKEW).predicted == 2
    assert found.headline == "nothing"


def test_a_token_is_known_to_every_server(outcomes: Sequence[Outcome]) -> None:
    """Nobody is refused, and the load is shared."""
    found = _found(outcomes, "jwt-hs256", "grown to 2 servers")
    assert found.figure(REFUSED).value == found.figure(REFUSED).predicted == 0
    assert found.figure(SKEW).value < 1.5


def test_layer_4_binds_a_connection(outcomes: Sequence[Outcome]) -> None:
    """A visitor who keeps the connection of its login is never refused; who connects anew is, half of the time."""
    kept, anew = (_found(outcomes, "memory-session, roundrobin-l4", setting) for setting in (KEPT, RECONNECTING))
    assert kept.figure(REFUSED).value == kept.figure(REFUSED).predicted == 0
    assert anew.figure(REFUSED).predicted == 50
    assert anew.figure(LOGGED_OUT).value > 0


def test_only_connections_that_carry_one_request_can_be_counted(outcomes: Sequence[Outcome]) -> None:
    """Layer 4 counts connections: of visitors who reconnect these are requests, of others they prove nothing."""
    kept, anew = (_found(outcomes, "memory-session, roundrobin-l4", setting) for setting in (KEPT, RECONNECTING))
    assert kept.verdict.status != "VALID"
    assert anew.verdict.status != "UNPROVEN"


def test_the_growth_is_on_the_timeline(outcomes: Sequence[Outcome]) -> None:
    """The last step shows the whole slice, with every step marked."""
    timeline = _found(outcomes, "memory-session", "grown to 2 servers").timeline
    assert timeline is not None
    assert [mark.what for mark in timeline.marks] == ["2 servers"]
    assert not any(timeline.counts["401"][: int(timeline.marks[0].at_s / timeline.bin_s)])
