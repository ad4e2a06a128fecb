"""What schemes consist of is counted as it runs, and what is declared otherwise is found."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from bench.consequences.experiment import conduct, harms
from bench.consequences.lab import Lab
from bench.consequences.model import Outcome
from bench.consequences.moving_parts import (
    EXPERIMENT,
    HANDLED,
    HOPS,
    MORE,
    NEEDED,
    PASSWORDS,
    PROCESSES,
    REQUESTS,
    ROUND_TRIPS,
    STORES,
)
from services.catalogue import SCHEMES
from services.contract import Operations

HONEST = ("bff-memory", "refresh-token")
LIAR = "redis-session"


@pytest.fixture(scope="module")
def outcomes(lab: Lab) -> Mapping[str, Outcome]:
    """By scheme; one declares a read that asks nobody."""
    spec = lab.spec(LIAR)
    operations = {**spec.traits.operations, "verify": Operations()}
    lying = replace(spec, traits=replace(spec.traits, operations=operations))
    told = replace(lab, catalogue={**lab.catalogue, LIAR: lying})
    return {outcome.scheme: outcome for outcome in conduct(EXPERIMENT, told, (*HONEST, LIAR))}


def values(outcome: Outcome, *names: str) -> list[float]:
    """The figures of those names."""
    return [outcome.figure(name).value for name in names]


@pytest.mark.stack
def test_the_control_adds_nothing(outcomes: Mapping[str, Outcome]) -> None:
    """It is measured first, though nobody asked for it, and every other figure is a difference to it."""
    control = next(iter(outcomes.values()))
    assert (control.scheme, control.is_control, list(harms(control))) == ("none", True, [])
    assert values(control, PROCESSES, REQUESTS, PASSWORDS) == [6, 5, 1]


@pytest.mark.stack
def test_a_bff_is_more_of_everything(outcomes: Mapping[str, Outcome]) -> None:
    """A master and a worker before each replica, two stores, one more request behind every read; one cookie outside."""
    outcome = outcomes["bff-memory"]
    assert outcome.verdict.status == "VALID"
    assert values(outcome, MORE.format(PROCESSES), STORES, HOPS) == [4, 2, 1]
    assert values(outcome, *(ROUND_TRIPS.format(step) for step in ("login", "read", "logout"))) == [1, 0, 1]
    assert values(outcome, MORE.format(REQUESTS), MORE.format(PASSWORDS)) == [0, 0]
    assert outcome.figure(HANDLED).theory == "__Host-csrf, __Host-session, x-csrf-token"
    assert outcome.figure(NEEDED).value > outcomes["refresh-token"].figure(NEEDED).value
    assert not any(figure.misses_theory for figure in outcome.figures)


@pytest.mark.stack
def test_what_is_renewed_costs_its_client_and_its_store(outcomes: Mapping[str, Outcome]) -> None:
    """No process and no round trip of a read, but five of a refresh; the client sends two more requests."""
    outcome = outcomes["refresh-token"]
    assert outcome.verdict.status == "VALID"
    assert values(outcome, MORE.format(PROCESSES), STORES, HOPS, MORE.format(REQUESTS)) == [0, 1, 0, 2]
    assert values(outcome, *(ROUND_TRIPS.format(step) for step in ("read", "refresh"))) == [0, 5]
    assert outcome.headline == f"6 processes, 1 store, {outcome.figure(NEEDED).value:,} lines"


@pytest.mark.stack
def test_what_is_declared_otherwise_is_found(outcomes: Mapping[str, Outcome]) -> None:
    """By the servers' own counts and by the round trips of the scheme itself; nothing is concluded from it."""
    outcome = outcomes[LIAR]
    assert outcome.verdict.status == "INVALID"
    assert [reason.split(";")[0] for reason in outcome.verdict.reasons] == [
        "3 x verify cost redis getex 3, expected no store command",
        "one verify takes 1 round trips, expected 0",
    ]
    assert outcome.figure(ROUND_TRIPS.format("read")).misses_theory


def test_it_concerns_everything() -> None:
    """The control too, which is dissected in any case."""
    assert all(EXPERIMENT.concerns(spec) for spec in SCHEMES.values())
