"""Findings as all experiments would hand them over, with everything in them that can go wrong."""

from dataclasses import replace

from bench.analysis.model import Verdict
from bench.consequences.model import Figure, Mark, Outcome, Timeline, Unit
from bench.consequences.reading import FAILED
from loadtests.plan import Balancing
from reports.findings import Findings, Told

USERS = 40
TALE = ("memory-session", "redis-session", "postgres-session", "jwt-hs256", "jwt-denylist", "refresh-token", "bff")
DRAWN = {"kill-a-replica", "store-down", "add-a-server", "wire-bytes", "session-memory"}
"""Pictures take time."""
FAULTS = {
    "kill-a-replica": (("memory-session",), "replica 2 of 2 killed (SIGKILL)"),
    "redeploy": (("memory-session",), "replica 1 of 2 restarted"),
    "store-down": (("redis-session", "postgres-session", "jwt-denylist", "bff"), "store killed (SIGKILL)"),
    "revocation-window": (("jwt-hs256", "refresh-token"), "credential stolen, user logged out"),
    "expiry-herd": ((), "40 tokens expire"),
    "key-rotation": (("jwt-hs256",), "old key retired"),
    "bff-restart": (("bff",), "BFF restarted"),
}
SETTINGS = {"revocation-window": "logout"}
SWEEPS: dict[str, tuple[str, tuple[int, ...], str, Unit]] = {
    "add-a-server": ("replicas", (), "requests refused", "%"),
    "store-distance": ("ms between service and store", (0, 1, 10, 50), "p50", "ms"),
    "refresh-race": ("tabs", (2, 4, 8, 16), "false logouts", "per 1,000"),
    "session-memory": ("live sessions", (10_000, 100_000, 1_000_000), "memory per session", "B"),
    "wire-bytes": ("claims", (0, 10, 50, 100), "bytes up", "B"),
    "clock-skew": ("seconds between replicas", (1, 30, 120), "requests refused", "%"),
    "ttl-sweep": ("access lifetime, in s", (60, 3600, 86_400, 31_536_000), "logins per user-hour", ""),
    "fan-out": ("services behind it", (1, 2, 4), "p50", "ms"),
}


def lost(users: float, *, predicted: float | None = None) -> Figure:
    """A count of logged-out users."""
    theory = "" if predicted is None else "each of N servers knows only its own: 1 - 1/N"
    return Figure("users logged out", users, "users", of=USERS, predicted=predicted, theory=theory, is_harm=True)


def answers(kind: str, what: str, *, at_s: float = 4.0) -> Timeline:
    """Eight seconds of which four go wrong after `what`, with a second nobody asked in."""
    served = tuple(0 if second == 1 else 10 if second < at_s or second > at_s + 2 else 2 for second in range(8))
    gone = tuple(8 if at_s <= second <= at_s + 2 else 0 for second in range(8))
    counts = {"200": served, kind: gone, "201": (1,) * 8, "no answer": (0, 0, 0, 0, 1, 0, 0, 0)}
    waits = (3.0, None, 4.0, 5.0, 2150.0, 900.0, 20.0, 4.0)
    return Timeline(1.0, counts, (Mark(at_s, what), Mark(at_s + 2, f"{what}: over")), waits)


def injected(name: str, scheme: str, balancing: Balancing = "roundrobin") -> Outcome:
    """One approach under the fault of `name`."""
    victims, what = FAULTS[name]
    kind = "401" if scheme == "memory-session" else "503"
    harmed = (20.0 if balancing == "sticky" else 38.0) if scheme in victims else 0.0
    failing = 0 if harmed or name not in DRAWN or scheme == "jwt-hs256" else 12
    failure = f"{failing} of 600 requests failed" if failing else "nothing"
    return Outcome(
        name, scheme, SETTINGS.get(name, "2 replicas"), f"{harmed:.0f} of {USERS} logged out" if harmed else failure,
        (lost(harmed, predicted=40.0 if harmed else 0.0), Figure(FAILED, failing, "requests", of=600, is_harm=True),
         Figure("time to first success", 1.25, "s", 1.1, 1.4)),
        Verdict("VALID"), balancing=balancing, timeline=answers(kind, what) if name in DRAWN and harmed else None,
        records=(f"{name}/{scheme}.jsonl.gz",),
    )  # fmt: skip


