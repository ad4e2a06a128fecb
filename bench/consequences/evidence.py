"""What experiments found of a scheme, as findings that needs can be held against, each with where it was found."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.analysis.advice_rules import Fact, Finding
from bench.consequences import (
    add_a_server,
    fan_out,
    kill_a_replica,
    redeploy,
    revocation_window,
    session_limit,
    session_memory,
    store_down,
)
from bench.consequences.apparatus import fleet
from bench.consequences.apparatus.durations import HOUR_S
from bench.consequences.claims import AT_ONCE, FANNED, asked, goes_on_s, spoken
from bench.consequences.model import Figure, Outcome
from bench.consequences.reading import FAILED, LOGGED_OUT
from services.contract import SchemeSpec

Found = Iterator[tuple[Fact, Finding]]


@dataclass(frozen=True, slots=True)
class Sighted:
    """What one experiment found in the run of experiments called `run_id`."""

    run_id: str
    outcomes: tuple[Outcome, ...]

    def of(self, spec: SchemeSpec) -> tuple[Outcome, ...]:
        """What it found of one scheme: with the fault, and believed."""
        return tuple(
            one
            for one in self.outcomes
            if one.scheme == spec.name and not one.is_control and one.verdict.status == "VALID"
        )

    def source(self, one: Outcome) -> str:
        """Where a figure of that outcome stands."""
        return f"{self.run_id}, {one.experiment}: {one.setting}"


def evidence(spec: SchemeSpec, sighted: Mapping[str, Sighted]) -> Found:
    """All that the experiments say of `spec`; `sighted` by the name of the experiment."""
    for name, read in READERS.items():
        if name in sighted and (outcomes := sighted[name].of(spec)):
            yield from read(spec, sighted[name], outcomes)


def _windows(spec: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
    """The worst of all ways to end a login; nothing where one of them was not measured."""
    for fact, ways in asked(spec):
        settings = {one.setting for one in ways}
        tried = [one for one in outcomes if one.setting in settings]
        if tried and settings == {one.setting for one in tried}:
            worst = max(tried, key=_window_s)
            yield fact, Finding(_window_s(worst), _window(worst), sighted.source(worst))


def _window_s(one: Outcome) -> float:
    """What the copy's life comes to under the lifetimes of the service; infinite where no theory tells that."""
    if not one.figure(revocation_window.PLACES).value:
        return 0.0
    real = next((figure.value for figure in one.figures if figure.name == revocation_window.REAL), math.inf)
    return real * HOUR_S


def _window(one: Outcome) -> str:
    if not one.figure(revocation_window.PLACES).value:
        return AT_ONCE
    usable_s = one.figure(revocation_window.USABLE).value
    return f"{usable_s:.1f} s under lifetimes cut short, {spoken(_window_s(one))} under the service's own"


def _limits(spec: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
    """By the policy that holds the limit best; over two servers, which says nothing of one that is alone."""
    is_apart = spec.traits.needs_affinity and spec.traits.can_limit_sessions
    best = min(outcomes, key=lambda one: one.figure(session_limit.ABOVE).value)
    alive = best.figure(session_limit.ALIVE)
    words = f"{alive.value:.0f} of {alive.of} logins live where {session_limit.LIMIT} may"
    fact: Fact = "logins_above_limit_over_servers" if is_apart else "logins_above_limit"
    yield fact, Finding(best.figure(session_limit.ABOVE).value, words, sighted.source(best))


def _losing(fact: Fact) -> Callable[[SchemeSpec, Sighted, Sequence[Outcome]], Found]:
    """Reads how many users were logged out, under the balancing that suits the scheme."""

    def read(spec: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
        suited = [one for one in outcomes if one.balancing == fleet.suited(spec)]
        if suited:
            worst = max(suited, key=lambda one: _share(one.figure(LOGGED_OUT)))
            users = worst.figure(LOGGED_OUT)
            words = f"{users.value:.0f} of {users.of} users"
            yield fact, Finding(_share(users), words, sighted.source(worst))

    return read


def _outages(spec: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
    """Whoever asks a store at every read stops at once; of others only a renewal fails, when one is due."""
    worst = max(outcomes, key=lambda one: _share(one.figure(FAILED)))
    failed = worst.figure(FAILED)
    words = f"{failed.value:.0f} of {failed.of} requests failed"
    lasts_s = goes_on_s(spec) if failed.value else math.inf
    told = f"{words}, of a mix half renewals; reads go on for {spoken(lasts_s)}" if failed.value and lasts_s else words
    yield "goes_on_s", Finding(lasts_s, told, sighted.source(worst))


def _rows(_: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
    """CPU of a row of services over the same row that checks nothing, by the cheapest way to check."""
    for services, fact in FANNED.items():
        ratios = [(_over_control(one), one) for one in outcomes if one.at == services]
        if ratios:
            ratio, one = min(ratios, key=lambda pair: pair[0])
            words = f"{ratio:.2f}x what {services} services cost that check nothing"
            yield fact, Finding(ratio, words, sighted.source(one))


def _memory(_: SchemeSpec, sighted: Sighted, outcomes: Sequence[Outcome]) -> Found:
    """Of the store that held the most sessions."""
    sizes = [one for one in outcomes if one.at is not None]
    if sizes:
        most = max(sizes, key=lambda one: one.at or 0)
        value = most.figure(session_memory.PER_SESSION).value
        yield "session_bytes", Finding(value, f"{value:,.0f} B", sighted.source(most))


def _over_control(one: Outcome) -> float:
    cost_us, added_us = (one.figure(name).value for name in (fan_out.CPU, fan_out.CPU_ADDED))
    return cost_us / (cost_us - added_us)


def _share(figure: Figure) -> float:
    """Of the whole that it is a part of."""
    return figure.value / figure.of if figure.of else figure.value


READERS: Mapping[str, Callable[[SchemeSpec, Sighted, Sequence[Outcome]], Found]] = {
    revocation_window.NAME: _windows,
    session_limit.NAME: _limits,
    add_a_server.NAME: _losing("users_lost_to_growth"),
    kill_a_replica.NAME: _losing("users_lost_to_a_kill"),
    redeploy.NAME: _losing("users_lost_to_a_redeploy"),
    store_down.NAME: _outages,
    session_memory.NAME: _memory,
    fan_out.NAME: _rows,
}
"""How what each experiment found is read."""
