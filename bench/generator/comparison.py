"""Rounds of all generators against one server, each round in a new order, folded into one row for each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

from bench.generator.contender import VISITORS, Contender, Load, Name, Spread
from bench.generator.round import Outcome, measure
from bench.generator.server import BareServer
from bench.stack.supervisor import Supervisor
from services.contract import Carrier

RATES_RPS = (400, 1000, 2000)

Round = Sequence[Outcome]
"""Each generator once."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What to compare. `seed` draws the order in each round and what our own visitors do."""

    contenders: tuple[Contender, ...]
    rates_rps: tuple[int, ...] = RATES_RPS
    carriers: tuple[Carrier, ...] = ("cookie", "bearer")
    seconds: int = 10
    rounds: int = 3
    seed: int = 1
    visitors: int = VISITORS


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median over rounds of one cost over another in the same round, with the smallest and the largest."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Row:
    """One generator over all rounds: medians. `to_k6` is None where k6 did not run."""

    generator: Name
    cpu_us: float
    to_k6: Ratio | None
    lateness: Spread | None
    recorded: Spread | None
    response: Spread | None
    sent_ratio: float | None
    refused: int
    failed: int


@dataclass(frozen=True, slots=True)
class Cell:
    """All generators under one rate and carrier; `rounds` are what the rows were made of."""

    carrier: Carrier
    rate_rps: int
    rows: tuple[Row, ...]
    rounds: tuple[tuple[Outcome, ...], ...]


def compare(supervisor: Supervisor, server: BareServer, choices: Choices) -> Iterator[Cell]:
    """Cell after cell, all against the same running `server`. ProcessDiedError, ValueError."""
    random = Random(choices.seed)  # noqa: S311 - an order
    for carrier in choices.carriers:
        for rate_rps in choices.rates_rps:
            load = Load(server.port, carrier, rate_rps, choices.seconds, choices.visitors, choices.seed)
            rounds = tuple(_round(supervisor, server, choices, load, random) for _ in range(choices.rounds))
            names = [contender.name for contender in choices.contenders]
            yield Cell(carrier, rate_rps, tuple(row(name, rounds) for name in names), rounds)


def _round(
    supervisor: Supervisor, server: BareServer, choices: Choices, load: Load, random: Random
) -> tuple[Outcome, ...]:
    order = random.sample(choices.contenders, len(choices.contenders))
    return tuple(measure(supervisor, server, contender, load) for contender in order)


def row(name: Name, rounds: Sequence[Round]) -> Row:
    """What `name` did in all `rounds`."""
    own = [_of(name, one) for one in rounds]
    sent = [outcome.sent_ratio for outcome in own if outcome.sent_ratio is not None]
    return Row(
        generator=name,
        cpu_us=median(outcome.cpu_us for outcome in own),
        to_k6=ratio(name, "k6", rounds),
        lateness=_median([outcome.lateness for outcome in own]),
        recorded=_median([outcome.recorded for outcome in own]),
        response=_median([outcome.response for outcome in own]),
        sent_ratio=median(sent) if sent else None,
        refused=sum(outcome.refused for outcome in own),
        failed=sum(outcome.failed for outcome in own),
    )


def ratio(name: Name, baseline: Name, rounds: Sequence[Round]) -> Ratio | None:
    """CPU of `name` over that of `baseline`, round by round; None where one of them did not run."""
    costs = [{outcome.generator: outcome.cpu_us for outcome in one} for one in rounds]
    ratios = [cost[name] / cost[baseline] for cost in costs if name in cost and baseline in cost]
    return Ratio(median(ratios), min(ratios), max(ratios)) if ratios else None


def _of(name: Name, one: Round) -> Outcome:
    return next(outcome for outcome in one if outcome.generator == name)


def _median(spreads: Sequence[Spread | None]) -> Spread | None:
    told = [one for one in spreads if one is not None]
    if not told:
        return None
    return Spread(median(one.p50_ms for one in told), median(one.p99_ms for one in told))
