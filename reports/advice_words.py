"""The advice in words: session, token or both, who is cheapest, what is undecided, which needs exclude each other."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bench.analysis.advice import Advice, Candidate, Kind
from bench.analysis.advice_rules import Fact, NeedName, Needs
from reports import format as figures

NOT_SHOWN = "no difference shown"
KINDS: Mapping[Kind, str] = {"session": "a session", "token": "a token", "both": "both together"}
ALONE: Mapping[Kind, str] = {
    "session": "A session: whatever meets the needs keeps the login in a store.",
    "token": "A token: whatever meets the needs keeps the login in the credential alone.",
    "both": "Both: whatever meets the needs is a token with a store or a BFF behind it.",
}
FACTS: Mapping[Fact, str] = {
    "stolen_s": "life of a stolen copy after logout, password change, ban or admin revoke",
    "stolen_on_other_servers_s": "the same, asked for on another server",
    "logins_above_limit": "logins that live above the limit",
    "logins_above_limit_over_servers": "the same, over several servers",
    "logins_unlisted": "whether logins of a user are unknown",
    "logins_unlisted_over_servers": "the same, over several servers",
    "bearers_refused": "whether no bearer can carry it",
    "services_left_out": "whether only the issuing server can check it",
    "users_lost_to_growth": "share of users logged out when servers are added",
    "users_lost_to_a_kill": "share of users logged out when a server is killed",
    "users_lost_to_a_redeploy": "share of users logged out by a redeploy",
    "goes_on_s": "how long reads go on without the store",
    "redis_used": "Redis commands a read, or whether it keeps state there",
    "postgres_used": "PostgreSQL commands a read, or whether it keeps state there",
    "p99_ms": "p99 of a read",
    "cpu_ratio": "CPU of a read over the control's",
    "cpu_over_2_services_ratio": "CPU over 2 services that check nothing",
    "cpu_over_4_services_ratio": "CPU over 4 services that check nothing",
    "tokens_in_browser": "whether the browser holds a token",
    "session_bytes": "store memory of a live session",
}
"""Every figure that is known of a scheme."""
UNITS = {"_ms": "ms", "_ratio": "x"}
TIMES = {"d": 86_400, "h": 3600, "m": 60}
NAMED_MAX = 3
FANNED: tuple[tuple[int, Fact], ...] = ((4, "cpu_over_4_services_ratio"), (2, "cpu_over_2_services_ratio"))
"""Over how many services a request was loaded, the most first."""


@dataclass(frozen=True, slots=True)
class AdviceFacts:
    """What is told beside the advice. `flags`, `meanings`: of every need. `directories`: what was read.

    `command` asks the same again; `run_id` is "" where no run was read, and then nothing is known of `replicas` and
    rates, at which its figures were measured. `experiments`: those that were read.
    """

    command: str
    flags: Mapping[NeedName, str]
    meanings: Mapping[NeedName, str]
    directories: tuple[str, ...] = ()
    experiments: tuple[str, ...] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    run_id: str = ""
    replicas: int | None = None
    rate_rps: float | None = None
    latency_rate_rps: float | None = None


def answer(advice: Advice, facts: AdviceFacts) -> str:
    """The closing question, answered by what remains."""
    if not advice.remaining:
        return f"Neither: no scheme meets all of {stated(advice.needs, facts)}."
    if not advice.needs.stated:
        return "Session, token or both: no need was stated, so nothing is excluded."
    found = {one.kind for one in advice.remaining}
    kinds = [kind for kind in KINDS if kind in found]
    if len(kinds) == 1:
        return ALONE[kinds[0]]
    named = " or ".join(KINDS[kind] for kind in kinds)
    return f"{named[0].upper()}{named[1:]}: the needs leave {'all' if len(kinds) == len(KINDS) else 'either'} open."


def sentences(advice: Advice, facts: AdviceFacts) -> tuple[str, ...]:
    """What follows from it: the cheapest, what is undecided, which needs to relax, and where figures are from."""
    return (*_cheapest(advice), *_fanned(advice), *_undecided(advice, facts), *_relaxed(advice, facts), *_read(facts))


def label(one: Candidate) -> str:
    """The scheme, and the balancing that it needs."""
    return f"{one.name}, sticky" if one.is_sticky else one.name


def flag(needs: Needs, name: NeedName, facts: AdviceFacts) -> str:
    """The option as it was stated: `--servers 2`."""
    value = getattr(needs, name)
    if isinstance(value, bool):
        return facts.flags[name]
    if name.endswith("_s"):
        return f"{facts.flags[name]} {_time(value)}"
    unit = next((unit for suffix, unit in UNITS.items() if name.endswith(suffix)), "")
    return f"{facts.flags[name]} {value:g}{unit}"


def _time(value_s: float) -> str:
    """In the largest unit of which it is a whole number."""
    unit = next((unit for unit, long_s in TIMES.items() if value_s and not value_s % long_s), "s")
    return f"{value_s / TIMES.get(unit, 1):g}{unit}"


def stated(needs: Needs, facts: AdviceFacts) -> str:
    """Every need that was stated."""
    return ", ".join(flag(needs, name, facts) for name in needs.stated)


def where(facts: AdviceFacts) -> str:
    """At which part of the run the figures were measured; "" without one."""
    if facts.replicas is None or facts.rate_rps is None:
        return ""
    cpu = f"CPU at {facts.rate_rps:g}"
    rates = f"{cpu} and p99 at {facts.latency_rate_rps:g}" if facts.latency_rate_rps else cpu
    return f"run {facts.run_id}, {figures.plural(facts.replicas, 'replica')}, {rates} requests/s and arm"


def cpu(one: Candidate) -> str:
    """CPU over the control with its interval, or that there is none."""
    found = one.cost.cpu_us
    if found is None:
        return "not measured"
    return figures.signed_interval(found, "µs") + ("" if one.cost.shown else f", {NOT_SHOWN} to the control")


def _cheapest(advice: Advice) -> Iterator[str]:
    known = [one for one in advice.remaining if one.cost.cpu_us]
    if not known:
        return
    first, *others = known
    near = [label(one) for one in others if _overlap(first, one)]
    named = ", ".join(near) if len(near) <= NAMED_MAX else f"{len(near)} of the others"
    tie = f"; not shown to differ from it: {named}" if near else ""
    yield f"Of those that remain and were measured, {label(first)} costs a read the least CPU: {cpu(first)}{tie}."


def _fanned(advice: Advice) -> Iterator[str]:
    """What several services that each check cost, over the most of them that were loaded and not more than needed."""
    services, fact = next((loaded for loaded in FANNED if loaded[0] <= advice.needs.services), FANNED[-1])
    facts = ((one.facts.get(fact), label(one)) for one in advice.remaining)
    known = sorted((found.value, name) for found, name in facts if found and found.is_known)
    if advice.needs.services > 1 and known:
        told = ", ".join(f"{name} {ratio:.2f}x" for ratio, name in known)
        yield f"CPU of a request that {services} services check, over as many that check nothing: {told}."


def _overlap(first: Candidate, other: Candidate) -> bool:
    return bool(first.cost.cpu_us and other.cost.cpu_us and first.cost.cpu_us.high >= other.cost.cpu_us.low)


def _undecided(advice: Advice, facts: AdviceFacts) -> Iterator[str]:
    schemes: dict[tuple[NeedName, str], list[str]] = {}
    for one in advice.undecided:
        schemes.setdefault((one.need, one.source), []).append(one.scheme)
    for (need, source), names in schemes.items():
        yield f"{flag(advice.needs, need, facts)} is undecided for {', '.join(names)}: {source}."


def _relaxed(advice: Advice, facts: AdviceFacts) -> Iterator[str]:
    for one in advice.relaxations:
        dropped = " and ".join(flag(advice.needs, name, facts) for name in one.dropped)
        yield f"Without {dropped} there would remain: {', '.join(one.leaves)}."


def _read(facts: AdviceFacts) -> Iterator[str]:
    if not facts.directories:
        yield (
            "Nothing measured was found: all of this is what the schemes claim of themselves; run `authbench run` and "
            "`authbench consequences` first."
        )
        return
    missing = [] if facts.run_id else ["no run (`authbench run`)"]
    missing += [] if facts.experiments else ["no consequences (`authbench consequences`)"]
    lack = f"; {' and '.join(missing)} among them" if missing else ""
    yield f"Measured in {_joined(facts.directories)}{lack}."


def _joined(names: Sequence[str]) -> str:
    return ", ".join(names)
