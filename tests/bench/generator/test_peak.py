"""The server of the highest rates: HAProxy answers whole journeys by itself, and only good, timely answers count."""

from urllib.request import Request, urlopen

import pytest

from bench.generator import peak as module
from bench.generator.bare_app import CARRIERS
from bench.generator.contender import Load
from bench.generator.logins import log_in
from bench.generator.peak import CREDENTIAL, Peak, answering, judge, offer
from bench.stack.supervisor import Supervisor
from loadtests.record import Sample
from services.contract import Carrier
from services.endpoints import PROFILE

pytestmark = pytest.mark.stack

VISITORS = 10


def test_whole_journeys_are_answered(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Login, read, write and logout of ours: every answer is a good one."""
    monkeypatch.setattr(module, "Load", _few)
    (peak,) = offer(supervisor, "bearer", (200,), 1)
    assert (peak.rate_rps, peak.failed) == (200, 0)
    assert 0.5 < peak.answered_ratio <= 1


def _few(port: int, carrier: Carrier, rate_rps: int, seconds: int) -> Load:
    return Load(port, carrier, rate_rps, seconds, VISITORS)


def test_it_answers_as_the_service_does(supervisor: Supervisor) -> None:
    """Under either carrier: a login grants what a visitor takes along, the read has the same bytes, a note is made."""
    with answering(supervisor) as (_, port):
        for carrier in CARRIERS:
            load = Load(port, carrier, 1, 1)
            (headers,) = log_in(load, 1)
            assert CREDENTIAL in next(iter(headers.values()))
            with urlopen(Request(f"{load.url}/profile", headers=dict(headers))) as answer:  # noqa: S310 - our own
                assert answer.read() == PROFILE
            with urlopen(Request(f"{load.url}/notes", b"{}", dict(headers))) as answer:  # noqa: S310 - our own
                assert answer.status == 201


@pytest.mark.parametrize(
    ("ratio", "failed", "reached"), [(1.0, 0, True), (0.99, 0, True), (0.989, 0, False), (1.0, 1, False)]
)
def test_a_rate_is_reached_by_good_answers_in_time(ratio: float, failed: int, *, reached: bool) -> None:
    """At most one in a hundred may be missing, and none may fail."""
    assert Peak(5000, ratio, failed).is_reached is reached


def test_what_comes_after_the_end_does_not_count() -> None:
    """Nor does a login, which no arrival intended."""
    rows = (("read", 900, 200), ("write", 1000, 201), ("logout", 1001, 200), ("login", 500, 401))
    samples = [
        Sample(1, step, 0, 0, done_ns, status, "", "", True, 1, 1)  # type: ignore[arg-type] # noqa: FBT003 - a record's row
        for step, done_ns, status in rows
    ]
    assert judge(Load(0, "bearer", 4, 1), 1000, samples) == Peak(4, 0.5, 1)
