"""A gate run as it would be handed over, with every kind of gate and every status, and what a hostile one may hold."""

import math
from dataclasses import replace
from pathlib import Path

from bench.analysis.model import Estimate
from bench.gates.model import (
    Canary,
    CellGate,
    CellName,
    Config,
    CountGate,
    GateRun,
    InstructionsGate,
    Judged,
    MicroGate,
    RatioGate,
    SloGate,
    Tree,
)

REDIS, RS256 = CellName("redis-session"), CellName("jwt-rs256", 2, "sticky", "cookie")
SLOW = Judged(
    MicroGate("hs256-verify", "jwt-hs256", "verify"),
    "fail",
    "1.104x [1.089, 1.121]",
    "<= 1.05x",
    "slower in both stages, 5 pairs and 5 fresh ones",
    ratio=Estimate(1.104, 1.089, 1.121),
    next_step="profile jwt-hs256 verify at both commits, or raise its margin",
    raw={"pairs": [[[0.1, 0.09], [0.11, None]], [[0.1]]]},
    took_s=11.62,
)
EXTRA_TRIP = Judged(
    CountGate("redis-hop", "store-operations", REDIS, 1, store="redis"),
    "fail",
    "2 operations a verify (redis)",
    "<= 1",
    "every one of 20 reads asked Redis twice",
    next_step="take the round trip out, or allow it: most = 2",
)
COOKIE = Judged(CountGate("cookie", "bytes-up", REDIS, 212), "pass", "1,012 bytes", "<= 1,212", "all reads alike")
REFUSED = Judged(
    CountGate("never-401", "unexpected-401-ratio", CellName("memory-session", 2), 0),
    "fail",
    "50 % of 40 requests",
    "<= 0 %",
    "replicas do not share sessions",
    blocking=False,
)
KILLED = Judged(
    CountGate("kill", "logged-out-users", REDIS, 0, experiment="kill-a-replica"),
    "pass",
    "0 users",
    "<= 0",
    "all 40 users stayed logged in",
)
NOISY = Judged(
    CellGate("redis-cell-p99", RS256, "p99", 0.25),
    "inconclusive",
    "1.18x [0.81, 1.61]",
    "<= 1.25x",
    "after 12 pairs the interval still spans the bar",
    ratio=Estimate(1.18, 0.81, math.inf),
    next_step="run it again on a quieter machine",
)
UNPLACED = Judged(
    CellGate("redis-cell", REDIS, "cpu", 0.1),
    "void",
    "",
    "<= 1.1x",
    "no base to compare with",
    blocking=False,
    next_step="name one: --base REF",
)
PRICE = Judged(
    RatioGate("redis-price", REDIS, CellName("none"), 1.6),
    "pass",
    "1.48x [1.44, 1.52]",
    "<= 1.6x",
    "the whole interval is below the bar",
    ratio=Estimate(1.48, 1.44, 1.52),
)
SLO = Judged(
    SloGate("slo", RS256, 300, 50, "ci-4core"),
    "advice",
    "38.2 ms (36.0-41.3)",
    "<= 50 ms",
    "this machine is not of the class ci-4core",
    blocking=False,
)
COUNTED = Judged(
    InstructionsGate("instructions", "jwt-hs256"),
    "advice",
    "1.031x",
    "<= 1.01x",
    "a hint, never a verdict on time",
    blocking=False,
    ratio=Estimate(1.031, 1.031, 1.031),
)
JUDGED = (COOKIE, PRICE, UNPLACED, SLOW, SLO, NOISY, REFUSED, EXTRA_TRIP, KILLED, COUNTED)
CANARIES = (
    Canary("micro", "pass", Estimate(1.002, 0.994, 1.009), "no difference shown"),
    Canary("cell", "inconclusive", Estimate(0.93, 0.71, 1.22), "its interval is wider than the margin"),
)
CANDIDATE = Tree(Path("/src/project"), Path("/src/project/.venv/bin/python"), "5d6e7f8+")
BASE = Tree(Path("/scratch/base"), Path("/src/project/.venv/bin/python"), "1a2b3c4")
ENVIRONMENT = {
    "cpu_model": "AMD EPYC <Rome>",
    "cores": 2,
    "kernel": "Linux 6.1.0",
    "python": "CPython 3.11.2",
    "libraries": {"falcon": "4.2.0"},
}
RUN = GateRun(
    candidate=CANDIDATE,
    base=BASE,
    judged=JUDGED,
    canaries=CANARIES,
    environment=ENVIRONMENT,
    config=Config(tuple(judged.gate for judged in JUDGED), Path("/src/project/gates.toml"), 240.0),
    started_at="2026-11-24T02:31:07+00:00",
    took_s=83.4,
)
HOSTILE = "a\x00\x1b[31m|`<b>@\ud800\u2028\ufffe%,:\r\n]]>&\N{RIGHT-TO-LEFT OVERRIDE}z"


def of(*judged: Judged, base: Tree | None = BASE) -> GateRun:
    """A run of these gates alone."""
    config = replace(RUN.config, gates=tuple(one.gate for one in judged))
    return replace(RUN, judged=judged, canaries=(), config=config, base=base)


def many(times: int, judged: Judged) -> GateRun:
    """A run of the same gate over and over, under a name of its own each time."""
    gate = judged.gate
    return of(*(replace(judged, gate=replace(gate, name=f"{gate.name}-{number}")) for number in range(times)))


def hostile() -> GateRun:
    """The whole run with every text of a stranger's in it spoilt, and far too long."""
    spoilt = HOSTILE * 200
    judged = tuple(
        replace(one, gate=replace(one.gate, name=spoilt), found=f"7 {spoilt}", bar=spoilt, why=spoilt, next_step=spoilt)
        for one in JUDGED
    )
    canaries = tuple(replace(one, why=spoilt) for one in CANARIES)
    tree = replace(CANDIDATE, commit=spoilt)
    return replace(
        RUN, judged=judged, canaries=canaries, candidate=tree, base=tree, environment={"cpu_model": spoilt},
        started_at=spoilt,
    )  # fmt: skip
