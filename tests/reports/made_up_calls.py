"""Figures of microbenchmarks as the suites would hand them over, with everything in them that can go wrong."""

import math
from collections.abc import Sequence
from typing import Any

from bench.analysis.model import Estimate
from bench.micro.document import Beside
from bench.micro.figures import Figure, Floor
from reports.micro_words import MicroFacts

FACTS = MicroFacts(
    run_id="20261123-2233-1c2d",
    started_at="2026-11-23T22:33:12+00:00",
    took_s=71.0,
    command="authbench micro --profile quick",
    profile="quick",
    environment={"machine": {"cpu": "AMD EPYC <Rome>", "cores": 2}},
    notes=("This run is interrupted.",),
)


def sure(value: float, share: float = 0.03) -> Estimate:
    """A figure with an interval of a share of it either way."""
    return Estimate(value, value * (1 - share), value * (1 + share))


def figure(  # noqa: PLR0913 - as many as a figure has
    subject: str,
    hot_us: float,
    *floors: Floor,
    group: str = "verify",
    case: str = "valid",
    server_us: float | None = None,
    cold: float = 2.1,
) -> Figure:
    """One call that costs so much hot and `cold` times that when it is cold."""
    wait_us = 0.0 if server_us is None else 120 + server_us
    cold_us = sure(hot_us * cold, 0.05)
    return Figure(group, subject, case, sure(hot_us), cold_us, sure(hot_us * cold + wait_us), server_us, floors)


def library(name: str, hot_us: float, ratio: float) -> Floor:
    """The bare call."""
    return Floor("library", name, sure(hot_us), sure(ratio, 0.02))


def wire(name: str, hot_us: float, ratio: float) -> Floor:
    """The bare bytes."""
    return Floor("wire", name, sure(hot_us), sure(ratio, 0.02))


def all_of_them() -> tuple[Figure, ...]:
    """Signatures, lookups, both, the control, a plugin's scheme, stores, hashes; one interval and one time missing."""
    getex = wire("GETEX on a socket", 21.0, 4.6)
    return (
        figure("none", 0.31, cold=1.4),
        figure("memory-session", 3.12, library("digest and dict", 2.9, 1.08)),
        figure("redis-session", 97.2, library("redis-py GETEX", 88.0, 1.104), getex, server_us=3.9),
        figure("postgres-session", 171.0, library("psycopg execute", 160.0, 1.07), server_us=61.0),
        figure("jwt-hs256", 40.4, library("hardened jwt.decode", 38.9, 1.03)),
        figure("jwt-rs256", 63.1, library("hardened jwt.decode", 61.0, 1.04)),
        figure("jwt-es256", 121.4, library("hardened jwt.decode", 119.0, 1.02)),
        figure("jwt-denylist", 133.4, library("jwt.decode, MGET", 125.0, 1.06), wire("MGET", 22.0, 6.1), server_us=4.1),
        figure("redis-session-default-retries", 98.0, getex, server_us=3.9),
        figure("paseto-v4", 77.7),
        figure("jwt-hs256", 41.3, library("hardened jwt.decode", 40.0, 1.0325), case="expired"),
        figure("jwt-hs256", 38.8, case="forged"),
        figure("redis-session", 99.1, case="forged", server_us=3.0),
        Figure("issue", "jwt-hs256", "", Estimate(33.0, -math.inf, math.inf), sure(61.3), sure(61.5)),
        Figure("issue", "none", "", Estimate(0.0, 0.0, 0.0), Estimate(-0.2, -0.4, 0.1), sure(0.6)),
        figure("memory", 1.73, group="store get", case=""),
        figure("redis", 91.3, getex, group="store get", case="tcp", server_us=3.7),
        figure("redis", 80.2, getex, group="store get", case="unix socket", server_us=3.4),
        figure("argon2id", 27_400, group="password hash", case="owasp", cold=1.02),
        figure("HS256", 55.1, group="verify by claims", case="50 claims"),
    )


def document(figures: Sequence[Figure]) -> dict[str, Any]:
    """What pytest-benchmark would have written of them, as far as it is read."""
    return {
        "benchmarks": [{"extra_info": _beside(one).as_info(), "stats": {"data": _rounds_s(one)}} for one in figures]
    }


def _beside(one: Figure) -> Beside:
    return Beside(one.group, one.subject, one.case, one.cold_us, one.wall_us, one.server_us, one.floors)


def _rounds_s(one: Figure) -> list[float]:
    return [one.hot_us.value * share / 1e6 for share in (0.99, 0.995, 1.0, 1.005, 1.01)]
