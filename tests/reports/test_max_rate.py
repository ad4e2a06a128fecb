"""The highest rates as they are told: every figure from the outcomes, every doubt beside it, in words and pictures."""

import re
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest

from bench.analysis.max_rate import MaxRate, conclude
from reports import format as figures
from reports import max_rate_page
from reports.max_rate_chart import curves
from reports.max_rate_table import highest, probes, show
from reports.max_rate_words import by_replicas, labels, reasons, sentences, verdict
from tests.reports import made_up_rates as made_up
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def outcomes() -> tuple[MaxRate, ...]:
    """Everything that can come out."""
    return made_up.all_of_them()


@pytest.fixture(scope="module")
def html(outcomes: tuple[MaxRate, ...]) -> str:
    """The page of it."""
    return max_rate_page.render(outcomes, made_up.FACTS)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


@pytest.fixture(scope="module")
def terminal(outcomes: tuple[MaxRate, ...]) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(outcomes, made_up.FACTS, stream)
    return stream.getvalue()


def test_the_page_is_whole(html: str, reader: Reader) -> None:
    """Closed, alone, in order; a caption for every table; one plot."""
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 3
    assert (reader.unscoped, reader.tags["svg"], reader.tags["details"]) == (0, 1, 1)


def test_what_is_written_is_what_is_rendered(tmp_path: Path, outcomes: tuple[MaxRate, ...]) -> None:
    """The same outcomes give the same bytes."""
    max_rate_page.write(tmp_path / "report.html", outcomes[:1], made_up.FACTS)
    assert (tmp_path / "report.html").read_text("utf-8") == max_rate_page.render(outcomes[:1], made_up.FACTS)


def test_both_themes_know_every_colour(html: str) -> None:
    """Each variable that is used has a light and a dark value."""
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in html.split("@media screen")[:2])
    assert set(re.findall(r"var\((--[\w-]+)", html)) <= light <= dark


def test_facts_are_told_and_escaped(html: str) -> None:
    """Command, notes, SLO, policies, proofs and environment are in the page, markup in them is text."""
    facts = made_up.FACTS
    for text in (facts.command, *facts.notes, facts.password_profile, *facts.balancing.values(), "13 min 1 s"):
        assert text in html
    assert "AMD EPYC &lt;Rome&gt;" in html
    assert "none-bearer-1 by 12 checks" in html
    assert "3 generating workers" in max_rate_page.render((), replace(facts, workers=3, checks={}))


def test_every_rate_is_from_the_outcomes(outcomes: tuple[MaxRate, ...], html: str) -> None:
    """Each with its interval in the table and in the plot's description."""
    told = [one for one in outcomes if one.rate_rps]
    assert len(told) == 7
    rows = {line.name: line.cells for section in highest(outcomes, made_up.FACTS).sections for line in section.lines}
    assert rows.keys() == set(labels(outcomes).values())
    assert (rows["jwt-rs256"][4], rows["redis-session cookie"][4].count(",")) == ("-", 4)
    for one in told:
        assert one.rate_rps is not None
        assert f"{figures.number(one.rate_rps.value)} ({figures.ends(one.rate_rps)})" in html.replace("<span>", "")
        assert figures.interval(one.rate_rps, "requests/s") in html


def test_the_order_is_the_readers() -> None:
    """The control first, then from the highest rate down, without one last; replica by replica."""
    ordered = by_replicas(made_up.all_of_them())
    assert [one.arm.scheme for one in ordered[1]] == [
        "none", "jwt-hs256", "paseto-v4", "redis-session", "redis-session", "jwt-rs256", "refresh-token",
    ]  # fmt: skip
    assert [one.arm.scheme for one in ordered[2]] == ["none", "memory-session", "memory-session", "postgres-session"]


def test_journeys_are_told_apart() -> None:
    """Each has its verdict and its names, and the page says what it is; a single one is told by its verdict."""
    plans = [replace(made_up.arm(scheme), id=f"{scheme}-write", journey="write") for scheme in ("none", "jwt-hs256")]
    alone = [made_up.verified(plan, 900) for plan in plans]
    assert "with a p99 of at most 20\N{NO-BREAK SPACE}ms on the journey write, jwt-hs256 bears" in verdict(alone, 20.0)
    assert set(labels(alone).values()) == {"none", "jwt-hs256"}
    mixed = [made_up.verified(made_up.arm("jwt-hs256"), 1200), *alone]
    assert set(labels(mixed).values()) == {"jwt-hs256", "none write", "jwt-hs256 write"}
    assert verdict(mixed, 20.0).count("On this machine") == 2
    assert [one.arm.journey for one in by_replicas(mixed)[1]] == ["steady", "write", "write"]
    page = max_rate_page.render(mixed[1:2], made_up.FACTS)
    assert "<li>Journey write: writes.</li>" in page


