"""The page of the consequences: whole, self-contained, and every word of it from the findings."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.model import Verdict
from bench.consequences.model import Outcome
from reports import consequences_page
from reports import format as figures
from reports.findings import ConsequenceFacts, Findings
from tests.reports import made_up
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def html(findings: Findings, consequence_facts: ConsequenceFacts) -> str:
    """The page of the made-up findings."""
    return consequences_page.render(findings, consequence_facts)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


def section(html: str, name: str) -> str:
    """The part of the page that tells one experiment."""
    return html.partition(f'<section id="{name}"')[2].partition("</section>")[0]


def lone(facts: ConsequenceFacts, outcomes: Sequence[Outcome], name: str = "moving-parts") -> str:
    """A page of one experiment."""
    return consequences_page.render(Findings((made_up.experiment(name, tuple(outcomes)),)), facts)


def test_ids_are_unique_and_references_stay_inside(reader: Reader) -> None:
    """No id occurs twice; every reference is to one of them; nothing is fetched; every tag is closed."""
    assert_closed(reader)


def test_the_page_is_one_file(html: str, reader: Reader) -> None:
    """Under 1.5 MB, no address of any host, no script."""
    assert_alone(html, reader)


def test_the_page_is_read_in_order(html: str, reader: Reader) -> None:
    """It has a language, one h1, headings that skip no level, a caption for every table, a scope for every th."""
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 1 + 17 + 4 + 1
    assert reader.unscoped == 0


def test_what_is_written_is_what_is_rendered(
    tmp_path: Path, findings: Findings, consequence_facts: ConsequenceFacts
) -> None:
    """The same findings give the same bytes."""
    few = Findings(findings.experiments[-3:])
    consequences_page.write(tmp_path / "report.html", few, consequence_facts)
    assert (tmp_path / "report.html").read_text("utf-8") == consequences_page.render(few, consequence_facts)


def test_both_themes_know_every_colour(html: str) -> None:
    """Each variable that is used has a light and a dark value."""
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in html.split("@media screen")[:2])
    assert set(re.findall(r"var\((--[\w-]+)", html)) <= light <= dark


def test_every_experiment_has_its_section(html: str, findings: Findings) -> None:
    """With its words as text, its controls apart, and a link from the contents."""
    for told in findings.experiments:
        found = section(html, told.name)
        assert told.question in found
        assert told.fault in found
        assert f"How to read {told.name} &lt;here&gt;." in found
        assert ("without the fault (controls)" in found) == bool(told.controls)
        assert f'<a href="#{told.name}">{told.name}</a>' in html


def test_plots_stand_where_there_is_something_to_draw(html: str, reader: Reader) -> None:
    """Timelines under faults that have them, curves along an axis, nothing else."""
    assert "time-store-down-title" in section(html, "store-down")
    assert "axis-wire-bytes-title" in section(html, "wire-bytes")
    assert "<svg" not in section(html, "key-rotation")
    assert reader.tags["svg"] == 3 + 3


def test_the_story_leads_to_its_evidence(html: str) -> None:
    """Each cell of an event links to the experiment; what does not concern an approach is said and not linked."""
    story = section(html, "story")
    assert '<td class="harmed"><a href="#add-a-server">40 of 40 logged out</a><small>4 replicas</small></td>' in story
    assert '<td class="failing"><a href="#store-down">12 of 600 requests failed</a>' in story
    assert '<td class="absent">not tried</td>' in story
    assert "memory-session on one server" in story


def test_doubt_is_visible(html: str) -> None:
    """A missed theory is flagged at the figure, listed and explained; INVALID and UNPROVEN carry their reasons."""
    added = section(html, "add-a-server").replace(figures.SPACE, " ")
    assert "<strong>misses theory</strong>" in added
    assert "memory-session, 2 replicas: users logged out: 40 of 40 users, but theory says" in added
    assert "<li>requests refused: 1 - 1/N</li>" in added
    limit = section(html, "session-limit")
    assert "INVALID: the counts disagree" in limit
    assert "UNPROVEN: layer 4" in limit
    assert limit.count('<tr class="') == 2


def test_a_long_experiment_is_told_in_brief(html: str) -> None:
    """Each result of an approach once with its settings; every outcome is folded below, and not doubted less."""
    swept = section(html, "ttl-sweep")
    assert (
        swept.index('<table class="brief">')
        < swept.index("<details><summary>All 28 outcomes")
        < swept.index('<table class="outcomes">')
    )
    assert "<details><summary>All" not in section(html, "session-limit")


def test_the_same_result_is_told_once(consequence_facts: ConsequenceFacts) -> None:
    """With all its settings, apart from one that is in doubt."""
    many = [made_up.injected("redeploy", "bff")] * 24
    settings = [replace(one, setting=f"try {nth}") for nth, one in enumerate(many)]
    doubted = replace(many[0], setting="last", verdict=Verdict("UNPROVEN"))
    told = section(lone(consequence_facts, (*settings, doubted)), "moving-parts")
    assert '<td class="headline">nothing</td><td>try 0; try 1; try 2;' in told
    assert '<td class="headline">nothing (UNPROVEN)</td><td>last</td>' in told


def test_records_are_named(html: str) -> None:
    """The files that show an outcome stand beside it, a control's said to be one."""
    assert "<li>jwt-hs256, 2 replicas: redeploy/jwt-hs256.jsonl.gz</li>" in section(html, "redeploy")
    assert "<li>none, without the fault (control): redeploy/none.jsonl.gz</li>" in section(html, "redeploy")
    assert "Records in the run" not in section(html, "wire-bytes")


def test_facts_are_told_and_escaped(html: str, consequence_facts: ConsequenceFacts) -> None:
    """Command, notes, password profile and environment are in the page, markup in them is text."""
    for text in (consequence_facts.command, *consequence_facts.notes, consequence_facts.password_profile, "8 min 1 s"):
        assert text in html
    assert "AMD EPYC &lt;Rome&gt;" in html


def test_a_run_of_one_experiment(consequence_facts: ConsequenceFacts) -> None:
    """Without an experiment of the story the page says so; without outcomes the section does."""
    html = lone(consequence_facts, ())
    assert "None of the experiments of the story" in html
    assert "No outcome: none of the chosen schemes is concerned." in html
