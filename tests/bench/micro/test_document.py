"""A figure read again from pytest-benchmark's JSON is the figure that was measured."""

import json

from bench.analysis.model import Estimate
from bench.micro.document import Beside, figures_of
from bench.micro.figures import Floor

FLOOR = Floor("library", "jwt.decode", Estimate(40.0, 39.0, 41.0), Estimate(1.1, 1.05, 1.15))
BESIDE = Beside(
    "verify",
    "jwt-hs256",
    "valid",
    cold_us=Estimate(200.0, 190.0, 210.0),
    wall_us=Estimate(220.0, 205.0, 235.0),
    server_us=None,
    floors=(FLOOR,),
)


def _document(*besides: Beside) -> dict[str, object]:
    """As pytest-benchmark writes it, of what matters here: rounds are seconds a call."""
    benchmarks = [{"extra_info": beside.as_info(), "stats": {"data": [5e-05, 5e-05, 5e-05]}} for beside in besides]
    return dict(json.loads(json.dumps({"machine_info": {}, "benchmarks": benchmarks})))


def test_what_was_measured_is_read_again() -> None:
    """Hot is the mean of the rounds in microseconds; everything else is as it was kept."""
    (found,) = figures_of(_document(BESIDE))
    assert (found.group, found.subject, found.case) == ("verify", "jwt-hs256", "valid")
    assert round(found.hot_us.value, 6) == 50.0
    assert (found.cold_us, found.wall_us, found.server_us) == (BESIDE.cold_us, BESIDE.wall_us, None)
    assert found.floors == (FLOOR,)
    assert round(found.cold_to_hot_ratio, 6) == 4.0


def test_figures_keep_their_order() -> None:
    """That of the suites, which is the order of the story."""
    other = Beside("verify", "redis-session", "valid", BESIDE.cold_us, BESIDE.wall_us, 17.5, ())
    found = figures_of(_document(other, BESIDE, other))
    assert [figure.subject for figure in found] == ["redis-session", "jwt-hs256", "redis-session"]
    assert [figure.server_us for figure in found] == [17.5, None, 17.5]
