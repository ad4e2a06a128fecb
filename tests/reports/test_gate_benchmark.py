"""A gate run for pages of trends: every gate that has a figure, as a number with its unit."""

import json
from dataclasses import replace

import pytest

from bench.gates.model import Judged
from reports.gate_benchmark import smaller_is_better
from tests.reports import made_up_gates as made_up


@pytest.mark.parametrize(
    ("judged", "value", "unit"),
    [
        (made_up.SLOW, 1.104, "x base"),
        (made_up.NOISY, 1.18, "x base"),
        (made_up.COUNTED, 1.031, "x base"),
        (made_up.PRICE, 1.48, "x none"),
        (made_up.SLO, 38.2, "ms"),
        (made_up.EXTRA_TRIP, 2, "operations/request"),
        (made_up.COOKIE, 1012, "bytes/request"),
        (made_up.REFUSED, 0.5, "of requests"),
        (replace(made_up.REFUSED, found="0.25"), 0.25, "of requests"),
        (made_up.KILLED, 0, "users"),
    ],
)
def test_figures_are_numbers(judged: Judged, value: float, unit: str) -> None:
    """A ratio is its own; any other is read off what was found, thousands and percent signs understood."""
    (entry,) = smaller_is_better(made_up.of(judged))
    assert (entry["name"], entry["value"], entry["unit"]) == (judged.gate.name, value, unit)


def test_an_interval_is_a_range() -> None:
    """Half of it; where there is none, none is written."""
    slow, noisy = smaller_is_better(made_up.of(made_up.SLOW, made_up.NOISY))
    assert slow["range"] == "± 0.016"
    assert "range" not in noisy
    assert slow["extra"] == "jwt-hs256 verify: FAIL, bar <= 1.05x"


def test_what_was_not_measured_is_left_out() -> None:
    """Void gates have no figure, whatever they found; nor has a gate that found none."""
    void = replace(made_up.SLO, status="void")
    none = replace(made_up.COOKIE, found="nothing", bar="")
    assert smaller_is_better(made_up.of(void, none, made_up.UNPLACED)) == []
    extra = smaller_is_better(made_up.of(replace(made_up.COOKIE, bar="")))[0]["extra"]
    assert extra == "bytes up of redis-session: PASS"


def test_any_run_is_json() -> None:
    """Finite numbers and clean text."""
    assert json.dumps(smaller_is_better(made_up.hostile()), allow_nan=False).count("\\n") == 0