def control(name: str, scheme: str, at: float | None = None) -> Outcome:
    """The same without the fault."""
    return Outcome(
        name,
        scheme,
        "without the fault",
        "nothing",
        (lost(0),),
        Verdict("VALID"),
        at=at,
        is_control=True,
        records=(f"{name}/{scheme}.jsonl.gz",),
    )


def swept(name: str, scheme: str, place: int) -> Outcome:
    """One place on the axis of `name`."""
    _, places, figure, unit = SWEEPS[name]
    value = (1 + TALE.index(scheme)) * 1.7 * (1 + place) ** (4 if places[-1] > 1e6 else 1)
    found = Figure(figure, value, unit, value * 0.9, value * 1.1, predicted=value * 1.2 if place == 1 else None)
    setting = f"{places[place]:,} {SWEEPS[name][0]}"
    return Outcome(name, scheme, setting, f"{value:.3g} {unit}", (found,), Verdict("VALID"), at=places[place])


def added(scheme: str, servers: int, balancing: Balancing = "roundrobin") -> Outcome:
    """One approach on that many servers."""
    refused = 100 * (1 - 1 / servers) if (scheme, balancing) == ("memory-session", "roundrobin") else 0.0
    figures = (
        Figure("requests refused", refused, "%", max(0, refused - 1.5), refused + 1.5, predicted=refused,
               theory="1 - 1/N", is_harm=True),
        lost(USERS if refused else 0, predicted=39.9 if refused else 0),
    )  # fmt: skip
    headline = f"{USERS} of {USERS} logged out" if refused else "nothing"
    setting = f"{servers} replica{'s' if servers > 1 else ''}"
    timeline = answers("401" if refused else "200", "a server added") if servers == 2 else None
    return Outcome(
        "add-a-server", scheme, setting, headline, figures, Verdict("VALID"), balancing=balancing, at=servers,
        is_control=servers == 1, timeline=timeline,
    )  # fmt: skip


def experiment(name: str, outcomes: tuple[Outcome, ...]) -> Told:
    """`name` in words of its own."""
    axis, _, plots, _ = SWEEPS.get(name, ("", (), "", ""))
    what = FAULTS.get(name, ((), "nothing is broken, it is counted"))[1]
    drawn = plots if name in DRAWN else ""
    return Told(name, f"What does {name} come to?", what, f"How to read {name} <here>.", axis, drawn, outcomes)


def all_of_them() -> Findings:
    """All 18 experiments: harm and none, controls, curves, timelines, missed theories, INVALID and UNPROVEN ones."""
    grown = tuple(added(scheme, servers) for scheme in TALE for servers in (1, 2, 4))
    sticky = tuple(added("memory-session", servers, "sticky") for servers in (1, 2, 4))
    told = [experiment("add-a-server", grown + sticky)]
    for name in FAULTS:
        found = [injected(name, scheme) for scheme in TALE] + [injected(name, "memory-session", "sticky")]
        told.append(experiment(name, (*found, control(name, "none"))))
    for name, (_, places, _, _) in list(SWEEPS.items())[1:]:
        along = (swept(name, scheme, place) for scheme in TALE for place in range(len(places)))
        told.append(experiment(name, tuple(along)))
    counted = Figure("processes", 4, ""), Figure("lines", 61, "lines")
    bare = Outcome("moving-parts", "plugin", "as deployed", "4 processes", counted, Verdict("VALID"))
    told.append(experiment("moving-parts", (bare,)))
    doubted = (Verdict("INVALID", ("the counts disagree",)), Verdict("UNPROVEN", ("layer 4",)))
    limits = tuple(replace(bare, experiment="session-limit", verdict=verdict) for verdict in doubted)
    told.append(experiment("session-limit", limits))
    told.append(experiment("sliding", ()))
    return Findings(tuple(told))
