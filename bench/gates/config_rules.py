"""What a gate may say, as data: every kind, the keys it needs and takes, and what its scheme must have for it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

from bench.consequences.catalogue import EXPERIMENTS
from bench.gates.config_values import Name, Number, Values, Word, unknown
from bench.gates.model import (
    MARGINS,
    CellGate,
    CellMetric,
    CellName,
    CountFigure,
    CountGate,
    Gate,
    InstructionsGate,
    MicroGate,
    RatioGate,
    SloGate,
)
from bench.measure.profiles import CONTROL
from loadtests.plan import BALANCINGS
from services.catalogue import schemes
from services.contract import Carrier, SchemeSpec, Step

Given = Mapping[str, Any]
"""What the file holds for a gate: values as TOML has them."""


class MistakeError(ValueError):
    """A gate says what it may not; the message says what was found and what was expected, in one line."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A gate of one kind: the keys it `needs` and those it `takes` besides, and what is built of their values."""

    title: str
    build: Callable[[str, Given], Gate]
    needs: Mapping[str, Values]
    takes: Mapping[str, Values] = field(default_factory=dict)

    @property
    def keys(self) -> Mapping[str, Values]:
        """Every key such a gate may have."""
        return {"kind": KIND, **self.needs, **self.takes}


def gate(name: str, given: Given) -> Gate:
    """The gate called `name` that `given` describes. MistakeError."""
    known = all_keys()
    _refuse(unknown("key", key, known) for key in given if key not in known)
    shape = _shape(given)
    _refuse(_strangers(shape, given))
    _refuse(f"no {key}, expected {values}" for key, values in shape.needs.items() if key not in given)
    _refuse(shape.keys[key].mistake(key, found) for key, found in given.items())
    _refuse(_unoffered(given))
    return shape.build(name, given)


def all_keys() -> Sequence[str]:
    """Every key that some gate may have, once each."""
    return tuple(dict.fromkeys(key for shapes in KINDS.values() for shape in shapes.values() for key in shape.keys))


def _refuse(mistakes: Iterable[str]) -> None:
    for mistake in filter(None, mistakes):
        raise MistakeError(mistake)


def _shape(given: Given) -> Shape:
    kind = _chosen("kind", KIND, given)
    return KINDS[kind][TOLD_BY[kind](given) if kind in TOLD_BY else kind]


def _by_figure(given: Given) -> str:
    return _chosen("figure", FIGURE, given)


def _by_key(given: Given) -> str:
    """What a relative gate compares: a call by itself, or a cell under load."""
    told = [key for key in RELATIVES if key in given]
    if len(told) != 1:
        message = f"{' and '.join(told) or 'nothing'} to compare, expected one of: {', '.join(RELATIVES)}"
        raise MistakeError(message)
    return told[0]


def _chosen(key: str, values: Name, given: Given) -> str:
    _refuse((values.mistake(key, given[key]) if key in given else f"no {key}, expected {values}",))
    return str(given[key])


def _strangers(shape: Shape, given: Given) -> Iterator[str]:
    for key in given:
        if key not in shape.keys:
            yield f"key {key!r} does not belong to {shape.title}; it takes: {', '.join(shape.keys)}"


def _unoffered(given: Given) -> Iterator[str]:
    """What the schemes of the gate do not have, or are not in."""
    for spec in (schemes()[given[key]] for key in ("scheme", "to") if key in given):
        for key, offer in OFFERS.items():
            if key in given and given[key] not in offer(spec):
                yield f"scheme {spec.name!r} has no {key} {given[key]!r}; it has: {', '.join(offer(spec))}"


def _micro(name: str, given: Given) -> Gate:
    return MicroGate(name, **_fields(given, "scheme", "step", "margin"))


def _cell_gate(name: str, given: Given) -> Gate:
    metric = given["metric"]
    return CellGate(name, _cell(given), metric, given.get("margin", MARGINS[metric]))


def _count(name: str, given: Given) -> Gate:
    return CountGate(name, cell=_cell(given), **_fields(given, "figure", "most", "step", "store", "experiment"))


def _ratio(name: str, given: Given) -> Gate:
    to = given.get("to", CONTROL)
    if to == given["scheme"]:
        message = f"to = {to!r} is the scheme itself, expected another to hold it against"
        raise MistakeError(message)
    return RatioGate(name, _cell(given), _cell({**given, "scheme": to}), given["most"])


