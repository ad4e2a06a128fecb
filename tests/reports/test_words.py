"""Sentences say what the figures say, and nothing about cells that may not be compared."""

import math
from collections.abc import Callable
from dataclasses import replace

import pytest

from bench.analysis.model import CellSummary, Control, Estimate, Refusals, Summary, Verdict
from reports import format as figures
from reports import words
from reports.rows import comparisons, groups, labels, refused_in_words, turned

Change = Callable[[CellSummary], CellSummary]


def changed(summary: Summary, change: Change) -> Summary:
    """Every cell changed, the comparisons left as they are."""
    return replace(summary, cells=tuple(change(cell) for cell in summary.cells))


def told(summary: Summary) -> str:
    """All sentences of a run."""
    return "\n".join((words.verdict(summary), *words.sentences(summary)))


def invalid(cell: CellSummary) -> CellSummary:
    """The cell, no longer to be believed."""
    return replace(cell, verdict=Verdict("INVALID", ("the generator was starved",)))


def test_the_verdict_names_cheapest_and_dearest(summary: Summary) -> None:
    """The headline holds the cheapest, the dearest, and the measured interval of what is shown."""
    found = words.verdict(summary)
    dearest = next(one for one in summary.to_control if one.candidate == "redis-session-cookie-1.cpu-40")
    assert found.startswith("At 1 replica, memory-session (no difference shown against the control)")
    assert f"redis-session costs the most measured ({figures.signed_interval(dearest.difference_us, 'µs')}" in found


def test_a_tie_at_the_cheap_end_is_called_one(summary: Summary) -> None:
    """Schemes that are not shown to differ from the cheapest are named together with it."""
    without = replace(summary, to_each_other=tuple(replace(one, shown=False) for one in summary.to_each_other))
    assert "protect a read for the least CPU, with no difference shown between the cheapest" in words.verdict(without)


def test_no_difference_at_all(summary: Summary) -> None:
    """Where no cost is shown the headline says so instead of ranking noise."""
    flat = replace(summary, to_control=tuple(replace(one, shown=False) for one in summary.to_control))
    assert words.verdict(flat) == "At 1 replica, no scheme is shown to cost more CPU than the unprotected endpoint."


def test_nothing_to_compare(summary: Summary) -> None:
    """A run in which every cell is invalid yields no comparison, in no sentence."""
    found = changed(summary, invalid)
    assert words.verdict(found).startswith("Nothing can be compared")
    assert words.sentences(found)[-1] == "0 of 28 cells valid; 28 invalid (shown, never compared)."
    assert "µs" not in told(found)
    assert "ms" not in told(found)


@pytest.mark.parametrize("scheme", ["redis-session", "jwt-hs256", "jwt-rs256", "memory-session"])
def test_an_invalid_scheme_is_in_no_sentence(summary: Summary, scheme: str) -> None:
    """A scheme whose cells are all INVALID is named by no sentence, even if a comparison of it was handed over."""
    found = changed(summary, lambda cell: invalid(cell) if cell.cell.scheme == scheme else cell)
    assert scheme not in told(found)


def test_questions_are_answered_in_their_own_direction(summary: Summary) -> None:
    """A hop is told as what it adds, whichever way round it was measured, with the same figures."""
    about = replace(summary, to_each_other=tuple(turned(one) for one in summary.to_each_other))
    answer = next(one for one in words.sentences(about) if one.startswith("A signed token"))
    assert answer.endswith("(jwt-hs256 against redis-session at 1 replica).")
    assert words.sentences(about) == words.sentences(summary)


def test_turning_a_comparison_twice_gives_it_back(summary: Summary) -> None:
    """Seen from the other side and back, a comparison is the same."""
    one = summary.to_each_other[0]
    again = turned(turned(one))
    assert again.difference_us == one.difference_us
    assert again.ratio.low == pytest.approx(one.ratio.low)


def test_an_unshown_answer_says_so(summary: Summary) -> None:
    """A question whose difference is not shown is answered with that and its interval."""
    flat = replace(summary, to_each_other=tuple(replace(one, shown=False) for one in summary.to_each_other))
    assert "A Redis hop: no difference shown (redis-session against memory-session at 1 replica, " in told(flat)


def test_refusals_stand_beside_theory(summary: Summary) -> None:
    """In-memory sessions at two replicas are told with interval, prediction and logged-out visitors."""
    sentence = next(one for one in words.sentences(summary) if "refused although" in one)
    assert "memory-session at 2 replicas under roundrobin" in sentence
    assert "50.1" in sentence
    assert "48.4" in sentence
    assert "60 of 60 visitors logged out (theory: 59.8)" in sentence


