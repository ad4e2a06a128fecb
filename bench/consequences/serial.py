"""Outcomes as JSON values and back, equal; NaN and infinity are written as words, which JSON can hold."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, get_args

from bench.analysis.model import Status, Verdict
from bench.consequences.model import Figure, Mark, Outcome, Timeline, Unit
from loadtests.plan import Balancing

Values = Mapping[str, Any]
NUMBERS = ("value", "low", "high", "predicted")
WORDS = {"infinity": math.inf, "-infinity": -math.inf, "not a number": math.nan}
"""In an outcome null already means something: an exact figure, no theory, no requests."""


def to_jsonable(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """`outcomes` as lists, dicts, texts and finite numbers, in their order."""
    return [_written(asdict(outcome)) for outcome in outcomes]


def from_jsonable(values: Sequence[Values]) -> tuple[Outcome, ...]:
    """The outcomes `to_jsonable` wrote. ValueError when they are not."""
    try:
        return tuple(map(_outcome, values))
    except (KeyError, TypeError, AttributeError) as error:
        message = f"found no outcomes ({error!r}), expected what this version of authbench writes; run it again"
        raise ValueError(message) from error


def _written(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case dict():
            return {key: _written(item) for key, item in value.items()}
        case list() | tuple():
            return [_written(item) for item in value]
        case float() if math.isnan(value):
            return "not a number"
        case float() if math.isinf(value):
            return "infinity" if value > 0 else "-infinity"
        case _:
            return value


def _outcome(values: Values) -> Outcome:
    timeline = values["timeline"]
    known = {
        "figures": tuple(map(_figure, values["figures"])),
        "verdict": _verdict(values["verdict"]),
        "balancing": _one_of(get_args(Balancing), values["balancing"]),
        "at": _number(values["at"]),
        "timeline": None if timeline is None else _timeline(timeline),
        "records": tuple(values["records"]),
    }
    return Outcome(**{**values, **known})


def _figure(values: Values) -> Figure:
    known = {name: _number(values[name]) for name in NUMBERS}
    return Figure(**{**values, **known, "unit": _one_of(get_args(Unit), values["unit"])})


def _verdict(values: Values) -> Verdict:
    status = _one_of(get_args(Status), values["status"])
    return Verdict(**{**values, "status": status, "reasons": tuple(values["reasons"])})


def _timeline(values: Values) -> Timeline:
    known = {
        "bin_s": _number(values["bin_s"]),
        "counts": {kind: tuple(counts) for kind, counts in values["counts"].items()},
        "marks": tuple(Mark(**{**mark, "at_s": _number(mark["at_s"])}) for mark in values["marks"]),
        "worst_ms": tuple(map(_number, values["worst_ms"])),
    }
    return Timeline(**{**values, **known})


def _number(value: object) -> float | None:
    """A number as it was written. TypeError when it is none."""
    if isinstance(value, str):
        return WORDS[value]
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    message = f"{value!r} is no number"
    raise TypeError(message)


def _one_of(known: tuple[str, ...], value: object) -> Any:  # noqa: ANN401 - a member of the Literal that `known` lists
    if value not in known:
        raise KeyError(value)
    return value
