"""Every rule of a gate, broken once: found, expected, and the nearest known name."""

import tomllib
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.gates.config_rules import COUNTS, KINDS, MistakeError, all_keys, gate
from bench.gates.model import MARGINS, CellMetric, CountFigure

WRONG = {
    "a key that is none": ('kind = "count"\nmosst = 1', "unknown key 'mosst'; did you mean 'most'?"),
    "a key unlike any": ("zzz = 1", "unknown key 'zzz'; one of: kind, figure, "),
    "no kind": ('scheme = "none"', "no kind, expected one of: count, relative, ratio, slo, instructions"),
    "a kind that is none": ('kind = "counts"', "unknown kind 'counts'; did you mean 'count'?"),
    "a kind of another type": ("kind = 1", "kind = 1, expected one of: count, "),
    "no figure": ('kind = "count"', "no figure, expected one of: store-operations, "),
    "a figure that is none": (
        'kind = "count"\nfigure = "byte-up"',
        "unknown figure 'byte-up'; did you mean 'bytes-up'?",
    ),
    "nothing to compare": ('kind = "relative"', "nothing to compare, expected one of: step, metric"),
    "two to compare": (
        'kind = "relative"\nstep = "verify"\nmetric = "cpu"',
        "step and metric to compare, expected one of: step, metric",
    ),
    "a key of another kind": (
        'kind = "instructions"\nrate = 3',
        "key 'rate' does not belong to instructions; it takes: kind, scheme, step, margin",
    ),
    "a key of another figure": (
        'kind = "count"\nfigure = "bytes-up"\nexperiment = "redeploy"',
        "key 'experiment' does not belong to a count of bytes-up; it takes: kind, figure, scheme, most, replicas, ",
    ),
    "a cell where a call is compared": (
        'kind = "relative"\nstep = "verify"\nreplicas = 1',
        "key 'replicas' does not belong to a relative gate with a step; it takes: kind, scheme, step, margin",
    ),
    "no scheme": ('kind = "instructions"', "no scheme, expected one of: none, memory-session, "),
    "a scheme that is none": (
        'kind = "instructions"\nscheme = "jwt-hs265"',
        "unknown scheme 'jwt-hs265'; did you mean 'jwt-hs256'?",
    ),
    "a step that is none": (
        'kind = "instructions"\nscheme = "none"\nstep = "verfy"',
        "unknown step 'verfy'; did you mean 'verify'?",
    ),
    "a step it does not have": (
        'kind = "instructions"\nscheme = "none"\nstep = "renew"',
        "scheme 'none' has no step 'renew'; it has: issue, verify, revoke",
    ),
    "a store whose server does not count": (
        'kind = "count"\nfigure = "store-operations"\nscheme = "memory-session"\nmost = 0\nstore = "memory"',
        "unknown store 'memory'; one of: redis, postgres",
    ),
    "an experiment that is none": (
        'kind = "count"\nfigure = "logged-out-users"\nscheme = "bff"\nmost = 0\nexperiment = "redeploi"',
        "unknown experiment 'redeploi'; did you mean 'redeploy'?",
    ),
    "an experiment it is not in": (
        'kind = "count"\nfigure = "logged-out-users"\nscheme = "none"\nmost = 0\nexperiment = "refresh-race"',
        "scheme 'none' has no experiment 'refresh-race'; it has: ",
    ),
    "a carrier it does not have": (
        'kind = "relative"\nscheme = "bff"\nmetric = "cpu"\ncarrier = "bearer"',
        "scheme 'bff' has no carrier 'bearer'; it has: cookie",
    ),
    "a carrier the other does not have": (
        'kind = "ratio"\nscheme = "redis-session"\nto = "bff"\nmost = 1\ncarrier = "bearer"',
        "scheme 'bff' has no carrier 'bearer'; it has: cookie",
    ),
    "a balancing that is none": (
        'kind = "relative"\nscheme = "bff"\nmetric = "cpu"\nbalancing = "as-deployed"',
        "unknown balancing 'as-deployed'; one of: roundrobin, sticky, ",
    ),
    "a ratio to itself": (
        'kind = "ratio"\nscheme = "none"\nmost = 1',
        "to = 'none' is the scheme itself, expected another to hold it against",
    ),
    "too wide a margin": (
        'kind = "instructions"\nscheme = "none"\nmargin = 5',
        "margin = 5, expected a number > 0 and < 1",
    ),
    "no whole number": (
        'kind = "relative"\nscheme = "none"\nmetric = "cpu"\nreplicas = 1.0',
        "replicas = 1.0, expected a whole number >= 1",
    ),
    "a share that nothing exceeds": (
        'kind = "count"\nfigure = "unexpected-401-ratio"\nscheme = "none"\nmost = 1',
        "most = 1, expected a number >= 0 and < 1",
    ),
    "an empty machine": (
        'kind = "slo"\nscheme = "none"\nrate = 1\np99_ms = 1\nmachine = ""',
        "machine = '', expected a text of one line",
    ),
    "a text instead of a number": (
        'kind = "slo"\nscheme = "none"\nrate = "300/s"\np99_ms = 1\nmachine = "m"',
        "rate = '300/s', expected a number > 0",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_gate_is_one_line(wrong: str) -> None:
    """It says what was found and what was expected."""
    text, expected = WRONG[wrong]
    with pytest.raises(MistakeError) as caught:
        gate("it", tomllib.loads(text))
    assert str(caught.value).startswith(expected)
    assert str(caught.value).isprintable()


NAMES = st.sampled_from([*KINDS, *COUNTS, *MARGINS, "none", "bff", "verify", "redis", "cookie"])
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.lists(st.text()) | NAMES
WRITTEN = st.fixed_dictionaries({}, optional={**dict.fromkeys([*all_keys(), "mosst"], ANYTHING), "kind": NAMES})


@settings(max_examples=40)
@given(WRITTEN)
def test_whatever_is_written_is_a_gate_or_one_line(written: dict[str, Any]) -> None:
    """No value of a file makes anything but a gate or a mistake that fits on a line."""
    try:
        told = gate("it", written).name
    except MistakeError as mistake:
        told = str(mistake)
    assert told.isprintable()


def test_every_figure_and_metric_has_its_shape() -> None:
    """What the model can hold can be written down: all figures, and a margin for each metric."""
    assert set(COUNTS) == set(get_args(CountFigure))
    assert set(MARGINS) == {"micro", *get_args(CellMetric)}
