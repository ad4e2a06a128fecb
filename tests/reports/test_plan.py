"""A plan as it is told: every figure from the plan, every gap with its reason, every constant with its source."""

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.sizing import SchemePlan
from bench.analysis.capacity.values import Derived
from reports import plan_page
from reports.plan_chart import growth
from reports.plan_table import every_constant, show
from reports.plan_words import amount, asked, bottleneck, hit, missing, notes, revoked, size, span, verdict
from tests.reports import made_up_plans as made_up
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def constants() -> dict[str, SchemeConstants]:
    """Everything that can be known or missing."""
    return made_up.all_of_them()


@pytest.fixture(scope="module")
def plans(constants: dict[str, SchemeConstants]) -> tuple[SchemePlan, ...]:
    """For ten million users."""
    return made_up.plans(constants)


@pytest.fixture(scope="module")
def html(constants: dict[str, SchemeConstants], plans: tuple[SchemePlan, ...]) -> str:
    """The page of it."""
    return plan_page.render(plans, made_up.curves(constants), constants, made_up.FACTS)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


def terminal(plans: tuple[SchemePlan, ...]) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(plans, made_up.FACTS, stream)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (amount(0), "0"),
        (amount(8.267), "8.27"),
        (amount(9_430), "9,430"),
        (amount(83_333), "83.3k"),
        (amount(10e6), "10M"),
        (amount(4.2e9), "4.2G"),
        (size(512), "512 B"),
        (size(164 * 2**20), "164 MiB"),
        (size(1.5 * 2**40), "1.5 TiB"),
        (span(0), "0 s"),
        (span(0.02), "20 ms"),
        (span(1800), "30 min"),
        (span(14 * 86_400), "14 d"),
    ],
)
def test_figures_are_short(told: str, expected: str) -> None:
    """Three digits at most, with the unit in which they are small."""
    assert told.replace("\N{NO-BREAK SPACE}", " ") == expected


def test_a_terminal_of_80_columns_is_enough(plans: tuple[SchemePlan, ...]) -> None:
    """No line is longer; what is known is a figure, what is not a dash; the runs are named."""
    told = terminal(plans)
    assert max(map(len, told.splitlines())) <= 80
    assert re.search(r"redis-session +\d+ +[\d.]+ +50k +\d+.MiB +0 +0 +\d+ +11.6", told)
    assert re.search(r"jwt-rs256 +- +- +- ", told)
    assert ", ".join(made_up.FACTS.runs) in told


def test_each_gap_has_one_reason(plans: tuple[SchemePlan, ...]) -> None:
    """Schemes that lack the same are told together, with one command for all of them; notes alike."""
    told = list(missing(plans))
    assert (
        "jwt-rs256, postgres-session: write, login not measured: "
        "run `authbench run --max-rate --journey write,relogin jwt-rs256 postgres-session`"
    ) in told
    assert len(told) == len(set(told))
    assert any(note.startswith("memory-session: a replica is one worker process") for note in notes(plans))
    assert any(note.startswith("1 point measured, USL needs 4") for note in notes(plans))


def test_the_verdict_names_both_ends(plans: tuple[SchemePlan, ...]) -> None:
    """Who needs fewest and most cores, one alone, or that nothing is known."""
    by_name = {plan.scheme: plan for plan in plans}
    assert re.fullmatch(r"Fewest cores: [\d.]+ for memory-session\. Most: [\d.]+ for jwt-hs256\.", verdict(plans))
    assert re.fullmatch(r"[\d.]+ cores for jwt-hs256\.", verdict([by_name["jwt-hs256"]]))
    assert verdict([by_name["jwt-rs256"]]).startswith("For no scheme is enough measured")


def test_who_is_hit_and_for_how_long_is_said() -> None:
    """Nobody, so many, or not known; the next request, a while, or why never."""
    assert (hit(Derived(0.0, (), "")), hit(Derived(5e5, (), "")), hit(Derived(None, (), ""))) == ("nobody", "500k", "-")
    assert revoked(Derived(0.0, (), "")) == "next request"
    assert revoked(Derived(1800.0, (), "")) == "30\N{NO-BREAK SPACE}min"
    assert revoked(Derived(None, (), "", "there is no credential")) == "there is no credential"


def test_what_ends_first_is_told_with_its_users(plans: tuple[SchemePlan, ...]) -> None:
    """One Redis core before anything else; a dash where no limit is known to be met."""
    by_name = {plan.scheme: plan for plan in plans}
    assert re.fullmatch(r"[\d.]+M users: one Redis instance's core", bottleneck(by_name["redis-session"]))
    assert bottleneck(replace(by_name["redis-session"], crossings=())) == "-"


def test_the_question_is_told() -> None:
    """Every number that was asked for."""
    told = asked(made_up.DEMAND).replace("\N{NO-BREAK SPACE}", " ")
    for part in (
        "10M users, 5 %",
        "6 requests",
        "10 % of these",
        "30 min",
        "14 d",
        "12 h",
        "2 cores",
        "50 ms",
        "0.5 ms",
    ):
        assert part in told


def test_the_page_is_whole(html: str, reader: Reader) -> None:
    """Closed, alone, in order; a caption for every table; one plot."""
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 7
    assert (reader.unscoped, reader.tags["svg"], reader.tags["details"]) == (0, 1, 2)


def test_facts_are_told_and_escaped(html: str) -> None:
    """Command, runs, environment and literature are in the page, markup in them is text."""
    for text in (made_up.FACTS.command, *made_up.FACTS.runs, "AMD EPYC &lt;Rome&gt;", "Harchol-Balter", "Gunther"):
        assert text in html


def test_every_constant_has_its_source(constants: dict[str, SchemeConstants], html: str) -> None:
    """Costs, operations, bytes, the highest rate, a session and a hash, each with the run it is from."""
    sections = {section.title: section.lines for section in every_constant(constants).sections}
    names = {line.name: line.cells for line in sections["redis-session"]}
    source = "run 20261123-1633-1c2d, highest rate of redis-session-read, 800/s"
    assert names["read: CPU of replicas"] == ("500\N{NO-BREAK SPACE}µs", source)
    assert {"highest rate, p99 within 50 ms, on 1 replica", "a session in redis", "a password hash"} <= names.keys()
    assert all(line.cells[-1].startswith("run ") for lines in sections.values() for line in lines)
    assert "a password hash" not in {line.name for line in sections["jwt-rs256"]}
    assert html.count("run 20261123-1633-1c2d") >= sum(len(lines) for lines in sections.values()) // 2


def test_the_plot_is_told_in_words(html: str) -> None:
    """Cores at the last point and what ends first; whoever's are not known is not in it."""
    (drawn,) = re.findall(r"<desc[^>]*>(.*?)</desc>", html)
    assert re.search(
        r"redis-session: [\d.,k]+ cores at 1G users, one Redis instance's core ends at [\d.]+M users", drawn
    )
    assert "jwt-rs256: " not in drawn


def test_what_is_written_is_what_is_rendered(tmp_path: Path, constants: dict[str, SchemeConstants]) -> None:
    """The same plans give the same bytes; where no cost is known nothing is plotted."""
    unknown = {name: one for name, one in constants.items() if name == "jwt-rs256"}
    told = (made_up.plans(unknown), made_up.curves(unknown), unknown, made_up.FACTS)
    assert growth(made_up.curves(unknown), 1e7) == ""
    plan_page.write(tmp_path / "plan.html", *told)
    written = (tmp_path / "plan.html").read_text("utf-8")
    assert written == plan_page.render(*told)
    assert "Nothing to plot" in written
