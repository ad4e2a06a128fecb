"""A Summary as JSON values and back, equal; NaN and infinity are never written."""

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bench.analysis.ledger_model import Entry, Ledger, Part, Request, StoreCalls
from bench.analysis.model import CellSummary, Comparison, Control, Estimate, Refusals, Summary, Verdict
from loadtests.plan import CellPlan

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Values = Mapping[str, Any]


def to_jsonable(summary: Summary) -> dict[str, Any]:
    """`summary` as dicts, lists and finite numbers. An infinite end of an interval is written as null."""
    return finite(summary)


def finite(value: "DataclassInstance") -> dict[str, Any]:
    """Any of our values as `to_jsonable` writes a summary."""
    values: dict[str, Any] = _finite(asdict(value))
    return values


def _finite(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    match value:
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def from_jsonable(values: Values) -> Summary:
    """The summary `to_jsonable` wrote. ValueError when it is not one."""
    try:
        return _summary(values)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"found no run summary ({error!r}), expected what this version of authbench writes; run it again"
        raise ValueError(message) from error


def _summary(values: Values) -> Summary:
    control = values["control"]
    return Summary(
        cells=tuple(map(_cell, values["cells"])),
        to_control=tuple(map(_comparison, values["to_control"])),
        to_each_other=tuple(map(_comparison, values["to_each_other"])),
        control=None if control is None else _control(control),
        ledgers=tuple(map(_ledger, values.get("ledgers", ()))),
    )


def _cell(values: Values) -> CellSummary:
    known = {
        "cell": CellPlan(**values["cell"]),
        "verdict": Verdict(values["verdict"]["status"], tuple(values["verdict"]["reasons"])),
        "cpu_us": {name: _estimate(item) for name, item in values["cpu_us"].items()},
        "response_ms": _percentiles(values["response_ms"]),
        "service_ms": _percentiles(values["service_ms"]),
        "refusals": Refusals(**{**values["refusals"], "ratio": _estimate(values["refusals"]["ratio"])}),
        "lateness_p99_ms": _end(values["lateness_p99_ms"], math.inf),
        "spectrum_ms": tuple((quantile, ms) for quantile, ms in values["spectrum_ms"]),
    }
    return CellSummary(**{**values, **known})


def _percentiles(values: Mapping[str, Values | None]) -> dict[str, Estimate | None]:
    return {name: None if item is None else _estimate(item) for name, item in values.items()}


def _comparison(values: Values) -> Comparison:
    known = {name: _estimate(values[name]) for name in ("ratio", "difference_us")}
    return Comparison(**{**values, **known})


def _control(values: Values) -> Control:
    first, again = values["pair"]
    half_width = _end(values["half_width_ratio"], math.inf)
    return Control((first, again), _estimate(values["ratio"]), half_width, values["differs"])


def _ledger(values: Values) -> Ledger:
    known = {
        "extra_us": _estimate(values["extra_us"]),
        "entries": tuple(Entry(**{**one, "extra_us": _estimate(one["extra_us"])}) for one in values["entries"]),
        "residual_us": _estimate(values["residual_us"]),
        "residuals_us": {name: _estimate(item) for name, item in values["residuals_us"].items()},
        "request": _request(values["request"]),
        "control_request": _request(values["control_request"]),
        "store_calls": tuple(StoreCalls(**one) for one in values["store_calls"]),
    }
    return Ledger(**{**values, **known})


def _request(values: Values) -> Request:
    parts = tuple(Part(**{**one, "us": _estimate(one["us"])}) for one in values["parts"])
    return Request(parts, _estimate(values["instrumentation_us"]), _estimate(values["total_us"]))


def _estimate(values: Values) -> Estimate:
    return Estimate(values["value"], _end(values["low"], -math.inf), _end(values["high"], math.inf))


def _end(value: float | None, infinite: float) -> float:
    return infinite if value is None else value
