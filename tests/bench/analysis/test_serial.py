"""A summary survives being written, whatever its figures."""

import json
import math
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.ledger_model import Entry, Ledger, Part, Request, StoreCalls
from bench.analysis.model import CellSummary, Comparison, Control, Estimate, Refusals, Summary, Verdict
from bench.analysis.serial import from_jsonable, to_jsonable
from bench.analysis.summary import summarise
from loadtests.plan import CellPlan

numbers = st.floats(-1e12, 1e12)
ratios = st.floats(0, 1)
counts = st.integers(0, 10**9)
names = st.text(max_size=20)
estimates = st.builds(Estimate, numbers, st.one_of(numbers, st.just(-math.inf)), st.one_of(numbers, st.just(math.inf)))
percentiles = st.dictionaries(st.sampled_from(["p50", "p99.9"]), st.none() | estimates)
lists_of_names = st.lists(names, max_size=3).map(tuple)
verdicts = st.builds(Verdict, st.sampled_from(["VALID", "INVALID", "UNPROVEN"]), lists_of_names)
plans = st.builds(CellPlan, names, names, visitors=counts, rate_rps=numbers, seconds=counts)
cells = st.builds(
    CellSummary,
    names,
    plans,
    verdicts,
    counts,
    counts,
    counts,
    st.dictionaries(names, estimates, max_size=3),
    percentiles,
    percentiles,
    st.dictionaries(names, numbers, max_size=3),
    numbers,
    numbers,
    st.builds(Refusals, estimates, st.none() | ratios, counts, counts, st.none() | numbers),
    ratios,
    st.floats(0, allow_nan=False),
    st.none() | ratios,
    st.lists(st.tuples(ratios, numbers), max_size=3).map(tuple),
)
comparisons = st.builds(Comparison, names, names, estimates, estimates, st.booleans())
controls = st.builds(Control, st.tuples(names, names), estimates, st.floats(0, allow_nan=False), st.booleans())
summaries = st.builds(
    Summary,
    st.lists(cells, max_size=2).map(tuple),
    st.lists(comparisons, max_size=2).map(tuple),
    st.lists(comparisons, max_size=2).map(tuple),
    st.none() | controls,
)
calls = st.none() | numbers
requests = st.builds(
    Request, st.lists(st.builds(Part, names, names, estimates, calls), max_size=2).map(tuple), estimates, estimates
)
ledgers = st.builds(
    Ledger,
    names,
    names,
    counts,
    estimates,
    st.lists(st.builds(Entry, names, names, estimates, calls, calls, calls, calls), max_size=2).map(tuple),
    estimates,
    st.dictionaries(names, estimates, max_size=2),
    requests,
    requests,
    st.lists(st.builds(StoreCalls, names, numbers, calls), max_size=2).map(tuple),
    st.booleans(),
    st.booleans(),
    names,
)


@given(summaries)
def test_written_and_read_it_is_equal(summary: Summary) -> None:
    """Through strict JSON, which has no NaN and no infinity, and back: the same values."""
    assert from_jsonable(json.loads(json.dumps(to_jsonable(summary), allow_nan=False))) == summary


@settings(max_examples=30)
@given(ledgers)
def test_a_ledger_survives(ledger: Ledger) -> None:
    """Entries, parts, intervals without an end and calls nobody counted come back as they were."""
    summary = Summary((), (), (), None, (ledger,))
    assert from_jsonable(json.loads(json.dumps(to_jsonable(summary), allow_nan=False))) == summary


def test_a_summary_of_old_has_no_ledgers() -> None:
    """What was written before there were any is read."""
    old: dict[str, object] = {"cells": [], "to_control": [], "to_each_other": [], "control": None}
    assert from_jsonable(old) == Summary((), (), (), None, ())


def test_a_measured_run_survives(synthetic: SimpleNamespace) -> None:
    """A summary of records, infinite intervals of a single block included."""
    cells = [synthetic.cell(), synthetic.cell(arm="none-1-again"), synthetic.cell("redis-session")]
    summary = summarise([synthetic.record(cell) for cell in cells], ())
    assert summary.control is not None
    assert math.isinf(summary.control.half_width_ratio)
    assert from_jsonable(json.loads(json.dumps(to_jsonable(summary), allow_nan=False))) == summary


def test_not_a_number_is_never_written() -> None:
    """Should one ever arise, the file stays readable JSON."""
    summary = Summary((), (), (), Control(("a", "b"), Estimate(1.0, 1.0, 1.0), math.nan, differs=False))
    assert to_jsonable(summary)["control"]["half_width_ratio"] is None


@pytest.mark.parametrize("values", [{}, {"cells": 3, "control": None}, {"cells": [{}], "control": None}])
def test_anything_else_is_refused_in_one_line(values: dict[str, object]) -> None:
    """A file of another shape: what was found, what was expected and what to do."""
    with pytest.raises(ValueError, match=r"found no run summary .* expected .*; run it again") as caught:
        from_jsonable(values)
    assert "\n" not in str(caught.value)
