"""Count gates, held against made-up counts: exact to the last unit, and in doubt only where something was hidden."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import LOGGED_OUT
from bench.gates.counting import Counted, Read
from bench.gates.figures import Found, figure, judge
from bench.gates.logged_out import worst
from bench.gates.model import CellName, CountFigure, CountGate
from services.contract import Step, Store

READ = Read(200, was_valid=True, up_bytes=279, down_bytes=274)
REFUSED = Read(401, was_valid=True, up_bytes=279, down_bytes=400)
EXPIRED = Read(401, was_valid=False, up_bytes=279, down_bytes=400)
BROKEN = Read(503, was_valid=True, up_bytes=279, down_bytes=90)
COMMANDS = {"issue": {"redis": {"set": 4, "evalsha": 4}, "postgres": {"select": 4}}, "verify": {"redis": {"getex": 6}}}
COUNTED = Counted(4, {"issue": COMMANDS["issue"], "verify": COMMANDS["verify"]}, (READ,) * 4, (191, 193))


def _gate(figure: CountFigure, most: float, step: Step = "verify", store: Store | None = None) -> CountGate:
    return CountGate("it", figure, CellName("redis-session"), most, step, store)


def _seen(*reads: Read) -> Counted:
    return replace(COUNTED, reads=reads)


@settings(max_examples=50)
@given(st.integers(0, 50), st.integers(1, 50), st.decimals(0, 20, places=2))
def test_a_count_is_compared_exactly(count: int, of: int, most: Decimal) -> None:
    """A decimal bar is what it says, not the nearest binary fraction; equal to it passes."""
    found = Found(Fraction(count, of), "", "", {})
    passes = judge(_gate("store-operations", float(most)), found).status == "pass"
    assert passes == (Fraction(count, of) <= Fraction(most))


@pytest.mark.parametrize(
    ("gate", "counted", "words", "bar", "status"),
    [
        (_gate("store-operations", 1.5), COUNTED, "1.5 operations per verify (redis)", "<= 1.5", "pass"),
        (_gate("store-operations", 1.49), COUNTED, "1.5 operations per verify (redis)", "<= 1.49", "fail"),
        (
            _gate("store-operations", 3, "issue"),
            COUNTED,
            "3 operations per issue (postgres and redis)",
            "<= 3",
            "pass",
        ),
        (
            _gate("store-operations", 1, "issue", "postgres"),
            COUNTED,
            "1 operation per issue (postgres)",
            "<= 1",
            "pass",
        ),
        (
            _gate("store-operations", 0, "verify", "postgres"),
            COUNTED,
            "0 operations per verify (postgres)",
            "<= 0",
            "pass",
        ),
        (_gate("bytes-up", 278), COUNTED, "279 B up per read", "<= 278 B", "fail"),
        (_gate("bytes-down", 274), COUNTED, "274 B down per read", "<= 274 B", "pass"),
        (_gate("bytes-down", 274), _seen(READ, REFUSED), "274 B down per read", "<= 274 B", "pass"),
        (_gate("bytes-up", 9), _seen(REFUSED), "no read succeeded", "<= 9 B", "fail"),
        (
            _gate("unexpected-401-ratio", 0.25),
            _seen(READ, READ, READ, REFUSED),
            "25 % of valid reads refused",
            "<= 25 %",
            "pass",
        ),
        (
            _gate("unexpected-401-ratio", 0),
            _seen(READ, READ, EXPIRED),
            "0 % of valid reads refused",
            "<= 0 %",
            "pass",
        ),
        (_gate("unexpected-401-ratio", 0), _seen(READ, REFUSED), "50 % of valid reads refused", "<= 0 %", "fail"),
        (_gate("session-bytes", 193), COUNTED, "193 B stored per login", "<= 193 B", "pass"),
        (_gate("session-bytes", 192), COUNTED, "193 B stored per login", "<= 192 B", "fail"),
    ],
)
def test_a_figure_is_told_in_its_unit(gate: CountGate, counted: Counted, words: str, bar: str, status: str) -> None:
    """What was found and what may be, in the same unit; one too many fails."""
    judged = judge(gate, figure(gate, counted))
    assert (judged.found, judged.bar, judged.status) == (words, bar, status)
    assert judged.blocking
    assert bool(judged.next_step) == (status == "fail")
    assert judged.raw


def test_reads_of_unlike_weight_are_told() -> None:
    """The most counts, and the gate says so."""
    gate = _gate("bytes-up", 300)
    found = figure(gate, _seen(READ, replace(READ, up_bytes=285)))
    assert found.amount == Fraction(285)
    assert found.why == "reads weigh 279 to 285 B; the most counts"


def test_a_broken_read_puts_what_is_within_the_bar_in_doubt() -> None:
    """It is inconclusive, since the broken one might have cost more; what is beyond the bar stays so."""
    counted = _seen(READ, BROKEN)
    judged = judge(_gate("bytes-up", 300), figure(_gate("bytes-up", 300), counted))
    assert (judged.status, judged.why) == (
        "inconclusive",
        "it may be more: reads were answered 503, expected 200 or 401",
    )
    assert judge(_gate("bytes-up", 1), figure(_gate("bytes-up", 1), counted)).status == "fail"


def _outcome(users: int, setting: str, verdict: Verdict) -> Outcome:
    figures = (Figure(LOGGED_OUT, users, "users", of=40, is_harm=True),)
    return Outcome("redeploy", "redis-session", setting, "", figures, verdict, is_control=not users)


@pytest.mark.parametrize(
    ("verdict", "most", "status"),
    [
        (Verdict("VALID"), 3, "pass"),
        (Verdict("VALID"), 2, "fail"),
        (Verdict("INVALID", ("its control, too",)), 2, "fail"),
        (Verdict("INVALID", ("samples were lost",)), 3, "inconclusive"),
    ],
)
def test_the_worst_setting_of_an_experiment_counts(verdict: Verdict, most: int, status: str) -> None:
    """Users who were refused were refused, whatever else cannot be believed; fewer than allowed must be believed."""
    outcomes = (_outcome(0, "none redeployed", Verdict("VALID")), _outcome(3, "2 redeployed", verdict))
    gate = _gate("logged-out-users", most)
    judged = judge(gate, worst("redeploy", outcomes))
    assert (judged.found, judged.bar, judged.status) == ("3 users logged out (redeploy)", f"<= {most} users", status)