def test_a_terminal_of_80_columns_is_enough(terminal: str) -> None:
    """No line is longer; what no rate meets, and what is not known, is said in the rate's place."""
    assert max(map(len, terminal.splitlines())) <= 80
    assert re.search(r"memory-session +2 +none: half refused +- +- +refusals +VALID", terminal)
    assert re.search(r"postgres-session +2 +none: p99 above it +- +- +service p99 +VALID", terminal)
    assert re.search(r"jwt-rs256 +1 +at least 78.4 +- +- +generator +INVALID", terminal)
    assert re.search(r"refresh-token +1 +- +- +- +- +INVALID", terminal)
    assert re.search(rf"redis-session bearer +1 +\d+ \(\d+{figures.EN_DASH}\d+\)", terminal)
    assert "memory-session sticky" in terminal
    assert made_up.FACTS.notes[0] in terminal.replace("\n  ", " ")


def test_doubt_is_told(outcomes: tuple[MaxRate, ...], html: str) -> None:
    """Every reason with whose it is and its status, on the page too."""
    told = list(reasons(outcomes))
    assert f"jwt-rs256 at 1 replica INVALID: {made_up.STARVED.reasons[0]}" in told
    assert any(line.startswith("refresh-token at 1 replica INVALID: other programs") for line in told)
    for line in told:
        assert f"<li>{line}</li>" in html


def test_the_verdict_names_the_most_and_the_least(outcomes: tuple[MaxRate, ...]) -> None:
    """Of the schemes with a rate; the control stands beside, and whom no rate meets is said with the reason."""
    lead = verdict(outcomes, 20.0).replace(figures.SPACE, " ")
    assert re.fullmatch(
        r"On this machine, with a p99 of at most 20 ms, jwt-hs256 at 1 replica bears [\d,]+ requests/s \(.*\) and "
        r"redis-session bearer at 1 replica [\d,]+ requests/s \(.*\)\.",
        lead,
    )
    beside = [line.replace(figures.SPACE, " ") for line in sentences(outcomes, 20.0)]
    assert beside[0].startswith("The unprotected endpoint, none at 1 replica, bears ")
    assert beside[2] == ("memory-session at 2 replicas: no rate meets 20 ms; half refused even at 20 requests/s.")
    assert beside[3].endswith("no rate meets 20 ms; p99 above it even at 20 requests/s.")


def test_what_is_not_shown_is_not_claimed() -> None:
    """Alike schemes: no difference shown. One scheme, or the control alone: its rate. None: nothing."""
    pair = (made_up.verified(made_up.arm("jwt-hs256"), 1000), made_up.verified(made_up.arm("jwt-es256"), 1000))
    assert verdict(pair, 20.0).endswith("): no difference shown.")
    assert verdict(pair[:1], 20.0).count("requests/s") == 1
    assert "none bears" in verdict((made_up.verified(made_up.arm("none"), 1000),), 20.0)
    assert "no scheme was a highest rate" in verdict((), 20.0)


def test_without_an_interval_none_is_told() -> None:
    """One verifying set: the rate stands, its interval does not."""
    one = conclude(
        made_up.arm("none"),
        [made_up.probe(0, 40, 5.0), made_up.probe(0, 41, 50.0), made_up.probe(1, 40, 5.0), made_up.probe(1, 41, 50.0)],
        sets=1,
    )
    stream = StringIO()
    show((one,), made_up.FACTS, stream)
    assert "(no interval)" in stream.getvalue()
    assert "<svg" in curves((one,), 20.0)


def test_errors_are_told() -> None:
    """Where requests fail at the lowest rate nobody is said to be slow or refused."""
    probe = replace(made_up.probe(0, 0, float("inf")), succeeded=10)
    assert sentences((conclude(made_up.arm("bff"), [probe]),), 20.0)[0].endswith("requests fail even at 20 requests/s.")


def test_every_probe_is_in_the_data(outcomes: tuple[MaxRate, ...]) -> None:
    """One line each, with what it found or why it is not believed."""
    lines = [line for section in probes(outcomes).sections for line in section.lines]
    assert len(lines) == sum(len(one.probes) for one in outcomes)
    said = {line.cells[-1] for line in lines}
    assert {"met", "missed", made_up.STARVED.reasons[0], made_up.DISTURBED.reasons[0]} <= said
    assert {line.cells[6] for line in lines} == {"-", f"30{figures.SPACE}%"}


def test_nothing_verified_is_nothing_drawn() -> None:
    """No empty axes; the page says so."""
    alone = (made_up.refused(made_up.arm("memory-session", 2)),)
    assert curves(alone, 20.0) == ""
    assert "Nothing to plot: no highest rate was verified." in max_rate_page.render(alone, made_up.FACTS)
