"""A gate run's figures as `customSmallerIsBetter` JSON, the form that pages of trends over commits take."""

import re
from collections.abc import Mapping
from typing import Any

from bench.gates.model import CountFigure, CountGate, GateRun, Judged, RatioGate, SloGate
from reports import format as figures
from reports.gate_words import CELL_MAX, NAME_MAX, plain, standing, subject

UNITS: Mapping[CountFigure, str] = {
    "store-operations": "operations/request",
    "bytes-up": "bytes/request",
    "bytes-down": "bytes/request",
    "unexpected-401-ratio": "of requests",
    "logged-out-users": "users",
    "session-bytes": "bytes/session",
}
FIGURE = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?(?:[ \N{NO-BREAK SPACE}]?%)?")
"""What `found` begins with: a figure, and its percent sign where it has one."""


def smaller_is_better(run: GateRun) -> list[dict[str, Any]]:
    """An entry a gate that has a figure; what was void has none that could be believed."""
    return [entry for judged in run.judged if judged.status != "void" for entry in _entries(judged)]


def _entries(judged: Judged) -> list[dict[str, Any]]:
    value = judged.ratio.value if judged.ratio else _leading(judged.found)
    if value is None:
        return []
    entry = {"name": plain(judged.gate.name, NAME_MAX), "unit": _unit(judged), "value": value}
    if judged.ratio and figures.has_interval(judged.ratio):
        entry["range"] = f"± {figures.half_width(judged.ratio):.4g}"
    return [{**entry, "extra": _extra(judged)}]


def _leading(found: str) -> float | None:
    """The figure `found` begins with; a percentage as a ratio."""
    figure = FIGURE.match(found.strip())
    if figure is None:
        return None
    number, percent, _ = figure[0].replace(",", "").partition("%")
    return float(number) / 100 if percent else float(number)


def _unit(judged: Judged) -> str:
    match judged.gate:
        case CountGate():
            return UNITS[judged.gate.figure]
        case SloGate():
            return "ms"
        case RatioGate():
            return f"x {judged.gate.to.scheme}"
        case _:
            return "x base"


def _extra(judged: Judged) -> str:
    bar = f", bar {plain(judged.bar, CELL_MAX)}" if judged.bar else ""
    return f"{subject(judged.gate)}: {standing(judged).upper()}{bar}"
