"""Controls are held against every outcome: a fault that also harms where it was not injected proves nothing."""

from dataclasses import replace

import pytest

from bench.analysis.model import Verdict
from bench.consequences.experiment import controlled, worst
from bench.consequences.model import Figure, Outcome

HARM = Figure("users logged out", 3, "users", of=4, is_harm=True)
NONE = replace(HARM, value=0)
KILLED = Outcome("kill", "memory-session", "killed", "3 of 4 logged out", (HARM,), Verdict("VALID"))
CONTROL = replace(KILLED, setting="not killed", figures=(NONE, Figure("requests", 9, "requests")), is_control=True)


def test_a_quiet_control_leaves_an_outcome_as_it_is() -> None:
    """What is counted without harm in a control is held against nobody."""
    assert controlled([CONTROL, KILLED]) == (CONTROL, KILLED)


def test_a_harmed_control_makes_its_scheme_invalid() -> None:
    """The reason names the figure; another scheme with a quiet control of its own stays valid."""
    other, quiet = replace(KILLED, scheme="bff"), replace(CONTROL, scheme="bff")
    told = controlled([replace(CONTROL, figures=(HARM,)), KILLED, other, quiet])
    assert [one.verdict.status for one in told] == ["VALID", "INVALID", "VALID", "VALID"]
    assert "3 users (users logged out), expected none" in told[1].verdict.reasons[0]


def test_another_schemes_control_stands_in() -> None:
    """Where a scheme has no control of its own, those of the others are held against it."""
    other = replace(KILLED, scheme="bff")
    assert [one.verdict.status for one in controlled([replace(CONTROL, figures=(HARM,)), other])][1] == "INVALID"
    assert [one.verdict.status for one in controlled([CONTROL, other])][1] == "VALID"


def test_an_uncontrolled_outcome_is_not_believed() -> None:
    """Without any control there is nothing to tell the fault from the machine by."""
    (told,) = controlled([KILLED])
    assert told.verdict.status == "INVALID"
    assert "no control" in told.verdict.reasons[0]


@pytest.mark.parametrize(
    ("statuses", "expected"), [(("VALID", "UNPROVEN"), "UNPROVEN"), (("UNPROVEN", "INVALID"), "INVALID"), ((), "VALID")]
)
def test_the_worst_verdict_wins(statuses: tuple[str, ...], expected: str) -> None:
    """INVALID before UNPROVEN before VALID; every reason stays, each once."""
    found = worst(*(Verdict(status, ("why", status)) for status in statuses))  # type: ignore[arg-type]
    assert found.status == expected
    assert found.reasons == tuple(dict.fromkeys(("why", *statuses))) if statuses else found.reasons == ()


def test_theory_is_missed_by_an_exact_figure_that_differs() -> None:
    """An exact count has no room, another has its interval; without theory nothing is missed."""
    assert replace(HARM, predicted=3).misses_theory is False
    assert replace(HARM, predicted=4).misses_theory is True
    assert replace(HARM, predicted=4, low=2, high=4).misses_theory is False
    assert HARM.misses_theory is False


def test_an_outcome_knows_its_approach_and_figures() -> None:
    """Balancing is part of the name where it is not the usual one; a figure is found by its name."""
    assert KILLED.approach == "memory-session"
    assert replace(KILLED, balancing="sticky").approach == "memory-session, sticky"
    assert KILLED.figure("users logged out") is HARM
    with pytest.raises(KeyError):
        KILLED.figure("users")
