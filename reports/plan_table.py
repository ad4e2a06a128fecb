"""A capacity plan as tables: on a terminal of 80 columns, and for the page with every constant and its source."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, TextIO

from rich.table import Table
from rich.text import Text

from bench.analysis.capacity.loads import COMPONENTS
from bench.analysis.capacity.model import Constant, SchemeConstants, StepCost
from bench.analysis.capacity.values import Derived, SchemePlan
from reports import format as figures
from reports.plan_words import (
    NOBODY,
    UNKNOWN,
    PlanFacts,
    amount,
    asked,
    bottleneck,
    hit,
    megabits,
    missing,
    notes,
    revoked,
    size,
    told,
    verdict,
)
from reports.tables import Line, Section, TableView
from reports.terminal import fill, terminal
from services.contract import Event, Store

Side = Literal["left", "right"]
STORES: tuple[Store, ...] = ("memory", "redis", "postgres")
EVENTS: tuple[Event, ...] = ("logout", "ban")
NOTHING = "0"
NEEDS: tuple[tuple[str, Side], ...] = (
    ("scheme", "left"),
    ("replicas", "right"),
    ("cores", "right"),
    ("Redis\nops/s", "right"),
    ("Redis\nmemory", "right"),
    ("PG\nops/s", "right"),
    ("PG re-\nfresh/s", "right"),
    ("Mbit/s\nin+out", "right"),
    ("logins\n/s", "right"),
)
BREAKS: tuple[tuple[str, Side], ...] = (
    ("scheme", "left"),
    ("first bottleneck", "left"),
    ("users hit if a\nreplica dies", "left"),
    ("if a store\nis down", "left"),
    ("logout is\nin force", "left"),
)


def show(plans: Sequence[SchemePlan], facts: PlanFacts, stream: TextIO) -> None:
    """Print the verdict, what each scheme needs, what breaks it and what is not known, to `stream`."""
    with terminal(stream) as console:
        fill(console, asked(facts.demand))
        fill(console, verdict(plans))
        console.print()
        console.print(_grid(NEEDS, [(plan.scheme, *_needs(plan)) for plan in plans]))
        console.print()
        console.print(_grid(BREAKS, [(plan.scheme, *_breaks(plan)) for plan in plans]))
        console.print()
        for line in (*(f"not known: {reason}" for reason in missing(plans)), *notes(plans)):
            fill(console, line)
        fill(console, f"constants from: {facts.run_id}")


def needs(plans: Sequence[SchemePlan]) -> TableView:
    """What each scheme takes of processors."""
    head = ("replicas", "cores in all", *(f"of {name}" for name in COMPONENTS), "of them for password hashes")
    lines = tuple(Line(plan.scheme, tuple(map(told, _cores(plan)))) for plan in plans)
    return TableView("Replicas and cores; cores are such as were measured.", "scheme", head, (Section("", lines),))


def traffic(plans: Sequence[SchemePlan]) -> TableView:
    """What each scheme sends to stores and clients, and what stores hold."""
    head = (
        "requests/s", "logins/s", "Redis operations/s", "PostgreSQL operations/s", "refreshes/s", "PostgreSQL rows",
        *(f"logins in {store}" for store in STORES), "Mbit/s in", "Mbit/s out",
    )  # fmt: skip
    lines = tuple(Line(plan.scheme, tuple(_traffic(plan))) for plan in plans)
    return TableView("Stores and bandwidth.", "scheme", head, (Section("", lines),))


def breaks(plans: Sequence[SchemePlan]) -> TableView:
    """What ends first, and who is hit when something fails."""
    head = (
        "first bottleneck", "users hit when a replica dies", "users hit while a store is down", "logout in force",
        "ban in force", "round trips alone, a read",
    )  # fmt: skip
    lines = tuple(Line(plan.scheme, tuple(_all_breaks(plan))) for plan in plans)
    return TableView("Where growth ends, and what a failure or a thief meets.", "scheme", head, (Section("", lines),))


def limits(plans: Sequence[SchemePlan]) -> TableView:
    """At how many users each limit is met."""
    sections = tuple(
        Section(
            plan.scheme,
            tuple(
                Line(one.resource, (told(one.users), amount(one.limit.value), one.limit.source))
                for one in plan.crossings
            ),
        )
        for plan in plans
    )
    return TableView("What cannot be had by adding replicas.", "limit", ("met at users", "limit", "source"), sections)


def every_constant(constants: Mapping[str, SchemeConstants]) -> TableView:
    """Every figure the plan is computed from, and the cell it came from."""
    sections = tuple(Section(name, tuple(_constants(one))) for name, one in constants.items())
    return TableView("Every constant and the cell it came from.", "constant", ("value", "source"), sections)


def formulas(plans: Sequence[SchemePlan]) -> TableView:
    """How each figure is computed; one scheme's arithmetic where schemes differ."""
    found: dict[str, str] = {}
    for plan in plans:
        for name, derived in _derived(plan):
            found.setdefault(name, derived.formula)
    lines = tuple(Line(name, (formula,)) for name, formula in found.items())
    return TableView("The arithmetic of each figure.", "figure", ("is",), (Section("", lines),))


