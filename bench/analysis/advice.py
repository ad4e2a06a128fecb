"""Which schemes remain when needs are held against what was measured, in which order, and why the others do not.

What remains is ordered by one criterion: CPU of a read over the control as measured, the least first, those of whom it
was not measured last; then by store operations of a read, then by name.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from bench.analysis.advice_rules import RULES, Fact, Finding, NeedName, Needs
from bench.analysis.model import Estimate
from services.contract import Carrier, SchemeSpec

Kind = Literal["session", "token", "both"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What a read was measured to cost; None where it was not. `cell`: where, "" if nowhere.

    `cpu_us`: over the control, and `shown` whether that is more than noise. Bytes are HTTP's, of one read.
    `store_operations`: server commands a read, declared where they were not measured.
    """

    store_operations: float
    cpu_us: Estimate | None = None
    cpu_ratio: Estimate | None = None
    shown: bool = False
    p99_ms: Estimate | None = None
    bytes_up: float | None = None
    bytes_down: float | None = None
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One scheme, as it would be run. `is_sticky`: only with sticky balancing. `facts`: what is known of it."""

    name: str
    kind: Kind
    carrier: Carrier
    is_sticky: bool
    cost: Cost
    facts: Mapping[Fact, Finding]


@dataclass(frozen=True, slots=True)
class Reason:
    """Which needs eliminate a scheme, why in words with the figure, and where the figure came from."""

    needs: tuple[NeedName, ...]
    because: str
    source: str
    is_measured: bool


@dataclass(frozen=True, slots=True)
class Eliminated:
    """A scheme that does not remain, and every reason for it."""

    candidate: Candidate
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Undecided:
    """A need that nothing known of a remaining scheme can be held against; `source` says what would tell."""

    scheme: str
    need: NeedName
    source: str


@dataclass(frozen=True, slots=True)
class Relaxation:
    """Needs that exclude everybody together with the others: without `dropped`, `leaves` would remain."""

    dropped: tuple[NeedName, ...]
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Advice:
    """The answer. `relaxations`: where nobody remains, every smallest set of needs without which somebody would."""

    needs: Needs
    remaining: tuple[Candidate, ...]
    eliminated: tuple[Eliminated, ...]
    undecided: tuple[Undecided, ...] = ()
    relaxations: tuple[Relaxation, ...] = ()


def kind_of(spec: SchemeSpec) -> Kind:
    """`session`: the login is in a store or a helper; `token`: in the credential alone; `both`: a token and a store."""
    traits = spec.traits
    if not (traits.stores or spec.helpers):
        return "token"
    issued, verified = (traits.operations[step].round_trips for step in ("issue", "verify"))
    is_token_denied = bool(verified) and not issued
    return "both" if spec.front == "bff" or traits.can_renew or is_token_denied else "session"


def advise(needs: Needs, candidates: Sequence[Candidate]) -> Advice:
    """Hold every rule against every candidate; anti-patterns are not to be among them."""
    reasons = {one.name: tuple(_reasons(needs, one)) for one in candidates}
    remaining = sorted((one for one in candidates if not reasons[one.name]), key=_by_cost)
    return Advice(
        needs=needs,
        remaining=tuple(remaining),
        eliminated=tuple(Eliminated(one, reasons[one.name]) for one in candidates if reasons[one.name]),
        undecided=tuple(dict.fromkeys(found for one in remaining for found in _undecided(needs, one))),
        relaxations=() if remaining else tuple(_relaxations(needs, candidates)),
    )


def _by_cost(one: Candidate) -> tuple[float, float, str]:
    """The one criterion."""
    return one.cost.cpu_us.value if one.cost.cpu_us else math.inf, one.cost.store_operations, one.name


def _reasons(needs: Needs, one: Candidate) -> Iterator[Reason]:
    stated = set(needs.stated)
    for rule in RULES:
        found = one.facts.get(rule.fact)
        if found and stated.issuperset(rule.needs) and rule.breaks(needs, found.value):
            yield Reason(rule.needs, rule.because.format(found=found.words), found.source, found.is_measured)


def _undecided(needs: Needs, one: Candidate) -> Iterator[Undecided]:
    stated = set(needs.stated)
    for rule in RULES:
        found = one.facts.get(rule.fact)
        if found and not found.is_known and stated.issuperset(rule.needs):
            yield Undecided(one.name, rule.needs[0], found.source)


def _relaxations(needs: Needs, candidates: Sequence[Candidate]) -> Iterator[Relaxation]:
    """All of the smallest size that leave somebody."""
    for size in range(1, len(needs.stated) + 1):
        found = [_without(needs, dropped, candidates) for dropped in combinations(needs.stated, size)]
        if helpful := [one for one in found if one.leaves]:
            yield from helpful
            return


def _without(needs: Needs, dropped: tuple[NeedName, ...], candidates: Sequence[Candidate]) -> Relaxation:
    fewer = needs.without(dropped)
    left = sorted((one for one in candidates if not any(_reasons(fewer, one))), key=_by_cost)
    return Relaxation(dropped, tuple(one.name for one in left))
