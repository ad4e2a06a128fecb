"""A gate run in words: every gate says what was measured of whom, and no text is longer than its place."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import Estimate
from bench.gates.model import CellName, CountGate, Gate, GateStatus, Judged, Tree
from reports.gate_words import (
    CELL_MAX,
    NAME_MAX,
    ORDER,
    SENTENCE_MAX,
    canaries,
    cell,
    circumstances,
    closing,
    plain,
    standing,
    subject,
    times,
    told,
)
from tests.reports import made_up_gates as made_up

LINE_MAX = 4 * SENTENCE_MAX + 2 * CELL_MAX


def test_failures_come_first() -> None:
    """Then whatever was not judged, and what passed at the end; what a status has in common stays in its order."""
    gates = told(made_up.RUN)
    places = [ORDER.index(one.status) for one in gates]
    assert places == sorted(places)
    assert [one.name for one in gates][:2] == ["hs256-verify", "redis-hop"]
    assert {one.word for one in gates} == {"FAIL", "INCONCLUSIVE", "VOID", "ADVICE", "PASS"}


def test_a_failing_comparison_names_all() -> None:
    """Benchmark, ratio, interval, both commits, the bar, the reason and what to do, in one line."""
    assert told(made_up.of(made_up.SLOW))[0].line == (
        "jwt-hs256 verify: 1.104x (1.089\N{EN DASH}1.121) of base 1a2b3c4 in candidate 5d6e7f8+; bar <= 1.05x. "
        "Slower in both stages, 5 pairs and 5 fresh ones. "
        "Next: profile jwt-hs256 verify at both commits, or raise its margin."
    )


@pytest.mark.parametrize(
    ("judged", "line"),
    [
        (made_up.UNPLACED, "CPU of redis-session. No base to compare with. Next: name one: --base REF."),
        (replace(made_up.UNPLACED, why="", next_step=""), "CPU of redis-session."),
        (
            made_up.PRICE,
            "CPU of redis-session over none: 1.48x [1.44, 1.52]; bar <= 1.6x. The whole interval is below the bar.",
        ),
        (replace(made_up.COOKIE, bar="", why="ok!"), "bytes up of redis-session: 1,012 bytes. Ok!"),
        (
            replace(made_up.COOKIE, why="jwt-hs256 is not asked"),
            "bytes up of redis-session: 1,012 bytes; bar <= 1,212. jwt-hs256 is not asked.",
        ),
    ],
)
def test_lines_are_sentences(judged: Judged, line: str) -> None:
    """What is missing leaves no trace; a sentence has its capital and its stop, a scheme keeps its name."""
    assert told(made_up.of(judged))[0].line == line


def test_without_a_base_no_commits_are_compared() -> None:
    """Then the figure is told as it was found."""
    (one,) = told(made_up.of(made_up.COUNTED, base=None))
    assert one.line.startswith("instructions of jwt-hs256 verify: 1.031x; bar <= 1.01x.")


def test_a_failure_that_does_not_block_is_advice() -> None:
    """Nothing shows it in red, and it is not counted as failed."""
    assert standing(made_up.REFUSED) == "advice"
    assert standing(replace(made_up.REFUSED, blocking=True)) == "fail"
    assert "failed" not in closing(made_up.of(made_up.REFUSED, made_up.COOKIE))


@pytest.mark.parametrize(
    ("judged", "base", "sentence"),
    [
        (
            made_up.JUDGED,
            made_up.BASE,
            (
                "FAIL: 2 of 10 gates failed, 1 inconclusive, 1 void, 3 advisory, 3 passed; "
                "base 1a2b3c4, candidate 5d6e7f8+."
            ),
        ),
        ((made_up.KILLED,), None, "PASS: 1 of 1 gate passed; candidate 5d6e7f8+."),
        (
            (made_up.KILLED, made_up.NOISY),
            None,
            "INCONCLUSIVE: 1 of 2 gates inconclusive, 1 passed; candidate 5d6e7f8+.",
        ),
        (
            (made_up.UNPLACED, made_up.SLO),
            None,
            "VOID: no gate that blocks was judged, 1 void, 1 advisory; candidate 5d6e7f8+.",
        ),
        ((), None, "VOID: no gate that blocks was judged; candidate 5d6e7f8+."),
    ],
)
def test_the_closing_sentence_counts_every_gate(judged: tuple[Judged, ...], base: Tree | None, sentence: str) -> None:
    """The run's own status first, and which states of the code were held against each other."""
    assert closing(made_up.of(*judged, base=base)) == sentence


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        (made_up.EXTRA_TRIP.gate, "store operations (redis) per verify of redis-session"),
        (
            CountGate("any", "store-operations", CellName("bff"), 2, "renew"),
            "store operations (all stores) per renew of bff",
        ),
        (made_up.KILLED.gate, "logged-out users in kill-a-replica of redis-session"),
        (CountGate("any", "session-bytes", CellName("bff"), 9), "session bytes of bff"),
        (made_up.NOISY.gate, "p99 of jwt-rs256 cookie, 2 replicas, sticky"),
        (made_up.SLO.gate, "p99 of jwt-rs256 cookie, 2 replicas, sticky at 300/s"),
    ],
)
def test_subjects_tell_gates_apart(gate: Gate, said: str) -> None:
    """Whatever is not as usual is said, and nothing else."""
    assert subject(gate) == said
    assert cell(CellName("none")) == "none"


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        (Estimate(1.0, 0.9985, 1.0123), "1.000x (0.999-1.012)"),
        (Estimate(12.345, 11.9, 12.8), "12.3x (11.9-12.8)"),
        (Estimate(1.18, -math.inf, 1.3), "1.180x (no interval)"),
    ],
)
def test_ratios_near_one_keep_three_decimals(ratio: Estimate, said: str) -> None:
    """There the third is what a gate is about; further off three digits do."""
    assert times(ratio).replace("\N{EN DASH}", "-") == said