def _grid(columns: Sequence[tuple[str, Side]], rows: Sequence[Sequence[str]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name, side in columns:
        table.add_column(name, justify=side, vertical="top", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _needs(plan: SchemePlan) -> Iterator[str]:
    yield told(plan.replicas)
    yield told(plan.total_cores)
    yield told(plan.redis_operations_per_s)
    yield _held(plan, "redis")
    yield told(plan.postgres_operations_per_s)
    yield told(plan.postgres_refreshes_per_s)
    yield _both(plan)
    yield told(plan.logins_per_s)


def _held(plan: SchemePlan, store: Store) -> str:
    """What live logins take there; nothing where the scheme has none."""
    return told(plan.login_bytes[store], size) if store in plan.login_bytes else NOTHING


def _both(plan: SchemePlan) -> str:
    up, down = plan.up_bytes_per_s.value, plan.down_bytes_per_s.value
    return UNKNOWN if up is None or down is None else megabits(up + down)


def _breaks(plan: SchemePlan) -> Iterator[str]:
    yield bottleneck(plan)
    yield hit(plan.users_per_replica_failure)
    yield _stores(plan)
    yield revoked(plan.revoked_within_s["logout"]) if "logout" in plan.revoked_within_s else UNKNOWN


def _stores(plan: SchemePlan) -> str:
    """`redis 500k`; nobody where there is no store."""
    return ", ".join(f"{store} {hit(users)}" for store, users in plan.users_per_store_failure.items()) or NOBODY


def _cores(plan: SchemePlan) -> tuple[Derived, ...]:
    return plan.replicas, plan.total_cores, *(plan.cores[name] for name in COMPONENTS), plan.hash_cores


def _traffic(plan: SchemePlan) -> Iterator[str]:
    counts = (
        plan.requests_per_s, plan.logins_per_s, plan.redis_operations_per_s, plan.postgres_operations_per_s,
        plan.postgres_refreshes_per_s, plan.postgres_rows,
    )  # fmt: skip
    yield from map(told, counts)
    yield from (_held(plan, store) for store in STORES)
    yield told(plan.up_bytes_per_s, megabits)
    yield told(plan.down_bytes_per_s, megabits)


def _all_breaks(plan: SchemePlan) -> Iterator[str]:
    yield bottleneck(plan)
    yield hit(plan.users_per_replica_failure)
    yield _stores(plan)
    for event in EVENTS:
        bound = plan.revoked_within_s.get(event)
        yield UNKNOWN if bound is None else revoked(bound)
    yield told(plan.latency_floor_ms, lambda value: f"{figures.number(value)}{figures.SPACE}ms")


def _constants(one: SchemeConstants) -> Iterator[Line]:
    for step, cost in one.steps.items():
        for name, constant, unit in _costs(cost):
            yield _constant(f"{step}: {name}", constant, unit)
    if one.max_rate:
        measured = f"highest rate, p99 within {one.max_rate.slo_p99_ms:g} ms"
        on = f"on {figures.plural(one.max_rate.replicas, 'replica')}"
        yield _constant(f"{measured}, {on}", one.max_rate.rate_rps, "steps/s")
    for store, held in one.session_bytes.items():
        yield _constant(f"a session in {store}", held, "B")
    if one.password_hash_ms:
        yield _constant("a password hash", one.password_hash_ms, "ms")


def _costs(cost: StepCost) -> Iterator[tuple[str, Constant, str]]:
    yield from ((f"CPU of {name}", constant, "µs") for name, constant in cost.cpu_us.items())
    yield from ((f"{store} operations", constant, "") for store, constant in cost.operations.items())
    yield "HTTP in", cost.bytes_up, "B"
    yield "HTTP out", cost.bytes_down, "B"


def _constant(name: str, constant: Constant, unit: str) -> Line:
    return Line(name, (f"{figures.number(constant.value)}{figures.SPACE}{unit}".rstrip(), constant.source))


def _derived(plan: SchemePlan) -> Iterator[tuple[str, Derived]]:
    """Every figure of a plan by the name of its field, as a reader spells it."""
    for name in plan.__slots__:
        value = getattr(plan, name)
        if isinstance(value, Derived) and value.value is not None:
            yield name.replace("_per_s", " a second").replace("_", " "), value
