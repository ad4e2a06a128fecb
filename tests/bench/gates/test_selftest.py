"""Rates of trials: counted by slowdown, with the time of those that needed a second look apart."""

from pathlib import Path

import pytest

from bench.gates.model import GateStatus, MicroGate, Tree
from bench.gates.selftest import Trial, Trials, rates, run
from bench.gates.tree import candidate


def trial(slowdown_ratio: float, status: GateStatus, took_s: float = 4.0, *, confirmed: bool = False) -> Trial:
    """One that came to `status`."""
    return Trial(slowdown_ratio, status, 1 + slowdown_ratio, confirmed, took_s, ())


def test_rates_by_hand() -> None:
    """1 of 4 alarms is 25 %, exactly 0.6 to 80.6 %; 1 of 2 slowdowns found; times are medians, apart."""
    trials = [
        trial(0.1, "fail", 9.0, confirmed=True),
        trial(0.0, "pass", 4.0),
        trial(0.0, "fail", 11.0, confirmed=True),
        trial(0.1, "inconclusive", 8.0),
        trial(0.0, "pass", 5.0),
        trial(0.0, "pass", 6.0),
    ]
    same, slower = rates(trials)
    assert (same.slowdown_ratio, same.trials, slower.slowdown_ratio, slower.trials) == (0.0, 4, 0.1, 2)
    assert (same.failed.value, slower.failed.value, slower.inconclusive.value) == (0.25, 0.5, 0.5)
    assert (same.failed.low, same.failed.high) == pytest.approx((0.0063, 0.8059), abs=1e-4)
    assert (same.clean_s, same.confirmed_s) == (5.0, 11.0)
    assert (slower.clean_s, slower.confirmed_s) == (8.0, 9.0)


def test_without_trials_there_are_no_rates() -> None:
    """And where none was confirmed, no time of those."""
    assert rates([]) == ()
    assert rates([trial(0.0, "pass")])[0].confirmed_s is None


@pytest.mark.stack
def test_a_call_that_costs_half_as_much_again_is_found() -> None:
    """Real processes, real work added to every call: slower beyond the margin, by about what was added."""
    here: Tree = candidate(Path(__file__).parents[3])
    asked = Trials(MicroGate("verify", "jwt-hs256", "verify", 0.05), 0.05, 1, (0.5,), stage_pairs=2)
    same, slower = run(here, asked, lambda _: None)
    assert same.slowdown_ratio == 0.0
    assert same.status != "fail"
    assert slower.ratio > 1.25
    assert slower.status in {"fail", "inconclusive"}
    assert len(slower.raw[0]) >= 2
