"""Figures and verdicts in words: exact where they are exact, doubtful where they are doubtful."""

import math
from dataclasses import replace

import pytest

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Outcome
from reports import format as figures
from reports.consequences_words import (
    controls_line,
    misses,
    quantity,
    reasons,
    theories,
    theory,
    told,
    trust,
    verdict,
    verdicts,
)
from reports.findings import Findings
from tests.reports.made_up import control, experiment, lost

OUTCOME = Outcome("redeploy", "bff", "2 replicas", "nothing", (lost(0),), Verdict("VALID"))


def plain(text: str) -> str:
    """With keyboard blanks."""
    return text.replace(figures.SPACE, " ").replace(figures.EN_DASH, "-").replace(figures.MINUS, "-")


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (Figure("out", 60, "users", of=60), "60 of 60 users"),
        (Figure("parts", 2, "", of=3), "2 of 3"),
        (Figure("out", 1, "users"), "1 user"),
        (Figure("bytes", 4097, "B"), "4,097 B"),
        (Figure("share", 50.0877, "%", 49.2, 51.0), "50.1 % (49.2-51.0)"),
        (Figure("share", 0, "%", 0, 1.5), "0 % (0.00-1.50)"),
        (Figure("share", 3, "%", -math.inf, math.inf), "3 % (no interval)"),
        (Figure("life", math.inf, "s"), "infinity s"),
        (Figure("life", -math.inf, "s"), "-infinity s"),
        (Figure("skew", math.nan, ""), "unknown"),
    ],
)
def test_a_figure_in_words(figure: Figure, text: str) -> None:
    """Whole values in full, others to three digits, with their whole, unit and interval; never a crash."""
    assert plain(told(figure)) == text


def test_theory_stands_beside_its_figure() -> None:
    """What it says is told where it says something, and a miss is said with both figures."""
    missed = Figure("share", 61, "%", 60, 62, predicted=50, theory="1 - 1/N")
    held = Figure("out", 2, "users", predicted=2, theory="1 - 1/N")
    outcome = replace(OUTCOME, figures=(missed, held, Figure("wait", 3, "s")))
    assert [plain(theory(figure)) for figure in outcome.figures] == ["theory 50 %", "theory 2 users", ""]
    assert [plain(miss) for miss in misses(outcome)] == ["share: 61 % (60.0-62.0), but theory says 50 %"]
    assert theories((outcome, outcome)) == ("share: 1 - 1/N", "out: 1 - 1/N")
    assert quantity(2, "") == "2"


def test_a_verdict_carries_its_reasons() -> None:
    """And whether it was the machine."""
    assert verdict(OUTCOME) == "VALID"
    assert verdict(replace(OUTCOME, verdict=Verdict("INVALID", ("a", "b")))) == "INVALID: a; b"
    disturbed = Verdict("INVALID", ("late",), disturbed=True)
    assert verdict(replace(OUTCOME, verdict=disturbed)) == "INVALID: the machine was disturbed; late"


def test_reasons_are_told_once() -> None:
    """Those that differ in their numbers alone by the first, each with how many outcomes it hit."""
    late = [replace(OUTCOME, verdict=Verdict("INVALID", (f"{count} late", "lost"))) for count in (3, 14)]
    assert reasons([OUTCOME, *late]) == ("INVALID 2 of 3 outcomes: 3 late", "INVALID 2 of 3 outcomes: lost")
    assert reasons([OUTCOME]) == ()


def test_a_disturbed_time_leaves_a_count_valid() -> None:
    """A verdict that stays VALID says that times suffered and counts did not."""
    slow = replace(OUTCOME, verdict=Verdict("VALID", ("3 late",), disturbed=True))
    assert reasons([OUTCOME, slow]) == ("times disturbed, not counts, in 1 of 2 outcomes: 3 late",)
    assert verdict(slow) == "VALID: times disturbed, not counts; 3 late"


def test_verdicts_are_counted() -> None:
    """One for all is said so; several each with their number; none where there is no outcome."""
    doubted = replace(OUTCOME, verdict=Verdict("UNPROVEN"))
    assert verdicts([OUTCOME, OUTCOME]) == "2 outcomes, all VALID"
    assert verdicts([OUTCOME, doubted, OUTCOME]) == "3 outcomes: 2 VALID, 1 UNPROVEN"
    assert verdicts([]) == "0 outcomes"


def test_controls_in_a_line() -> None:
    """How many there are and whether any shows what only the fault may show."""
    calm = control("redeploy", "none")
    harmed = replace(calm, figures=(lost(3),))
    assert controls_line(experiment("redeploy", (OUTCOME,))) == "No control without the fault."
    assert controls_line(experiment("redeploy", (calm, calm))) == "2 controls without the fault: no consequence."
    assert (
        controls_line(experiment("redeploy", (calm, harmed))) == "2 controls without the fault: 1 with a consequence."
    )


def test_trust_is_counted() -> None:
    """Verdicts, controls and missed theories of all experiments; nothing about what there is none of."""
    harmed = replace(control("redeploy", "none"), figures=(lost(3),))
    doubted = replace(OUTCOME, verdict=Verdict("UNPROVEN"), figures=(lost(3, predicted=4), lost(3, predicted=3)))
    lines = trust(Findings((experiment("redeploy", (harmed, doubted)),)))
    assert [line.split(":")[0] for line in lines[:2]] == ["1 of 2 outcomes VALID", "1 of 2 outcomes UNPROVEN"]
    assert lines[2].startswith("1 control without the fault, 1 with a consequence")
    assert lines[3] == "Theory predicts 2 figures; 1 missed beyond the interval."
    assert trust(Findings(())) == ("0 controls without the fault, none with a consequence.",)
    held = trust(Findings((experiment("redeploy", (replace(OUTCOME, figures=(lost(3, predicted=3),)),)),)))
    assert held[-1] == "Theory predicts 1 figure; none missed beyond the interval."
