"""From records to ledgers: what each scheme adds to its control, part by part, held against what its arm costs more.

The parts come from twins, whose services keep account of their time and so cost more themselves; the extra that is to
be explained comes from arms that keep none. All four ran in the same block, and every figure is taken block by block
before a mean is: a machine that was slow for a block was so for all of them. Nothing is fitted.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import fsum, isfinite

from bench.analysis.comparison import AGAIN, CONTROL_SCHEME
from bench.analysis.costs import TOTAL, cpu_us
from bench.analysis.intervals import mean
from bench.analysis.ledger_model import (
    BETWEEN,
    CLOSING_RATIO,
    LEAST_JUDGED_US,
    PROCESS,
    Entry,
    Ledger,
    Part,
    Request,
    StoreCalls,
)
from bench.analysis.model import Estimate
from bench.analysis.outcomes import refused
from bench.analysis.twins import SERVICES, Account, Place, Spent, account
from loadtests.plan import CellPlan
from loadtests.record import Record

TWIN = "-twin"
COMPONENTS = ("haproxy", *SERVICES, "helpers", "redis", "postgres")
NAMES = (
    "dispatch",
    "server",
    "framework",
    "carrier",
    "verify",
    "signature",
    "redis",
    "postgres",
    "upstream",
    BETWEEN,
    PROCESS,
)
"""The order in which a request meets the parts."""
STORES = ("redis", "postgres")
NOTHING = Spent(0.0, 0.0)
OUTSIDE = "gunicorn's master, its thread pool and the interpreter's switching between threads"

Costs = Mapping[str, float]
"""CPU us per successful request by component and in total."""


@dataclass(frozen=True, slots=True)
class Block:
    """An arm, its control and the twins of both, as they ran side by side."""

    arm: Costs
    control: Costs
    twin: Account
    control_twin: Account

    def extra_us(self, component: str) -> float:
        """What the scheme adds to one component, or in TOTAL, where nobody keeps account."""
        return self.arm.get(component, 0.0) - self.control.get(component, 0.0)

    def entry_us(self, place: Place) -> float:
        """What the scheme adds to one part."""
        return _of(self.twin, place).us - _of(self.control_twin, place).us

    def between_us(self, component: str) -> float:
        """What the scheme adds outside every span."""
        return self.twin.between_us.get(component, 0.0) - self.control_twin.between_us.get(component, 0.0)

    def residual_us(self, component: str) -> float:
        """What no part explains of that component, or of TOTAL."""
        places = {*self.twin.parts, *self.control_twin.parts}
        entries_us = (self.entry_us(place) for place in places if component in {place[0], TOTAL})
        return self.extra_us(component) - fsum(entries_us)


def ledgers(records: Iterable[Record]) -> tuple[Ledger, ...]:
    """One for each CPU cell whose arm has a twin, as has a control that was loaded with it; in order of appearance.

    A block counts where none of the four is INVALID, none had refusals, which are cheap, and both twins' accounts can
    be corrected. One block alone has no interval.
    """
    costs: dict[CellPlan, dict[int, Costs]] = defaultdict(dict)
    accounts: dict[CellPlan, dict[int, Account]] = defaultdict(dict)
    for record in filter(_is_believed, records):
        cell, block = record.header.cell, record.header.block
        if not cell.is_twin:
            costs[cell][block] = cpu_us(record)
        elif kept := account(record):
            accounts[replace(cell, arm=cell.arm.removesuffix(TWIN), is_twin=False)][block] = kept
    paired = [cell for cell in costs if cell in accounts]
    found = ((cell, _control_of(cell, paired)) for cell in paired if cell.scheme != CONTROL_SCHEME)
    pairs = ((cell, control) for cell, control in found if control is not None)
    blocks = ((cell, control, list(_blocks(cell, control, costs, accounts))) for cell, control in pairs)
    return tuple(_ledger(cell, control, several) for cell, control, several in blocks if several)


def _is_believed(record: Record) -> bool:
    footer = record.footer
    is_valid = footer is not None and footer.verdict != "INVALID"
    return is_valid and record.header.cell.purpose == "cpu" and not any(map(refused, record.samples))


def _control_of(cell: CellPlan, cells: Iterable[CellPlan]) -> CellPlan | None:
    """The control of the same slice with as many replicas; of several, the one most like the cell."""

    def slice_of(one: CellPlan) -> tuple[object, ...]:
        return one.rate_rps, one.seconds, one.journey, one.replicas, one.reconnects

    def unlikeness(one: CellPlan) -> tuple[bool, bool]:
        return one.balancing != cell.balancing, one.carrier != cell.carrier

    controls = (one for one in cells if one.scheme == CONTROL_SCHEME and not one.arm.endswith(AGAIN))
    return min((one for one in controls if slice_of(one) == slice_of(cell)), key=unlikeness, default=None)


def _blocks(
    cell: CellPlan,
    control: CellPlan,
    costs: Mapping[CellPlan, Mapping[int, Costs]],
    accounts: Mapping[CellPlan, Mapping[int, Account]],
) -> Iterator[Block]:
    numbers = set(costs[cell]) & set(costs[control]) & set(accounts[cell]) & set(accounts[control])
    for number in sorted(numbers):
        if costs[cell][number] and costs[control][number]:
            yield Block(costs[cell][number], costs[control][number], accounts[cell][number], accounts[control][number])


def _ledger(cell: CellPlan, control: CellPlan, blocks: Sequence[Block]) -> Ledger:
    extra_us = mean([block.extra_us(TOTAL) for block in blocks])
    residual_us = mean([block.residual_us(TOTAL) for block in blocks])
    residuals_us = {name: mean([block.residual_us(name) for block in blocks]) for name in _components(blocks)}
    twins, control_twins = [block.twin for block in blocks], [block.control_twin for block in blocks]
    request, control_request = _request(twins), _request(control_twins)
    closes = _closes(extra_us, residual_us)
    return Ledger(
        cell=cell.id,
        control=control.id,
        blocks=len(blocks),
        extra_us=extra_us,
        entries=tuple(_entry(place, blocks) for place in _places([*twins, *control_twins])),
        residual_us=residual_us,
        residuals_us=residuals_us,
        request=request,
        control_request=control_request,
        store_calls=tuple(_store_calls(request)),
        is_judged=extra_us.value >= LEAST_JUDGED_US,
        closes=closes,
        unexplained="" if closes else _unexplained(residuals_us, blocks),
    )


def _closes(extra_us: Estimate, residual_us: Estimate) -> bool:
    """An interval that no second block has narrowed includes everything and so tells nothing."""
    includes_nothing = isfinite(residual_us.high - residual_us.low) and residual_us.low <= 0 <= residual_us.high
    return includes_nothing or abs(residual_us.value) <= CLOSING_RATIO * abs(extra_us.value)


def _components(blocks: Iterable[Block]) -> list[str]:
    return sorted({name for block in blocks for name in (*block.arm, *block.control)} - {TOTAL}, key=_order(COMPONENTS))


def _places(accounts: Iterable[Account]) -> list[Place]:
    """Every part that took any time."""
    found = {place for one in accounts for place, spent in one.parts.items() if spent.us}
    component, name = _order(COMPONENTS), _order(NAMES)
    return sorted(found, key=lambda place: (component(place[0]), name(place[1])))


def _order(known: Sequence[str]) -> Callable[[str], tuple[int, str]]:
    """Those we know as a request meets them, then the others by name."""
    return lambda name: (known.index(name) if name in known else len(known), name)


def _of(kept: Account, place: Place) -> Spent:
    return kept.parts.get(place, NOTHING)


def _entry(place: Place, blocks: Sequence[Block]) -> Entry:
    part, control = (_part(place, kept) for kept in zip(*((one.twin, one.control_twin) for one in blocks), strict=True))
    extra_us = mean([block.entry_us(place) for block in blocks])
    return Entry(*place, extra_us, part.calls, part.call_us, control.calls, control.call_us)


def _part(place: Place, accounts: Sequence[Account]) -> Part:
    spent = [_of(kept, place) for kept in accounts]
    calls = [one.calls for one in spent if one.calls is not None]
    return Part(*place, mean([one.us for one in spent]), mean(calls).value if calls else None)


def _request(accounts: Sequence[Account]) -> Request:
    services = sorted({name for kept in accounts for name in kept.between_us}, key=_order(COMPONENTS))
    between = (Part(name, BETWEEN, mean([kept.between_us[name] for kept in accounts]), None) for name in services)
    return Request(
        parts=(*(_part(place, accounts) for place in _places(accounts)), *between),
        instrumentation_us=mean([kept.instrumentation_us for kept in accounts]),
        total_us=mean([kept.total_us for kept in accounts]),
    )


def _store_calls(request: Request) -> Iterator[StoreCalls]:
    for store in STORES:
        asked = sum(part.calls or 0.0 for part in request.parts if part.name == store)
        counted = next((part.calls for part in request.parts if part.component == store), None)
        if asked or counted:
            yield StoreCalls(store, asked, counted)


def _unexplained(residuals_us: Mapping[str, Estimate], blocks: Sequence[Block]) -> str:
    """Where most of the residual lies; of a service also whether its twins have it outside their spans too."""
    component = max(residuals_us, key=lambda name: abs(residuals_us[name].value))
    us = round(residuals_us[component].value)
    if component not in SERVICES:
        return f"{component}: {us:+d} µs more between the arms than between their twins; its clock tells no parts"
    seen_us = round(mean([block.between_us(component) for block in blocks]).value)
    return f"{component}: {us:+d} µs outside every span (the twins have {seen_us:+d} µs there): {OUTSIDE}"
