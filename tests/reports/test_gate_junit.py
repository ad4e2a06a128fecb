"""A gate run as JUnit XML: the shape that consumers read, counts that add up, and any text well-formed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from xml.etree.ElementTree import Element, fromstring

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gates.model import GateRun
from reports.gate_junit import junit
from reports.gate_words import closing, told
from tests.reports import made_up_gates as made_up

COUNTS = {"name", "tests", "failures", "errors", "skipped", "time"}
SHAPE: Mapping[str, tuple[set[str], list[str]]] = {
    "testsuites": (COUNTS, ["testsuite"]),
    "testsuite": (COUNTS | {"timestamp"}, ["properties", "testcase", "system-out"]),
    "testcase": ({"classname", "name", "time"}, ["properties", "skipped", "failure"]),
    "properties": (set(), ["property"]),
    "property": ({"name", "value"}, []),
    "failure": ({"message", "type"}, []),
    "skipped": ({"message"}, []),
    "system-out": (set(), []),
}
"""By element: its attributes, all required, and its children in their order, as JUnit's schemas have them."""


def read(run: GateRun) -> Element:
    """The document as a parser sees it."""
    return fromstring(junit(run).encode())  # noqa: S314 - our own document


def assert_shape(element: Element) -> None:
    """Attributes and children are those of `SHAPE`, all the way down."""
    attributes, children = SHAPE[element.tag]
    assert set(element.attrib) == attributes
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places)
    for child in element:
        assert_shape(child)


def properties(element: Element) -> dict[str, str]:
    """Name to value."""
    return {one.attrib["name"]: one.attrib["value"] for one in element.findall("properties/property")}


@pytest.mark.parametrize("run", [made_up.RUN, made_up.of(), made_up.hostile()], ids=["all", "none", "hostile"])
def test_the_shape_is_what_consumers_read(run: GateRun) -> None:
    """Every attribute is there, every child in its place, and the counts of both levels are of the cases."""
    root = read(run)
    assert_shape(root)
    cases = root.findall("testsuite/testcase")
    counts = Counter(child.tag for case in cases for child in case)
    for level in (root, root[0]):
        assert [int(level.attrib[name]) for name in ("tests", "failures", "errors", "skipped")] == [
            len(run.judged), counts["failure"], 0, counts["skipped"],
        ]  # fmt: skip


def test_a_case_passes_fails_or_is_skipped() -> None:
    """Whatever was not judged is skipped, and says with its status why; so nothing noisy is red or green."""
    cases = read(made_up.RUN).findall("testsuite/testcase")
    for case, one in zip(cases, told(made_up.RUN), strict=True):
        outcome = case.find("failure" if one.status == "fail" else "skipped")
        assert (outcome is None) == (one.status == "pass")
        assert outcome is None or outcome.attrib["message"] == f"{one.word}: {one.line}"
        assert properties(case) == {"status": one.word, "found": one.found, "bar": one.bar}


def test_times_are_seconds() -> None:
    """Of the run, and of a gate that was timed apart."""
    root = read(made_up.of(made_up.SLOW, made_up.COOKIE))
    assert root.attrib["time"] == root[0].attrib["time"] == "83.400"
    assert [case.attrib["time"] for case in root.iter("testcase")] == ["11.620", "0.000"]


def test_the_suite_says_what_was_compared() -> None:
    """Verdict, commits and canaries are properties; the words of the terminal's end are its output."""
    suite = read(made_up.RUN)[0]
    assert properties(suite) == {
        "status": "FAIL", "candidate": "5d6e7f8+", "base": "1a2b3c4", "canary-micro": "PASS",
        "canary-cell": "INCONCLUSIVE",
    }  # fmt: skip
    assert (suite.findtext("system-out") or "").startswith(closing(made_up.RUN))
    assert "base" not in properties(read(made_up.of(base=None))[0])


@settings(max_examples=50)
@given(st.text(st.characters()))
def test_any_text_is_well_formed(text: str) -> None:
    """Control characters, lone surrogates and ends of CDATA included; what is printable arrives unchanged."""
    judged = replace(made_up.SLOW, why=text, next_step="", gate=replace(made_up.SLOW.gate, name=text))
    case = next(read(made_up.of(judged)).iter("testcase"))
    assert case.attrib["name"] == told(made_up.of(judged))[0].name
    assert case.findtext("failure") == told(made_up.of(judged))[0].line
