"""Outcomes survive being written, whatever their figures."""

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Mark, Outcome, Timeline, Unit
from bench.consequences.serial import from_jsonable, to_jsonable
from loadtests.plan import BALANCINGS

numbers = st.floats(allow_nan=False)
names = st.text(max_size=12)
figures = st.builds(
    Figure,
    names,
    numbers,
    st.sampled_from(get_args(Unit)),
    low=st.none() | numbers,
    high=st.none() | numbers,
    of=st.none() | st.integers(0, 10**9),
    predicted=st.none() | numbers,
    theory=names,
    is_harm=st.booleans(),
)
timelines = st.builds(
    Timeline,
    numbers,
    st.dictionaries(names, st.lists(st.integers(0, 10**6), max_size=4).map(tuple), max_size=3),
    st.lists(st.builds(Mark, numbers, names), max_size=2).map(tuple),
    st.lists(st.none() | numbers, max_size=4).map(tuple),
)
verdicts = st.builds(
    Verdict, st.sampled_from(["VALID", "INVALID", "UNPROVEN"]), st.lists(names, max_size=2).map(tuple), st.booleans()
)
found = st.builds(
    Outcome,
    names,
    names,
    names,
    names,
    st.lists(figures, max_size=3).map(tuple),
    verdicts,
    balancing=st.sampled_from(BALANCINGS),
    at=st.none() | numbers,
    is_control=st.booleans(),
    timeline=st.none() | timelines,
    records=st.lists(names, max_size=2).map(tuple),
)


def through_json(outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
    """Written as strict JSON, which has no NaN and no infinity, and read back."""
    return from_jsonable(json.loads(json.dumps(to_jsonable(outcomes), allow_nan=False)))


def lone(figure: Figure) -> Outcome:
    """An outcome of one figure."""
    return Outcome("kill-a-replica", "none", "2 replicas", "nothing", (figure,), Verdict("VALID"))


@given(st.lists(found, max_size=2).map(tuple))
def test_written_and_read_it_is_equal(outcomes: tuple[Outcome, ...]) -> None:
    """Every field comes back as it was, an endless figure and an exact one included."""
    assert through_json(outcomes) == outcomes


def test_not_a_number_comes_back_as_such() -> None:
    """A figure that is no number neither breaks the file nor becomes one."""
    [outcome] = through_json((lone(Figure("share", math.nan, "%")),))
    assert math.isnan(outcome.figures[0].value)


def spoilt(path: tuple[str | int, ...], value: object) -> list[dict[str, Any]]:
    """Written outcomes with one thing changed."""
    written = to_jsonable((lone(Figure("share", 1.0, "%")),))
    place: Any = written
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return written


@pytest.mark.parametrize(
    "values",
    [
        [{}],
        3,
        [[]],
        spoilt((0, "verdict", "status"), "FINE"),
        spoilt((0, "balancing"), "random"),
        spoilt((0, "colour"), "red"),
        spoilt((0, "figures", 0, "unit"), "furlong"),
        spoilt((0, "figures", 0, "value"), "many"),
        spoilt((0, "figures", 0, "value"), [1.0]),
    ],
)
def test_anything_else_is_refused_in_one_line(values: Any) -> None:  # noqa: ANN401 - what a file may hold
    """Another shape, another word or another type: what was found, what was expected and what to do."""
    with pytest.raises(ValueError, match=r"found no outcomes .* expected .*; run it again") as caught:
        from_jsonable(values)
    assert "\n" not in str(caught.value)
