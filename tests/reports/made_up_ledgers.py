"""Ledgers of a run with twins: some close, some do not, one is too small to judge, one has a BFF."""

from collections.abc import Mapping
from dataclasses import replace

from bench.analysis.ledger_model import BETWEEN, PROCESS, Entry, Ledger, Part, Request, StoreCalls
from bench.analysis.model import CellSummary, Estimate, Summary

Place = tuple[str, str]
CONTROL: Mapping[Place, float] = {
    ("haproxy", PROCESS): 92.0,
    ("replicas", "dispatch"): 64.0,
    ("replicas", "server"): 118.0,
    ("replicas", "framework"): 61.0,
}
BETWEEN_US, CLOCK_US = 76.0, 5.0
TOKEN = {("replicas", "carrier"): 6.0, ("replicas", "verify"): 41.0}
REDIS = {("replicas", "redis"): 118.0, ("redis", PROCESS): 44.0}
ADDED: Mapping[str, Mapping[Place, float]] = {
    "memory-session": {("replicas", "carrier"): 8.0, ("replicas", "verify"): 9.0, ("haproxy", PROCESS): -6.0},
    "redis-session": {("replicas", "carrier"): 8.0, ("replicas", "verify"): 19.0, **REDIS},
    "jwt-hs256": {**TOKEN, ("replicas", "signature"): 48.0, ("haproxy", PROCESS): 3.0},
    "jwt-rs256": {**TOKEN, ("replicas", "signature"): 92.0, ("helpers", PROCESS): 30.0, ("spirits", PROCESS): 11.0},
    "refresh-token": {**TOKEN, ("replicas", "signature"): 50.0, ("replicas", "postgres"): 21.0,
                      ("postgres", PROCESS): 12.0},
    "paseto-v4": {("bff", "server"): 150.0, ("bff", "framework"): 70.0, ("bff", "upstream"): 310.0,
                  ("bff", "carrier"): 12.0, **REDIS, **TOKEN, ("replicas", "signature"): 48.0},
}  # fmt: skip
RESIDUAL_US = {"redis-session": 7.0, "jwt-hs256": -3.0, "jwt-rs256": 61.0, "refresh-token": 4.0, "paseto-v4": 130.0}
WHERE = "replicas: +61 µs outside every span (the twins have +55 µs there): gunicorn's master and more"


def around(value: float, half: float) -> Estimate:
    """A figure with a symmetrical interval."""
    return Estimate(value, value - half, value + half)


def ledger(cell: CellSummary, control: CellSummary) -> Ledger:
    """What this cell's scheme adds."""
    added = ADDED[cell.cell.scheme]
    entries = tuple(_entry(place, added.get(place, 0.0)) for place in {**CONTROL, **added})
    residual_us = RESIDUAL_US.get(cell.cell.scheme, 0.0)
    extra_us = sum(added.values()) + residual_us
    is_open = abs(residual_us) > 0.15 * extra_us
    redis = any(component == "redis" for component, _ in added)
    return Ledger(
        cell=cell.id,
        control=control.id,
        blocks=4,
        extra_us=around(extra_us, 14),
        entries=entries,
        residual_us=around(residual_us, 9),
        residuals_us={"replicas": around(residual_us, 9)},
        request=_request({place: CONTROL.get(place, 0.0) + added.get(place, 0.0) for place in {**CONTROL, **added}}),
        control_request=_request(CONTROL),
        store_calls=(StoreCalls("redis", 1.0, 2.0 if cell.cell.scheme == "paseto-v4" else 1.0),) if redis else (),
        is_judged=extra_us >= 20,
        closes=not is_open,
        unexplained=WHERE if is_open else "",
    )


def _entry(place: Place, extra_us: float) -> Entry:
    before = CONTROL.get(place)
    calls = None if place == ("haproxy", PROCESS) else 1.0
    us = (before or 0.0) + extra_us
    return Entry(*place, around(extra_us, 3), calls, us if calls else None, 1.0 if before else 0.0, before)


def _request(parts: Mapping[Place, float]) -> Request:
    found = (Part(*place, around(us, 3), None) for place, us in parts.items())
    between = Part("replicas", BETWEEN, around(BETWEEN_US, 5), None)
    total_us = sum(parts.values()) + BETWEEN_US + CLOCK_US
    return Request((*found, between), around(CLOCK_US, 0.2), around(total_us, 8))


def with_ledgers(summary: Summary) -> Summary:
    """`summary` with a ledger for each scheme's CPU cell, the INVALID and the refused ones included."""
    cells = [one for one in summary.cells if one.cell.purpose == "cpu" and not one.cell.arm.endswith("-again")]
    controls = {one.cell.replicas: one for one in cells if one.cell.scheme == "none"}
    found = tuple(ledger(one, controls[one.cell.replicas]) for one in cells if one.cell.scheme != "none")
    return replace(summary, ledgers=found)