def _slo(name: str, given: Given) -> Gate:
    return SloGate(name, _cell(given), **_fields(given, "rate", "p99_ms", "machine"))


def _instructions(name: str, given: Given) -> Gate:
    return InstructionsGate(name, **_fields(given, "scheme", "step", "margin"))


def _cell(given: Given) -> CellName:
    return CellName(**_fields(given, "scheme", *CELL))


def _fields(given: Given, *keys: str) -> dict[str, Any]:
    """What is given of `keys`, by the names of the model, which knows the defaults of the rest."""
    return {FIELDS.get(key, key): given[key] for key in keys if key in given}


FIELDS: Mapping[str, str] = {"margin": "margin_ratio", "rate": "rate_rps"}

KIND = Name("kind", lambda: KINDS)
FIGURE = Name("figure", lambda: get_args(CountFigure))
SCHEME = Name("scheme", schemes)
STEP = Name("step", lambda: get_args(Step))
STORE = Name("store", lambda: ("redis", "postgres"))  # those whose servers count what they are asked
EXPERIMENT = Name("experiment", lambda: EXPERIMENTS)
METRIC = Name("metric", lambda: get_args(CellMetric))
MARGIN = Number(0, below=1, is_open=True)
AT_LEAST_0, ABOVE_0 = Number(0), Number(0, is_open=True)
BELOW_1 = Number(0, below=1)

WHOLE: Mapping[str, Values] = {"budget_s": ABOVE_0}
"""The keys of all gates together."""

CELL: Mapping[str, Values] = {
    "replicas": Number(1, is_whole=True),
    "balancing": Name("balancing", lambda: BALANCINGS),
    "carrier": Name("carrier", lambda: get_args(Carrier)),
}
"""The keys that say which cell of the scheme, wherever one can be chosen."""

COUNTED: Mapping[str, Values] = {"figure": FIGURE, "scheme": SCHEME, "most": AT_LEAST_0}

RELATIVES: Mapping[str, Shape] = {
    "step": Shape("a relative gate with a step", _micro, {"scheme": SCHEME, "step": STEP}, {"margin": MARGIN}),
    "metric": Shape(
        "a relative gate with a metric", _cell_gate, {"scheme": SCHEME, "metric": METRIC}, {**CELL, "margin": MARGIN}
    ),
}
COUNTS: Mapping[str, Shape] = {
    "store-operations": Shape("a count of store-operations", _count, COUNTED, {"step": STEP, "store": STORE, **CELL}),
    "bytes-up": Shape("a count of bytes-up", _count, COUNTED, CELL),
    "bytes-down": Shape("a count of bytes-down", _count, COUNTED, CELL),
    "unexpected-401-ratio": Shape("an unexpected-401-ratio", _count, {**COUNTED, "most": BELOW_1}, CELL),
    "logged-out-users": Shape("a count of logged-out-users", _count, {**COUNTED, "experiment": EXPERIMENT}),
    "session-bytes": Shape("a count of session-bytes", _count, COUNTED),
}
KINDS: Mapping[str, Mapping[str, Shape]] = {
    "count": COUNTS,
    "relative": RELATIVES,
    "ratio": {"ratio": Shape("a ratio", _ratio, {"scheme": SCHEME, "most": ABOVE_0}, {"to": SCHEME, **CELL})},
    "slo": {
        "slo": Shape("an slo", _slo, {"scheme": SCHEME, "rate": ABOVE_0, "p99_ms": ABOVE_0, "machine": Word()}, CELL)
    },
    "instructions": {
        "instructions": Shape("instructions", _instructions, {"scheme": SCHEME}, {"step": STEP, "margin": MARGIN})
    },
}
TOLD_BY: Mapping[str, Callable[[Given], str]] = {"count": _by_figure, "relative": _by_key}
"""How a kind of several shapes tells them apart."""

OFFERS: Mapping[str, Callable[[SchemeSpec], Sequence[str]]] = {
    "step": lambda spec: tuple(spec.traits.operations),
    "carrier": lambda spec: spec.traits.carriers,
    "experiment": lambda spec: tuple(name for name, one in EXPERIMENTS.items() if one.concerns(spec)),
}
"""What a key may name of the scheme it stands beside."""
