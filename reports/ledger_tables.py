"""Ledgers as tables: on a terminal of 80 columns what closes, on the page every part with its calls as well."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Literal

from rich.table import Table

from bench.analysis.ledger_model import PROCESS, Entry, Request
from bench.analysis.model import Estimate, Summary
from reports import format as figures
from reports.ledger_words import (
    CLOSES,
    MEANINGS,
    OPEN,
    UNJUDGED,
    Group,
    Told,
    added_us,
    by_kind,
    groups,
    residual,
)
from reports.tables import Line, Section, TableView

HEADING = (
    "Where the extra CPU goes, in us per request: explained is what the services of\n"
    "twins keep account of; ± half the 95 % interval."
)
STATES = {CLOSES: "yes", OPEN: "no", UNJUDGED: "not judged"}
NONE = "-"
EVERYTHING = ("reading the clock", "total")


def printed(summary: Summary) -> Table | None:
    """A line a cell that is judged; None where none is."""
    told = [one for group in groups(summary) for one in group.members if one.state != UNJUDGED]
    if not told:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("scheme", overflow="fold")
    for name in ("n", "requests/s", "extra", "explained", "residual"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("closes", no_wrap=True)
    for one in told:
        table.add_row(*_printed(one), style="yellow" if one.state == OPEN else "")
    return table


def _printed(one: Told) -> Iterator[str]:
    extra, left = one.ledger.extra_us, one.ledger.residual_us
    yield one.label
    yield str(one.plan.replicas)
    yield f"{one.plan.rate_rps:g}"
    yield _halved(extra, extra.value)
    yield figures.signed(one.ledger.explained_us, scale=extra.value)
    yield _halved(left, extra.value)
    yield STATES[one.state]


def _halved(estimate: Estimate, scale: float) -> str:
    """`+212 ±18`; the figure alone where one block has no interval."""
    half = f"±{figures.number(figures.half_width(estimate), scale=scale)}" if figures.has_interval(estimate) else ""
    return f"{figures.signed(estimate.value, scale=scale)}{figures.SPACE}{half}".rstrip(figures.SPACE)


def closing(summary: Summary) -> TableView:
    """What each cell costs more than its control, and how much of it is explained."""
    caption = (
        "CPU per successful request more than the control, what the entries of the ledger come to, and what they leave "
        f"unexplained; 95{figures.SPACE}% intervals over blocks in parentheses."
    )
    return _by_group(summary, caption, ("extra", "explained", "unexplained", "closes"), _closed)


def added(summary: Summary) -> TableView:
    """What each cell adds to the control, by kind of work: the plot as a table."""
    kinds = _kinds(added_us(one.ledger) for group in groups(summary) for one in group.members)

    def lines(group: Group) -> Iterator[Line]:
        for one in group.members:
            entries = added_us(one.ledger)
            cells = (*(_signed(entries.get(name)) for name in kinds), _signed(one.ledger.residual_us.value))
            yield Line(one.label, (*cells, _signed(one.ledger.extra_us.value)), _tone(one))

    caption = "What each scheme adds to a request of the control, in µs per successful request, by kind of work."
    return _by_group(summary, caption, (*kinds, "unexplained", "extra"), lines)


def whole(summary: Summary) -> TableView:
    """Where all of a request's CPU goes, of the control and of each scheme."""
    requests = [one.ledger.request for group in groups(summary) for one in group.members]
    controls = [one.ledger.control_request for group in groups(summary) for one in group.members]
    kinds = _kinds(map(_us_by_kind, (*requests, *controls)))

    def lines(group: Group) -> Iterator[Line]:
        yield Line("the control", _whole(group.members[0].ledger.control_request, kinds), "control")
        for one in group.members:
            yield Line(one.label, _whole(one.ledger.request, kinds))

    caption = (
        "Where the CPU of one successful request goes, in µs, in the twins that keep account of it. That takes CPU "
        "too, so these totals are not the ones to compare."
    )
    return _by_group(summary, caption, (*kinds, *EVERYTHING), lines)


def entries(summary: Summary) -> TableView:
    """Every entry: calls per request times the CPU of a call, less the same in the control."""
    head = ("adds", "calls per request", "µs per call", "calls in the control", "µs per call there")
    sections = tuple(
        Section(f"{one.label}, {group.title}", tuple(map(_entry, one.ledger.entries)))
        for group in groups(summary)
        for one in group.members
    )
    caption = (
        "Every entry of every ledger. Calls of a service's part are those its spans counted, calls of a store are the "
        "commands it counted itself; a process whose calls nobody counts has none."
    )
    return TableView(caption, "part", head, sections)


def meanings(summary: Summary) -> tuple[tuple[str, str], ...]:
    """Each kind of work that occurs, and what it is."""
    members = [one.ledger for group in groups(summary) for one in group.members]
    seen = _kinds(_us_by_kind(request) for one in members for request in (one.request, one.control_request))
    return tuple((name, MEANINGS[name]) for name in seen)


def _by_group(
    summary: Summary, caption: str, head: tuple[str, ...], lines: Callable[[Group], Iterator[Line]]
) -> TableView:
    sections = tuple(Section(group.title, tuple(lines(group))) for group in groups(summary))
    return TableView(caption, "scheme", head, sections)


def _closed(group: Group) -> Iterator[Line]:
    for one in group.members:
        extra = figures.signed_interval(one.ledger.extra_us, "µs")
        explained = f"{_signed(one.ledger.explained_us)}{figures.SPACE}µs"
        yield Line(one.label, (extra, explained, residual(one.ledger), STATES[one.state]), _tone(one))


def _tone(one: Told) -> Literal["", "muted"]:
    return "muted" if one.state == UNJUDGED else ""


def _kinds(found: Iterable[Mapping[str, float]]) -> list[str]:
    seen = {name for each in found for name in each}
    return [name for name in MEANINGS if name in seen]


def _us_by_kind(request: Request) -> Mapping[str, float]:
    return by_kind((part, part.us.value) for part in request.parts)


def _whole(request: Request, kinds: Sequence[str]) -> tuple[str, ...]:
    us = _us_by_kind(request)
    found = (*(us.get(name) for name in kinds), request.instrumentation_us.value, request.total_us.value)
    return tuple(NONE if each is None else figures.number(each) for each in found)


def _entry(entry: Entry) -> Line:
    name = entry.component if entry.name == PROCESS else f"{entry.component} {entry.name}"
    counted = (entry.calls, entry.call_us, entry.control_calls, entry.control_call_us)
    cells = (NONE if each is None else figures.number(each) for each in counted)
    return Line(name, (figures.signed_interval(entry.extra_us, "µs"), *cells))


def _signed(us: float | None) -> str:
    return NONE if us is None else figures.signed(us)
