"""What the traits of a scheme come to for each need, where nothing was measured, and which experiment would tell."""

import math
from collections.abc import Iterator, Mapping, Sequence

from bench.analysis.advice import kind_of
from bench.analysis.advice_rules import Fact, Finding
from bench.consequences import (
    add_a_server,
    fan_out,
    kill_a_replica,
    redeploy,
    revocation_window,
    session_limit,
    store_down,
)
from bench.consequences.apparatus.durations import spelled
from bench.consequences.apparatus.endings import Ending, endings, predicted
from bench.consequences.experiment import Experiment
from services.contract import SchemeSpec
from services.settings import Settings

ELSEWHERE = " on another replica"
"""How the setting of an ending ends that is asked for on another server than the login's own."""
CLAIMED = "claimed, not measured here: run `authbench consequences {}`"
CLAIMED_ALONE = "claimed, not measured: experiment {} is not about this scheme"
DECLARED = "declared in its traits, to which the proof of every run holds it"
UNTOLD = "not measured: experiment {} loads others of its kind"
UNMEASURED = "not measured here: run `authbench consequences {}`"
FANNED: Mapping[int, Fact] = {2: "cpu_over_2_services_ratio", 4: "cpu_over_4_services_ratio"}
AT_ONCE = "refused at once"
LOGINS = session_limit.AT_ONCE["standard"]


def claims(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    """What is known of `spec` without any measurement; what it only would cost is unknown."""
    yield from _windows(spec)
    yield from _logins(spec)
    yield from _replicas(spec)
    yield from _clients(spec)
    yield from _stores(spec)
    yield from _services(spec)


def spoken(lasts_s: float) -> str:
    """How long something lives that may live until it expires."""
    return "until it expires" if math.isinf(lasts_s) else spelled(lasts_s)


def asked(spec: SchemeSpec) -> Iterator[tuple[Fact, Sequence[Ending]]]:
    """What ends a login where its scheme says so; and on another server, where that is another matter."""
    ways = [one for one in endings(spec) if one.event]
    yield "stolen_s", [one for one in ways if one.reaches]
    if elsewhere := [one for one in ways if one.setting.endswith(ELSEWHERE)]:
        yield "stolen_on_other_servers_s", elsewhere


def goes_on_s(spec: SchemeSpec) -> float:
    """How long reads go on without the stores: not at all, until a renewal is due, or as long as the login lasts.

    A helper is asked as a store is.
    """
    if spec.traits.operations["verify"].round_trips or spec.helpers:
        return 0.0
    return float(Settings().access_ttl_s) if set(spec.traits.stores) - {"memory"} else math.inf


def _windows(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    for fact, ways in asked(spec):
        longest_s = max(_window_s(spec, one) for one in ways)
        yield fact, _claim(spec, revocation_window.EXPERIMENT, longest_s, _until(longest_s))


def _until(window_s: float) -> str:
    return spoken(window_s) if window_s else AT_ONCE


def _window_s(spec: SchemeSpec, ending: Ending) -> float:
    theory = predicted(spec, ending, Settings())
    return theory.seconds if theory else math.inf


def _logins(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    traits = spec.traits
    free = 0 if traits.can_limit_sessions else LOGINS - session_limit.LIMIT
    yield "logins_above_limit", _claim(spec, session_limit.EXPERIMENT, free, _above(free))
    unlisted = not traits.can_list_sessions
    yield "logins_unlisted", _declared(unlisted, "it does not know them" if unlisted else "it knows them")
    if traits.needs_affinity:
        policies = session_limit.POLICIES
        over = min(session_limit.predicted(spec, policy, LOGINS).above for policy in policies)
        yield "logins_above_limit_over_servers", _claim(spec, session_limit.EXPERIMENT, over, _above(over))
        yield "logins_unlisted_over_servers", _declared(1, "each knows its own")


def _above(logins: int) -> str:
    return f"{logins} of {LOGINS} logins live above a limit of {session_limit.LIMIT}"


def _replicas(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    """Sticky balancing where the scheme needs it: it helps while servers are added, not when they go."""
    binds = spec.traits.needs_affinity
    yield "users_lost_to_growth", _claim(spec, add_a_server.EXPERIMENT, 0, "nobody")
    held, all_of_them = ("everybody whose login it held", "everybody") if binds else ("nobody", "nobody")
    yield "users_lost_to_a_kill", _claim(spec, kill_a_replica.EXPERIMENT, binds, held)
    yield "users_lost_to_a_redeploy", _claim(spec, redeploy.EXPERIMENT, binds, all_of_them)


def _clients(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    carriers = spec.traits.carriers
    yield "bearers_refused", _declared("bearer" not in carriers, f"it travels by {' or '.join(carriers)}")
    holds = spec.front == "api" and kind_of(spec) != "session"
    yield "tokens_in_browser", _declared(holds, "its credential is one" if holds else "its credential is none")


def _stores(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    stores, lasts_s = spec.traits.stores, goes_on_s(spec)
    words = f"it goes on for {spelled(lasts_s)}, until it has to renew" if math.isfinite(lasts_s) else "it asks none"
    yield "goes_on_s", _claim(spec, store_down.EXPERIMENT, lasts_s, words if lasts_s else "every request asks it")
    yield "redis_used", _declared("redis" in stores, "it keeps state there")
    yield "postgres_used", _declared("postgres" in stores, "it keeps state there")


def _services(spec: SchemeSpec) -> Iterator[tuple[Fact, Finding]]:
    bound = spec.traits.needs_affinity and spec.front == "api"
    yield "services_left_out", _declared(bound, "one replica's memory knows the login" if bound else "each can ask")
    source = UNMEASURED.format(fan_out.NAME) if fan_out.concerns(spec) else UNTOLD.format(fan_out.NAME)
    for fact in FANNED.values():
        yield fact, Finding(math.nan, "not measured", source, is_measured=False)


def _claim(spec: SchemeSpec, experiment: Experiment, value: float, words: str) -> Finding:
    source = CLAIMED if experiment.concerns(spec) else CLAIMED_ALONE
    return Finding(float(value), words, source.format(experiment.name), is_measured=False)


def _declared(value: float, words: str) -> Finding:
    return Finding(float(value), words, DECLARED, is_measured=False)
