"""The consequences on a terminal: 80 columns, no control codes in a pipe, nothing lost."""

import io
from dataclasses import replace

import pytest

from reports import consequences_table
from reports import format as figures
from reports.findings import Findings
from tests.reports.made_up import control, experiment, injected, lost


@pytest.fixture(autouse=True)
def eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal as narrow as they come."""
    monkeypatch.setenv("COLUMNS", "80")


def shown(findings: Findings) -> str:
    """What a pipe receives, with keyboard blanks."""
    stream = io.StringIO()
    consequences_table.show(findings, stream)
    return stream.getvalue().replace(figures.SPACE, " ")


def test_it_fits_eighty_columns_without_control_codes(findings: Findings) -> None:
    """No line is longer than 80 columns, and a pipe sees no escape sequence."""
    text = shown(findings)
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_the_story_comes_first(findings: Findings) -> None:
    """Harm event by event, then what did none; of one server, to which nothing was done, what it was."""
    text = shown(findings)
    assert text.startswith("None of 8 approaches came through")
    assert "memory-session on one server\n  a server is added                 nothing (1 replica)\n" in text
    assert "\n  a server dies                     38 of 40 logged out (2 replicas)\n" in text
    assert "\n  nobody harmed by                  a stolen credential after logout\n" in text
    assert text.index("nobody harmed by") < text.index("add-a-server: What does")


def test_every_outcome_of_few_experiments_has_a_line(findings: Findings) -> None:
    """Approach, setting, headline; doubt below it; all controls in one line; at last how far to trust it."""
    few = ("add-a-server", "kill-a-replica", "session-limit")
    text = shown(Findings(tuple(told for told in findings.experiments if told.name in few)))
    unfolded = " ".join(text.split())
    assert "\n  memory-session, sticky  2 replicas  20 of 40 logged out\n" in text
    assert "users logged out: 20 of 40 users, but theory says 40 users" in unfolded
    assert "4 processes  INVALID\n" in text
    assert "INVALID 1 of 2 outcomes: the counts disagree\n" in text
    assert "UNPROVEN 1 of 2 outcomes: layer 4\n" in text
    assert "\n  8 controls without the fault: no consequence.\n" in text
    assert "\n33 of 35 outcomes VALID" in text


def test_many_experiments_are_summed_up(findings: Findings) -> None:
    """Verdicts and controls, what is INVALID or misses theory up to three times; the page has the rest."""
    text = shown(findings)
    unfolded = " ".join(text.split())
    assert "4 processes  INVALID\n" not in text
    assert "What does session-limit come to? 2 outcomes: 1 INVALID, 1 UNPROVEN; no control without" in unfolded
    assert "INVALID: plugin, as deployed: 4 processes" in unfolded
    assert unfolded.count("misses theory: redis-session, 1 ms between service and store: p50") == 1
    assert "misses theory: 4 more store" not in unfolded
    assert "misses theory: 4 more" in unfolded
    assert "The page has every outcome, with its figures, plots and records. 263 of 265 outcomes VALID" in unfolded


def test_a_control_that_shows_harm_is_not_folded() -> None:
    """It stands among the outcomes it makes INVALID, and is called a control."""
    harmed = replace(control("redeploy", "none"), figures=(lost(3),), headline="3 of 40 logged out")
    text = shown(Findings((experiment("redeploy", (injected("redeploy", "bff"), harmed)),)))
    assert "\n  none  without the fault,      3 of 40 logged out\n        control\n" in text
    assert "1 control without the fault: 1 with a consequence." in text


def test_without_the_story_there_are_only_outcomes(findings: Findings) -> None:
    """An experiment that is no event of the story begins at once."""
    text = shown(Findings(tuple(told for told in findings.experiments if told.name == "moving-parts")))
    assert text.lstrip().startswith("moving-parts: What does moving-parts come to?")
