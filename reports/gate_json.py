"""A gate run as JSON values and back, equal: all that was found, raw rounds and the machine's fingerprint included.

Format 1. NaN and infinity are never written: an interval's infinite end is null, and so is such a value among the raw.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.analysis import serial
from bench.analysis.model import Estimate
from bench.gates.model import (
    Canary,
    CellGate,
    CellName,
    Config,
    CountGate,
    Gate,
    GateRun,
    InstructionsGate,
    Judged,
    MicroGate,
    RatioGate,
    SloGate,
    Tree,
)

FORMAT = 1
KINDS: Mapping[str, type[Gate]] = {
    "count": CountGate,
    "micro": MicroGate,
    "cell": CellGate,
    "ratio": RatioGate,
    "slo": SloGate,
    "instructions": InstructionsGate,
}
Values = Mapping[str, Any]


def document(run: GateRun) -> dict[str, Any]:
    """`run` as dicts, lists, strings, booleans and finite numbers."""
    found = serial.finite(run)
    return {
        **found,
        "format": FORMAT,
        "status": run.status,
        "candidate": _tree_values(run.candidate),
        "base": _tree_values(run.base) if run.base else None,
        "judged": [
            {**values, "gate": _gate_values(one.gate)} for values, one in zip(found["judged"], run.judged, strict=True)
        ],
        "config": {
            **found["config"],
            "source": str(run.config.source),
            "gates": [_gate_values(gate) for gate in run.config.gates],
        },
    }


def from_document(values: Values) -> GateRun:
    """The run that `document` wrote. ValueError when it is not one, or of a format that is not known here."""
    try:
        return _run(values)
    except (KeyError, TypeError, AttributeError) as error:
        message = f"found no gate run ({error!r}), expected a gate.json of format {FORMAT}; run `authbench gate` again"
        raise ValueError(message) from error


def _run(values: Values) -> GateRun:
    if values["format"] != FORMAT:
        message = f"found a gate run of format {values['format']!r}, expected {FORMAT}; run `authbench gate` again"
        raise ValueError(message)
    return GateRun(
        candidate=_tree(values["candidate"]),
        base=_tree(values["base"]) if values["base"] else None,
        judged=tuple(map(_judged, values["judged"])),
        canaries=tuple(Canary(**{**one, "ratio": _estimate(one["ratio"])}) for one in values["canaries"]),
        environment=values["environment"],
        config=_config(values["config"]),
        started_at=values["started_at"],
        took_s=values["took_s"],
    )


def _tree_values(tree: Tree) -> dict[str, str]:
    return {"path": str(tree.path), "python": str(tree.python), "commit": tree.commit}


def _tree(values: Values) -> Tree:
    return Tree(Path(values["path"]), Path(values["python"]), values["commit"])


def _gate_values(gate: Gate) -> dict[str, Any]:
    kind = next(kind for kind, known in KINDS.items() if isinstance(gate, known))
    return {"kind": kind, **serial.finite(gate)}


def _gate(values: Values) -> Gate:
    cells = {name: CellName(**values[name]) for name in ("cell", "to") if name in values}
    return KINDS[values["kind"]](**{name: value for name, value in values.items() if name != "kind"} | cells)


def _judged(values: Values) -> Judged:
    ratio = _estimate(values["ratio"]) if values["ratio"] else None
    return Judged(**{**values, "gate": _gate(values["gate"]), "ratio": ratio})


def _config(values: Values) -> Config:
    known = {"gates": tuple(map(_gate, values["gates"])), "source": Path(values["source"])}
    return Config(**{**values, **known})


def _estimate(values: Values) -> Estimate:
    low, high = values["low"], values["high"]
    return Estimate(values["value"], -math.inf if low is None else low, math.inf if high is None else high)