def test_refusals_without_a_theory(summary: Summary) -> None:
    """Where no theory is known none is made up."""
    unknown = Refusals(Estimate(0.3, 0.28, 0.32), None, 60, 50, None)
    sentences = words.sentences(changed(summary, lambda cell: replace(cell, refusals=unknown)))
    assert "(no theory known); 50 of 60 visitors logged out." in sentences[0]


def test_latency_overlap_is_called_no_difference(summary: Summary) -> None:
    """The quickest and the slowest p99 are not set against each other while their intervals overlap."""
    wide = {"p99": Estimate(2.0, 0.1, 9.0)}
    assert "overlap" not in told(summary)
    assert "their intervals overlap, so no difference shown" in told(
        changed(summary, lambda cell: replace(cell, response_ms=wide))
    )


def test_the_aa_pair_in_words(summary: Summary) -> None:
    """The A/A line tells noise, false alarm, missing pair and missing interval apart."""
    assert figures.MINUS not in words.aa_line(summary)
    control = summary.control
    assert control is not None
    assert words.aa_line(summary).replace(figures.SPACE, " ") == (
        "The same scheme entered twice differs by 0.8 % ± 2.1 %: differences below 2.1 % are not shown."
    )
    assert "false alarm" in words.aa_line(replace(summary, control=replace(control, differs=True)))
    assert "unknown" in words.aa_line(replace(summary, control=None))
    lone = Control(control.pair, Estimate(1.01, 0.0, math.inf), math.inf, differs=False)
    assert "one block has no interval" in words.aa_line(replace(summary, control=lone))


def test_cells_are_counted_by_verdict(summary: Summary) -> None:
    """Every cell is in one of the three counts, and those not VALID are listed with their reasons."""
    unproven = changed(summary, lambda cell: replace(cell, verdict=Verdict("UNPROVEN")))
    assert words.counts_line(summary) == "27 of 28 cells valid; 1 invalid (shown, never compared)."
    assert words.counts_line(unproven) == "0 of 28 cells valid; 28 unproven (no counters reachable)."
    assert [line.split(":")[0] for line in words.reasons(summary)] == ["INVALID refresh-token-bearer-2.cpu-40"]
    assert words.reasons(unproven)[0].endswith("no reason recorded")


def test_rows_read_from_the_control_down(summary: Summary) -> None:
    """In every group the control is first, comparable cells follow by cost, refused and invalid ones end it."""
    for group in groups(summary):
        assert group.rows[0].is_control
        ranked = [row.total_us.value for row in group.rows[1:] if row.can_be_compared and row.total_us]
        assert ranked == sorted(ranked)
    assert [row.label for row in groups(summary)[1].rows][-2:] == ["memory-session", "refresh-token"]


def test_no_comparison_touches_an_invalid_cell(summary: Summary) -> None:
    """What is handed on to be told holds no INVALID side."""
    found = changed(summary, lambda cell: invalid(cell) if cell.cell.scheme == "jwt-rs256" else cell)
    assert all("jwt-rs256" not in one.candidate + one.baseline for one in comparisons(found))
    assert not any(row.versus for group in groups(found) for row in group.rows if row.is_invalid)


def test_every_row_says_how_it_compares(summary: Summary) -> None:
    """A row is the control, a difference, no difference, not ranked, not compared or invalid: never blank."""
    texts = {row.cell.id: words.difference(row) for group in groups(summary) for row in group.rows}
    assert texts["none-bearer-1.cpu-40"] == "the control"
    assert texts["memory-session-cookie-1.cpu-40"] == "no difference shown"
    assert texts["memory-session-cookie-2.cpu-40"] == "half refused: not ranked"
    assert texts["refresh-token-bearer-2.cpu-40"] == "invalid: not compared"
    alone = replace(summary, to_control=())
    assert {words.difference(row) for row in groups(alone)[0].rows} == {"the control", "not compared"}


def test_labels_tell_neighbours_apart(summary: Summary) -> None:
    """A label adds carrier and balancing only where a scheme has several, and marks the A/A repeat."""
    first = summary.cells[2]
    bearer = replace(first, cell=replace(first.cell, arm="other", carrier="bearer", replicas=2, balancing="sticky"))
    assert labels([first, bearer]) == {
        first.cell.arm: "redis-session cookie",
        "other": "redis-session bearer sticky",
    }
    assert "redis-session again" in labels(summary.cells).values()


def test_a_share_in_words() -> None:
    """About a half is a half; others keep their figure; the smallest is not rounded to nothing."""
    assert refused_in_words(0.5009) == "half refused"
    assert refused_in_words(0.372).replace(figures.SPACE, " ") == "37.2 % refused"
    assert refused_in_words(0.0002) == "under 0.1 % refused"