def test_canaries_say_what_the_machine_would_have_said_of_nothing() -> None:
    """Each with its status in words, its ratio and its reason."""
    calm, noisy = canaries(made_up.RUN)
    assert calm.startswith("A/A canary (micro) PASS: the base against itself is 1.002x")
    assert noisy.endswith("(0.710\N{EN DASH}1.220). Its interval is wider than the margin.")


@pytest.mark.parametrize(
    ("environment", "machine"),
    [
        (made_up.ENVIRONMENT, "AMD EPYC <Rome>, 2 cores, Linux 6.1.0, CPython 3.11.2"),
        ({"cores": 1}, "1 core"),
        ({}, "an unknown machine"),
    ],
)
def test_the_machine_is_told_as_far_as_it_is_known(environment: dict[str, object], machine: str) -> None:
    """A fingerprint may lack anything."""
    said = circumstances(replace(made_up.RUN, environment=environment))
    assert said == f"Measured in 1 min 23 s from 2026-11-24T02:31:07+00:00 on {machine}."


@settings(max_examples=50)
@given(st.text(st.characters()), st.integers(3, 40))
def test_plain_text_is_one_line_that_fits(text: str, most: int) -> None:
    """Whatever it was: no control, line or direction character and no lone surrogate is left, and it may be written."""
    clean = plain(text, most)
    assert len(clean) <= most
    assert len(clean.splitlines()) <= 1
    assert plain(clean, most) == clean
    assert clean.encode().decode() == clean


def test_no_text_is_longer_than_its_place() -> None:
    """A stranger's endless names and reasons are cut, and the cut shows."""
    for one in told(made_up.hostile()):
        assert len(one.name) <= NAME_MAX
        assert one.name.endswith("...")
        assert max(len(one.found), len(one.bar)) <= CELL_MAX
        assert len(one.line) <= LINE_MAX
    assert max(map(len, canaries(made_up.hostile()))) <= LINE_MAX


def test_every_status_has_its_place() -> None:
    """The order leaves none out."""
    statuses: set[GateStatus] = {"pass", "fail", "inconclusive", "void", "advice"}
    assert set(ORDER) == statuses
