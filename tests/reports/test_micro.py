"""Microbenchmarks as they are told: every call once, every figure from the call, every claim from its interval."""

import re
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest

from bench.micro.figures import Figure
from reports import format as figures
from reports import micro_page
from reports.micro_chart import calls
from reports.micro_table import every_other, glance, show
from reports.micro_words import TIMES, at_a_glance, labels, others, sentences, verdict
from reports.tables import Line
from tests.reports import made_up_calls as made_up
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read


@pytest.fixture(scope="module")
def found() -> tuple[Figure, ...]:
    """Everything that can come out."""
    return made_up.all_of_them()


@pytest.fixture(scope="module")
def html(found: tuple[Figure, ...]) -> str:
    """The page of it."""
    return micro_page.render(found, made_up.FACTS)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


@pytest.fixture(scope="module")
def terminal(found: tuple[Figure, ...]) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        show(found, made_up.FACTS, stream)
    return _plain(stream.getvalue())


def _plain(text: str) -> str:
    """With the characters of a keyboard."""
    return text.translate({ord(one): "-" for one in (figures.EN_DASH, figures.MINUS)} | {ord(figures.SPACE): " "})


def _lines(found: tuple[Figure, ...]) -> list[Line]:
    return [line for view in (glance(found), every_other(found)) for section in view.sections for line in section.lines]


def test_every_call_is_told_once(found: tuple[Figure, ...], terminal: str) -> None:
    """At a glance or below it, never both, never neither; in the tables of the page and on the terminal."""
    told = [*at_a_glance(found), *(one for members in others(found).values() for one in members)]
    assert sorted(told, key=found.index) == list(found)
    assert len(_lines(found)) == len(found)
    rows = re.findall(r" (?:[\d.,-]+ +){4}(?:-|[\d.,]+) +(?:-|[\d.]+ \(.*\)) +(?:-|[\d.]+)$", terminal, re.MULTILINE)
    assert len(rows) == len(found)


def test_every_figure_is_the_call_s(found: tuple[Figure, ...]) -> None:
    """Hot, cold, wall and the store's own time stand in its line, each with the interval it has."""
    told = [*at_a_glance(found), *(one for members in others(found).values() for one in members)]
    for one, line in zip(told, _lines(found), strict=True):
        assert line.cells[0] == figures.interval(one.hot_us, "µs")
        assert line.cells[1] == figures.interval(one.cold_us, "µs")
        assert line.cells[3] == figures.interval(one.wall_us, "µs")
        assert (line.cells[4] == "-") == (one.server_us is None)
        assert [cell != "-" for cell in line.cells[5:]] == [
            any(floor.kind == kind for floor in one.floors) for kind in ("library", "wire")
        ]


def test_a_floor_is_named_with_its_multiple(found: tuple[Figure, ...]) -> None:
    """Multiple, interval, name and time of the floor stand in one cell, with no more decimals than they bear."""
    line = next(line for line in _lines(found) if line.name == "redis-session")
    assert [_plain(cell) for cell in line.cells[5:]] == [
        f"{TIMES} 1.10 (1.08-1.13) of redis-py GETEX, 88.0 µs",
        f"{TIMES} 4.60 (4.51-4.69) of GETEX on a socket, 21.0 µs",
    ]


def test_the_cheapest_comes_first(found: tuple[Figure, ...]) -> None:
    """At a glance calls ascend by what they take when cold."""
    assert all(one.cold_us.value <= other.cold_us.value for one, other in pairwise(at_a_glance(found)))
    assert {one.case for one in at_a_glance(found)} == {"valid"}


def test_calls_are_told_apart_by_what_differs() -> None:
    """One case for all: it stands in the heading alone; several: each name has its own."""
    login = [made_up.figure(name, 9.0, group="issue", case="login") for name in ("a", "b")]
    sizes = [made_up.figure("RS256", 9.0, group="verify by key size", case=f"{bits} bits") for bits in (2048, 4096)]
    assert list(others((*login, *sizes))) == ["issue, login", "verify by key size"]
    assert labels(login) == ("a", "b")
    assert labels(sizes) == ("RS256, 2048 bits", "RS256, 4096 bits")


def test_a_terminal_of_80_columns_is_enough(terminal: str) -> None:
    """No line is longer and no name is cut; figures of one call stand in one line."""
    assert max(map(len, terminal.splitlines())) <= 80
    assert re.search(r"^redis-session +97.2 +204 +2.10 +328 +3.90 +1.10 \(1.08-1.13\) +4.60$", terminal, re.MULTILINE)
    assert "redis-session-default-" in terminal
    assert "…" not in terminal
    assert made_up.FACTS.notes[0] in terminal
    assert "library floor hardened jwt.decode: jwt-hs256, jwt-rs256, jwt-es256" in terminal


