"""Answers over time: every strip on one axis, the fault marked, each kind told without its colour."""

import re
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree as ET

from bench.analysis.model import Verdict
from bench.consequences.model import Mark, Outcome, Timeline
from reports.palette import ANSWERS, OTHER_ANSWER
from reports.timelines import timelines
from tests.reports.made_up import answers, experiment, injected


def drawn(*outcomes: Outcome) -> str:
    """The picture of these outcomes."""
    return timelines(experiment("store-down", outcomes))


def texts(svg: str) -> Sequence[str]:
    """Everything written in the picture."""
    return ["".join(element.itertext()) for element in ET.fromstring(svg).iter("text")]  # noqa: S314 - our own output


def outcome(scheme: str, timeline: Timeline | None) -> Outcome:
    """One approach whose store died."""
    return replace(injected("store-down", scheme), timeline=timeline)


def test_nothing_is_drawn_from_nothing() -> None:
    """No picture without a timeline, nor of a control, nor of one in which nobody asked anything."""
    alone = outcome("bff", answers("503", "killed"))
    assert drawn(outcome("bff", None), replace(alone, is_control=True), outcome("bff", Timeline(1.0, {}))) == ""


def test_strips_share_words_and_order() -> None:
    """Approaches in the order of the story with their results; what is done to all at once is said once."""
    svg = drawn(*(outcome(scheme, answers("503", "killed")) for scheme in ("bff", "jwt-hs256", "redis-session")))
    written = texts(svg)
    assert [text for text in written if text in {"bff", "jwt-hs256", "redis-session"}] == [
        "redis-session", "jwt-hs256", "bff",
    ]  # fmt: skip
    assert written.count("killed") == 1
    assert "503: unavailable, try later" in written
    assert any("longest wait 2.15" in text for text in written)
    assert re.search(r"redis-session, 2 replicas: 46 x 200, .*; killed at 4.00 s; ", svg)


def test_marks_of_another_time_are_said_again() -> None:
    """A strip whose fault came at another time or with other words has words of its own, those near the end too."""
    written = texts(
        drawn(
            outcome("redis-session", answers("503", "killed")),
            outcome("jwt-hs256", answers("503", "killed", at_s=5.5)),
            outcome("bff", replace(answers("503", "killed"), marks=(Mark(7.5, "hung"),))),
        )
    )
    assert written.count("killed") == 2
    assert "hung" in written


def test_a_mark_after_the_end_is_not_drawn() -> None:
    """What was done once nobody was loading any more has no place; words that are too long are cut."""
    late = replace(answers("503", "killed " * 9), marks=(Mark(2.0, "killed " * 9), Mark(99.0, "too late")))
    written = texts(drawn(outcome("bff", late)))
    assert "too late" not in written
    assert any(text.endswith("killed…") for text in written)


def test_words_of_marks_do_not_meet() -> None:
    """Marks close to each other are said in rows of their own, and one that is said above leads past no words."""
    marks = (Mark(2.0, "Redis is killed"), Mark(2.4, "PostgreSQL is killed"), Mark(7.0, "back"))
    svg = drawn(outcome("bff", replace(answers("503", "x"), marks=marks)))
    found = re.findall(r'<text[^>]* transform="[^"]* ([\d.]+)\)"[^>]*>([^<]*)</text>', svg)
    heights = {text: float(height) for height, text in found}
    assert heights["Redis is killed"] < heights["PostgreSQL is killed"]
    assert heights["back"] == heights["PostgreSQL is killed"]


def test_every_kind_can_be_told_without_its_colour() -> None:
    """Each kind but the served has a hatch of its own and a name; what has no look of its own is another answer."""
    every = dict.fromkeys(("200", "204", "401", "503", "no answer", "409"), (3, 3))
    svg = drawn(outcome("bff", Timeline(1.0, every)))
    assert len(set(re.findall(r'<pattern[^>]* id="([^"]+)"', svg))) == len(ANSWERS)
    assert {"200: served", "401: told to log in again", OTHER_ANSWER.meaning} <= set(texts(svg))
    hatches = [one.hatch for one in (*ANSWERS.values(), OTHER_ANSWER)]
    assert len(set(hatches)) == len(hatches)
    assert "6 x 409" in svg
    assert not any(text.startswith("longest wait") for text in texts(svg))


def test_settings_are_said_where_they_differ() -> None:
    """With several settings each strip names its own; a verdict that is not VALID stands before the result."""
    one = outcome("bff", answers("503", "killed"))
    other = replace(one, setting="hung", verdict=Verdict("INVALID", ("late",)))
    assert "hung" not in texts(drawn(replace(one, setting="hung")))
    written = texts(drawn(one, other))
    assert {"2 replicas", "hung"} <= set(written)
    assert any("INVALID" in text for text in written)


def test_a_second_in_which_nobody_asked_is_empty() -> None:
    """It is neither served nor refused: nothing is divided by nothing."""
    assert "nan" not in drawn(outcome("bff", Timeline(1.0, {"200": (2, 0, 2)})))
