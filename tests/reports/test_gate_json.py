"""A gate run as JSON values: what is written is read back equal, is finite, and says its format."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.model import Estimate
from bench.gates import model
from bench.gates.model import GateRun
from reports.gate_json import FORMAT, KINDS, document, from_document
from tests.reports import made_up_gates as made_up

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=3)
WORDS = st.text(max_size=12)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
ESTIMATES = st.builds(
    Estimate, FINITE, st.floats(allow_nan=False, max_value=1e9), st.floats(allow_nan=False, min_value=-1e9)
).filter(lambda one: one.low != math.inf and one.high != -math.inf)
NAMES = st.text("abc/. ", max_size=9)
TREES = st.builds(model.Tree, NAMES.map(Path), NAMES.map(Path), WORDS)
GATES = st.one_of([st.builds(kind) for kind in KINDS.values()])
JUDGED = st.builds(model.Judged, gate=GATES, ratio=st.none() | ESTIMATES, raw=OBJECTS, took_s=FINITE)
RUNS = st.builds(
    GateRun,
    candidate=TREES,
    base=st.none() | TREES,
    judged=st.lists(JUDGED, max_size=3).map(tuple),
    canaries=st.lists(st.builds(model.Canary, ratio=ESTIMATES), max_size=2).map(tuple),
    environment=OBJECTS,
    config=st.builds(model.Config, gates=st.lists(GATES, max_size=3).map(tuple), source=NAMES.map(Path)),
    started_at=WORDS,
    took_s=FINITE,
)


@settings(max_examples=30, deadline=None)
@given(RUNS)
def test_what_is_written_is_read_back(run: GateRun) -> None:
    """Through the text of a file, every value of every kind of gate, raw rounds and environment included."""
    assert from_document(json.loads(json.dumps(document(run)))) == run


def test_the_whole_run_is_in_it() -> None:
    """Format, status, each gate with its kind, raw pairs and the machine's fingerprint; and back."""
    values = document(made_up.RUN)
    assert (values["format"], values["status"]) == (FORMAT, "fail")
    assert {one["gate"]["kind"] for one in values["judged"]} == set(KINDS)
    assert values["judged"][3]["raw"] == made_up.SLOW.raw
    assert values["environment"] == made_up.ENVIRONMENT
    assert from_document(values) == made_up.RUN


def test_every_kind_of_gate_has_a_name() -> None:
    """The union and the table agree."""
    assert set(KINDS.values()) == set(model.Gate.__args__)


def test_nothing_infinite_is_written() -> None:
    """An open end of an interval is null and open again when read; tuples among the raw become lists."""
    raw = {"pairs": ((math.inf, 0.5), (math.nan,))}
    values = document(made_up.of(replace(made_up.NOISY, raw=raw)))
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["judged"][0]["raw"] == {"pairs": [[None, 0.5], [None]]}
    ratio = from_document(values).judged[0].ratio
    assert ratio == Estimate(1.18, 0.81, math.inf)


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"format": 2}, "found a gate run of format 2, expected 1"),
        ({}, "found no gate run (KeyError('format'))"),
        ({"format": 1}, "found no gate run (KeyError('candidate'))"),
        ({**document(made_up.RUN), "judged": [{"status": "pass"}]}, "found no gate run"),
        ({**document(made_up.RUN), "canaries": 3}, "found no gate run"),
        ([], "found no gate run"),
    ],
)
def test_another_document_is_refused(values: Any, found: str) -> None:  # noqa: ANN401 - anything may be in a file
    """In one line: what was found, what was expected, what to do."""
    with pytest.raises(ValueError, match="again") as refused:
        from_document(values)
    assert str(refused.value).startswith(found)
    assert "\n" not in str(refused.value)
