"""Tabs that refresh at once: who is logged out for nothing, and what a thief is given, is what each policy promises."""

from collections.abc import Mapping

import pytest

from bench.consequences.apparatus.races import Race, predicted
from bench.consequences.apparatus.thefts import ALONE, UNNOTICED, WINDOW
from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.refresh_race import DEAD, EXPERIMENT, LIVE, LOGOUTS, POLICIES, REFUSED, RENEWED, SIZES
from services.catalogue import SCHEMES
from services.settings import RefreshPolicy, Settings

SIZE = SIZES["tiny"]
RACING = [tabs for tabs in SIZE.tabs if tabs > 1]
TOKENS, BFF = SCHEMES["refresh-token"], SCHEMES["bff"]
TAKEN_S = {"strict": (0, 0), "grace-replay": (8, 11), "grace-mint": (8, 11)}
"""A used token works for so long at least, and no longer than this."""


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[tuple[str, str], Outcome]:
    """By scheme and setting."""
    return {(one.scheme, one.setting): one for one in conduct(EXPERIMENT, lab, ["refresh-token", "bff"])}


@pytest.mark.stack
def test_every_answer_was_counted_by_the_load_balancer_too(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """All outcomes are valid, for every policy and every number of tabs, and stand in records."""
    assert len(outcomes) == len(POLICIES) * (len(SIZE.tabs) + 1) + len(SIZE.tabs)
    assert all(outcome.verdict.status == "VALID" and outcome.records for outcome in outcomes.values())


@pytest.mark.stack
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("tabs", RACING)
def test_a_race_ends_as_its_policy_promises(
    outcomes: Mapping[tuple[str, str], Outcome], policy: RefreshPolicy, tabs: int
) -> None:
    """Strict logs everybody out and the graces nobody; refused refreshes and live tokens are exactly those promised."""
    outcome = outcomes["refresh-token", f"{policy}, {tabs} tabs"]
    promised = predicted(tabs, TOKENS, Settings(refresh_policy=policy))
    assert outcome.figure(LOGOUTS).value == (1000 if policy == "strict" else 0)
    assert (outcome.figure(RENEWED).value, outcome.figure(LIVE).value) == (promised.renewed, promised.live)
    assert outcome.figure(REFUSED).value == promised.refused * SIZE.races
    assert outcome.figure(DEAD).value == pytest.approx(1000 * promised.dead_tabs / tabs)
    assert outcome.at == tabs
    assert not any(figure.misses_theory for figure in outcome.figures)


@pytest.mark.stack
def test_the_worst_that_happened_is_the_headline(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """A logout before a tab that holds a dead token, as siblings beyond the cap do; else that nothing happened."""
    told = [outcomes["refresh-token", f"{policy}, 6 tabs"].headline for policy in POLICIES]
    assert told == ["1,000 of 1,000 races log the user out", "nothing", "333 of 1,000 tabs left with a dead token"]


@pytest.mark.stack
@pytest.mark.parametrize("tabs", RACING)
def test_a_bff_renews_once_for_all_tabs(outcomes: Mapping[tuple[str, str], Outcome], tabs: int) -> None:
    """On two replicas of it, under the policy that logs out whoever renews twice: nobody is refused or logged out."""
    outcome = outcomes["bff", f"strict, {tabs} tabs"]
    assert not list(harms(outcome))
    assert (outcome.figure(RENEWED).value, outcome.figure(LIVE).value) == (1, 1)


@pytest.mark.stack
def test_a_tab_alone_is_never_logged_out(outcomes: Mapping[tuple[str, str], Outcome]) -> None:
    """The control: neither at once nor in two weeks of renewing every day, under any policy."""
    controls = [outcome for outcome in outcomes.values() if outcome.is_control]
    assert len(controls) == len(POLICIES) + 1
    assert all((control.figure(LIVE).value, list(harms(control))) == (1, []) for control in controls)
    assert [control.figure(ALONE).of for control in controls if control.scheme == "refresh-token"] == [13] * 3


@pytest.mark.stack
@pytest.mark.parametrize("policy", POLICIES)
def test_a_grace_is_a_thiefs_as_well(outcomes: Mapping[tuple[str, str], Outcome], policy: RefreshPolicy) -> None:
    """He may use a used token for as long, and both thefts within it go unnoticed; strict notices all four."""
    outcome = outcomes["refresh-token", f"{policy}, a stolen token"]
    window = outcome.figure(WINDOW)
    assert (window.low, window.high) == TAKEN_S[policy]
    assert (outcome.figure(UNNOTICED).value, outcome.figure(UNNOTICED).of) == (0 if policy == "strict" else 2, 4)
    assert not any(figure.misses_theory for figure in outcome.figures)


def test_a_race_of_one_is_none() -> None:
    """Whatever the policy; and no more siblings live than there are tabs."""
    every = [Settings(refresh_policy=policy) for policy in POLICIES]
    assert {predicted(1, spec, settings) for settings in every for spec in (TOKENS, BFF)} == {Race(0, 1, 1, 0)}
    minting = Settings(refresh_policy="grace-mint")
    assert predicted(2, TOKENS, minting) == Race(0, 2, 2, 0)
    assert predicted(16, TOKENS, minting) == Race(0, 16, 4, 12)


def test_it_concerns_what_is_renewed_by_several() -> None:
    """By the tabs of a client, or by replicas of a BFF that share a session."""
    assert [name for name, spec in SCHEMES.items() if EXPERIMENT.concerns(spec)] == ["refresh-token", "bff"]
