"""A remote target as it is told: what nobody could measure is not measured, and what is not proven is labelled so."""

import io
from dataclasses import replace

import pytest

from bench.analysis.model import CellSummary, Summary, Verdict
from reports import format as figures
from reports import page, table, tables, words
from reports.facts import ArmProof, RunFacts
from reports.rows import groups, is_remote, labels

URL = "http://lb.example:8080"
SERVICES = ("replicas", "total")


def _away(cell: CellSummary) -> CellSummary:
    """The same cell, had somebody else run its servers and kept the stores' counters to himself."""
    return replace(
        cell,
        cell=replace(cell.cell, balancing="as-deployed"),
        verdict=Verdict("UNPROVEN", ("no counters",)) if cell.verdict.status == "VALID" else cell.verdict,
        cpu_us={name: cell.cpu_us[name] for name in SERVICES} if cell.cell.purpose == "cpu" else {},
        store_operations=None,
    )


@pytest.fixture
def away(summary: Summary) -> Summary:
    """The run at a target."""
    return replace(summary, cells=tuple(map(_away, summary.cells)))


def test_a_target_is_known_by_its_balancing(summary: Summary, away: Summary) -> None:
    """Which nobody can see and which tells no arm from its neighbours, so it is in no name."""
    assert (is_remote(summary), is_remote(away)) == (False, True)
    assert labels(away.cells) == labels(summary.cells)


def test_nothing_unmeasured_is_zero(away: Summary) -> None:
    """Store operations, and the CPU time of load balancer and stores, are not measured in every telling."""
    (section, *_) = tables.by_component(away).sections
    head = tables.by_component(away).head
    valid = next(line for line in section.lines if line.name == "redis-session")
    unseen = [valid.cells[head.index(name)] for name in tables.UNSEEN]
    assert unseen == [tables.NOT_MEASURED] * 3
    assert "the services alone" in tables.comparison(away).caption
    assert tables.store_operations(away.cells[0]) == tables.NOT_MEASURED
    assert tables.traffic(away).head == ("bytes up", "bytes down")


def test_a_store_that_some_cells_know_is_not_zero_in_the_others(away: Summary) -> None:
    """One arm alone with the stores knows what it asked; the others in company do not."""
    first = replace(away.cells[0], store_operations={"redis": 1.0})
    view = tables.traffic(replace(away, cells=(first, *away.cells[1:])))
    told = [line.cells[2] for section in view.sections for line in section.lines]
    assert set(told) == {"1", tables.NOT_MEASURED, tables.INVALID}


def test_the_terminal_names_the_target(away: Summary, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says what of CPU is known there, within 80 columns."""
    monkeypatch.setenv("COLUMNS", "80")
    stream = io.StringIO()
    table.show(away, stream, target=URL)
    told = stream.getvalue()
    assert told.startswith(f"Remote target {URL}: of CPU only the services' own is known")
    assert max(map(len, told.splitlines())) <= 80
    bare = replace(away, cells=tuple(replace(cell, cpu_us={}) for cell in away.cells), to_control=(), to_each_other=())
    stream = io.StringIO()
    table.show(bare, stream, target=URL)
    assert "measured" in stream.getvalue()


def test_comparisons_of_unproven_cells_are_labelled(summary: Summary, away: Summary) -> None:
    """They are shown among themselves and say in every sentence that nothing proves them."""
    assert words.verdict(away).startswith("Unproven, as nothing shows that the schemes did their work: At 1 replica")
    answers = [line for line in words.sentences(away) if "instead of" in line or "hop" in line]
    assert answers
    assert all("(unproven)" in line for line in answers)
    told = [words.difference(row) for group in groups(away) for row in group.rows if row.versus]
    assert told
    assert all(line.endswith("(unproven)") for line in told)
    assert "nproven" not in words.verdict(summary)


def test_the_page_says_how_a_target_was_measured(away: Summary, facts: RunFacts) -> None:
    """What a block is there, that intervals cover less, what was not measured and what was not tried."""
    proof = ArmProof(
        "redis-session-cookie-1", "redis-session", ("a missing credential is answered 401",), (), ("time",)
    )
    html = page.render(away, replace(facts, target=URL, proofs=(proof,))).replace(figures.SPACE, " ")
    for told in (f"Remote target {URL}", "cover less", "Not measured: the target's machine", "not tried, time"):
        assert told in html, told
    assert "Everything ran on one machine" not in html
    assert "Each starts every arm afresh" not in html
