"""`authbench selfcheck`: runs what it is asked for, prints each figure beside its bar, fails when one is missed."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from authbench import selfcheck
from authbench.exits import Exit
from bench.selfcheck.catalogue import SELFCHECKS
from bench.selfcheck.check import Finding, Selfcheck
from tests.authbench.conftest import Ask

GOOD, BAD = Finding("ratio 1.02", "<= 1.10", holds=True), Finding("ratio 1.30", "<= 1.10", holds=False)


def _check(name: str, *findings: Finding) -> Selfcheck:
    return Selfcheck(name, f"{name} is as it should be", "1 s", _yielding(findings))


def _yielding(findings: tuple[Finding, ...]) -> Callable[[], Iterator[Finding]]:
    return lambda: iter(findings)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    known: Mapping[str, Selfcheck] = {"good": _check("good", GOOD), "mixed": _check("mixed", GOOD, BAD, GOOD)}
    monkeypatch.setattr(selfcheck, "SELFCHECKS", known)


def test_bars_that_hold_are_a_success(ask: Ask) -> None:
    """The claim, then every figure with its bar; 0."""
    answer = ask("selfcheck", "good")
    assert answer.code == Exit.OK
    assert answer.out == "good: good is as it should be (1 s)\n  ok     ratio 1.02\n         bar: <= 1.10\n"


def test_a_missed_bar_fails_and_is_marked(ask: Ask) -> None:
    """One figure beyond its bar: the others are told all the same; 1."""
    answer = ask("selfcheck", "mixed", "good")
    assert answer.code == Exit.GATE_FAILED
    assert [line.split()[0] for line in answer.out.splitlines() if "ratio" in line] == ["ok", "MISSED", "ok", "ok"]


def test_without_a_name_all_are_run(ask: Ask) -> None:
    """Nothing is left out."""
    answer = ask("selfcheck")
    assert [line.split(":")[0] for line in answer.out.splitlines() if "as it should be" in line] == ["good", "mixed"]


def test_the_list_runs_nothing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """--list prints name, claim and duration of every check there is."""
    monkeypatch.setattr(selfcheck, "SELFCHECKS", SELFCHECKS)
    answer = ask("selfcheck", "--list")
    assert answer.code == Exit.OK
    assert [line.split()[0] for line in answer.out.splitlines()] == list(SELFCHECKS)