def test_nothing_unknown_is_a_number(terminal: str, html: str) -> None:
    """An interval that is not known is said to be none; what cannot be divided is a dash."""
    for text in (terminal, html):
        assert not re.search(r"\b(?:nan|inf)\b", text, re.IGNORECASE)
    assert re.search(r"^none +0 +-0.200 +- +0.600 +- +- +-$", terminal, re.MULTILINE)
    assert f"33.0{figures.SPACE}µs <span>(no interval)</span>" in html


def test_the_verdict_answers_signature_or_lookup(found: tuple[Figure, ...]) -> None:
    """By the cold calls, as a multiple with its interval, both sides beside it."""
    lead = _plain(verdict(found))
    assert re.fullmatch(
        r"On this machine, in CPU time of the service, looking a session up in Redis instead of checking a signature "
        r"\(HS256\) takes 2.41 times \(2.2\d-2.5\d\) as long: 204 µs \(194-214\) against 84.8 µs \(80.6-89.1\)\.",
        lead,
    )


def test_what_is_not_shown_is_not_claimed(found: tuple[Figure, ...]) -> None:
    """Alike calls: no difference shown, with both sides."""
    same = [replace(one, cold_us=made_up.sure(100.0)) for one in found if one.subject in {"jwt-hs256", "redis-session"}]
    assert "(HS256): no difference shown, 100" in verdict(same)


def test_who_was_not_measured_is_not_named(found: tuple[Figure, ...]) -> None:
    """Without either side the ranges answer; without any call it is said that there is none."""
    stores = [one for one in found if one.server_us is not None]
    assert re.fullmatch(
        r"Where a store is asked, verify takes 204 µs \(.*\) in redis-session to 359 µs \(.*\) in postgres-session\.",
        _plain(verdict(stores)),
    )
    assert verdict(stores[:1]).count("µs") == 1
    assert verdict(()) == "No verify of a valid credential was measured to its end."
    assert sentences(()) == ()


def test_the_sentences_follow_from_the_figures(found: tuple[Figure, ...]) -> None:
    """Who asks a store, PostgreSQL against Redis, how much dearer cold is, who lies highest above the floor."""
    told = _plain(" ".join(sentences(found)))
    for said in (
        "Where nobody is asked, verify takes 6.55 µs (6.22-6.88) in memory-session to 255 µs (242-268) in jwt-es256.",
        "Looking a session up in PostgreSQL instead of Redis takes 1.76 times",
        "costs 1.40 (none) to 2.10 (",
        "verify adds most in redis-session: 1.10 times (1.08-1.13) its floor.",
    ):
        assert said in told


def test_the_page_is_whole(html: str, reader: Reader) -> None:
    """Closed, alone, in order; a caption for every table; one plot; every note and the command."""
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 3
    assert (reader.unscoped, reader.tags["svg"]) == (0, 1)
    for text in (made_up.FACTS.command, *made_up.FACTS.notes, "AMD EPYC &lt;Rome&gt;", "took 1 min 11 s."):
        assert text in html


def test_both_themes_know_every_colour(html: str) -> None:
    """Each variable that is used has a light and a dark value."""
    light, dark = (set(re.findall(r"(--[\w-]+):", block)) for block in html.split("@media screen")[:2])
    assert set(re.findall(r"var\((--[\w-]+)", html)) <= light <= dark


def test_the_plot_says_what_it_shows(found: tuple[Figure, ...]) -> None:
    """Signature or lookup and the stores, each call with both its times; what has no logarithm is left out."""
    drawn = calls(found)
    description = re.search(r"<desc[^>]*>(.*?)</desc>", drawn)
    assert description is not None
    assert description[1].count("hot") == len(at_a_glance(found)) + 3
    assert "verify, valid, redis-session: hot 97.2" in description[1]
    nothing = made_up.figure("none", 0.0)
    assert calls((nothing,)) == ""
    assert "Nothing to plot" in micro_page.render((nothing,), made_up.FACTS)


def test_what_is_written_is_what_is_rendered(tmp_path: Path, found: tuple[Figure, ...], html: str) -> None:
    """The same figures give the same bytes."""
    micro_page.write(tmp_path / "report.html", found, made_up.FACTS)
    assert (tmp_path / "report.html").read_text("utf-8") == html
