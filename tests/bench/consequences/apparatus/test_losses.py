"""Losses: who is expected to be logged out, by where they were at home before and what they asked for afterwards."""

from collections.abc import Sequence

import pytest

from bench.analysis.model import Verdict
from bench.consequences.apparatus.losses import (
    UNBOUND,
    UNHARMED,
    Bereaved,
    Departure,
    bereaved,
    losses,
    marked,
    spared,
    told,
)
from bench.consequences.model import CONSEQUENCE_FREE, Figure, Mark
from bench.consequences.reading import FAILED, LOGGED_OUT, NS_PER_S, Observation
from loadtests.plan import ArmPlan
from loadtests.record import Sample

ARM = ArmPlan("a", "memory-session", "cookie", 2, "sticky", "steady", visitors=4)
ASKED, GONE = Mark(1.0, "SIGTERM"), Mark(2.0, "gone")
ONE = Departure("one", ASKED, GONE)


def sample(visitor: int, sent_s: float, replica: str = "one", status: int = 200) -> Sample:
    """One read that took a tenth of a second."""
    sent_ns = round(sent_s * NS_PER_S)
    return Sample(
        visitor,
        "read",
        sent_ns,
        sent_ns,
        sent_ns + NS_PER_S // 10,
        status,
        "",
        replica,
        had_valid_credential=True,
        bytes_up=9,
        bytes_down=9,
    )


def observation(*samples: Sample) -> Observation:
    """Four seconds from the origin of the clock."""
    return Observation(ARM, samples, 0, 4, (ASKED, GONE), Verdict("VALID"), "a-record")


def _expected(*samples: Sample, earlier: Sequence[Sample] = ()) -> tuple[set[int], set[int]]:
    found = bereaved(observation(*samples), earlier, [ONE])
    return set(found.surely), set(found.perhaps)


def test_whoever_asks_after_the_home_is_gone_is_logged_out() -> None:
    """Home is the last answer before, in this slice or an earlier one; who lives elsewhere loses nothing."""
    assert _expected(sample(0, 0), sample(0, 3, "two"), sample(1, 0, "two"), sample(1, 3, "two")) == ({0}, set())
    assert _expected(sample(0, 3, "two"), earlier=[sample(0, 0)]) == ({0}, set())
    moved = [sample(0, -2), sample(0, -1, "two")]
    assert _expected(sample(0, 3, "two"), earlier=moved) == (set(), set())


def test_who_asks_for_nothing_notices_nothing() -> None:
    """Neither without a request afterwards nor with one that failed on the way."""
    assert _expected(sample(0, 0)) == (set(), set())
    assert _expected(sample(0, 0), sample(0, 3, "", status=503)) == (set(), set())


def test_what_cannot_be_known_is_left_open() -> None:
    """Who asked only while the replica was going, and who was never seen before."""
    assert _expected(sample(0, 0), sample(0, 1.5)) == (set(), {0})
    assert _expected(sample(0, 3, "two")) == (set(), {0})
    assert _expected(sample(0, 0), sample(0, 1.5), sample(0, 3)) == ({0}, set())


def test_the_count_is_held_to_the_expected() -> None:
    """Exactly the sure ones; as many more as perhaps, and no fewer."""
    out = observation(sample(0, 3, "two", status=401), sample(1, 3, "two", status=401))

    def misses(expected: Bereaved) -> bool:
        return next(losses(out, expected)).misses_theory

    assert not misses(Bereaved(frozenset({0, 1})))
    assert misses(Bereaved(frozenset({0})))
    assert not misses(Bereaved(frozenset({0}), frozenset({1})))
    assert misses(Bereaved(frozenset({0, 1, 2}), frozenset({3})))
    assert misses(UNBOUND)
    assert misses(UNHARMED)


def test_failures_are_told_by_kind() -> None:
    """Users, failures, each kind of them, the longest wait."""
    out = observation(sample(0, 3, "", status=503), sample(1, 3, "", status=502), sample(1, 3, "", status=502))
    figures = list(losses(out, UNBOUND))
    assert [(figure.name, figure.value) for figure in figures] == [
        (LOGGED_OUT, 0), (FAILED, 3), ("502", 2), ("503", 1), ("longest wait", pytest.approx(100)),
    ]  # fmt: skip
    assert [figure.is_harm for figure in figures] == [True, True, False, False, False]


def test_the_headline_is_the_worst() -> None:
    """Users logged out, else requests that failed, else nothing."""
    refused, failed = sample(0, 3, "two", status=401), sample(1, 3, "", status=503)

    def headline(*samples: Sample) -> str:
        return told("x", "y", observation(*samples), ()).headline

    assert headline(refused, failed) == "1 of 4 users logged out"
    assert headline(failed, sample(1, 3)) == "1 of 2 requests failed"
    assert headline(sample(1, 3)) == CONSEQUENCE_FREE


def test_a_deed_after_the_load_is_no_fault() -> None:
    """Nobody asked for anything any more, so nothing can be said of it, for the machine's sake."""
    verdict = told("x", "y", observation(sample(0, 3)), (), Mark(4.5, "killed")).verdict
    assert (verdict.status, verdict.disturbed) == ("INVALID", True)
    assert verdict.reasons[0].startswith("'killed' came 4.5 s after the load began, expected within its 4 s")
    assert told("x", "y", observation(sample(0, 3)), (), GONE).verdict == Verdict("VALID")


def test_a_control_is_one() -> None:
    """It is marked as such, without a timeline."""
    control = spared("x", "y", observation(sample(0, 3)), [Figure("more", 1, "")])
    assert control.is_control
    assert control.timeline is None
    assert (control.approach, control.records) == ("memory-session, sticky", ("a-record",))
    assert control.figure("more").value == 1


def test_a_mark_is_found_by_its_words() -> None:
    """The first of them."""
    assert marked(observation(), "gone") == GONE
