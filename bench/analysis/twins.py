"""Where a twin's CPU time went: its services by their spans without the reading of clocks, all else by process clocks.

With e what a span sees too much of itself and o what a span adds to the one around it, both taken from spans around
nothing: a span's own time is cpu_ns - calls e - inner o, and all spans together took calls (e + o) to be measured.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bench.analysis.costs import NS_PER_US, TOTAL, cpu_us
from bench.analysis.ledger_model import PROCESS
from bench.analysis.outcomes import succeeded
from loadtests.record import Footer, Record, Span

SERVICES = ("bff", "replicas")
"""The components that keep spans."""
EMPTY, AROUND_EMPTY = "empty", "around-empty"

Place = tuple[str, str]
"""Component and name of a part."""


@dataclass(frozen=True, slots=True)
class Clock:
    """What reading the clock adds in ns: `own_ns` to the span itself, `around_ns` to the one it lies in."""

    own_ns: float
    around_ns: float


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU us and calls per successful request; `calls` None: not counted."""

    us: float
    calls: float | None


@dataclass(frozen=True, slots=True)
class Account:
    """One twin in one block: its parts, and by service what lies `between_us` them; the three sum to `total_us`."""

    parts: Mapping[Place, Spent]
    between_us: Mapping[str, float]
    instrumentation_us: float
    total_us: float


def account(record: Record) -> Account | None:
    """The account of a twin's record; None where a service did not keep one that can be corrected."""
    costs_us, footer = cpu_us(record), record.footer
    if footer is None or not costs_us:
        return None
    requests = sum(map(succeeded, record.samples))
    parts, between_us, instrumentation_us = dict(_processes(costs_us, footer, requests)), {}, 0.0
    for service in (name for name in SERVICES if name in costs_us):
        spans = spans_of(footer, service)
        clock = calibrated(spans)
        if clock is None:
            return None
        own = {(service, name): corrected(span, clock, requests) for name, span in spans.items() if not _is_ours(name)}
        read_us = sum(span.calls for span in spans.values()) * (clock.own_ns + clock.around_ns) / requests / NS_PER_US
        parts |= own
        between_us[service] = costs_us[service] - sum(spent.us for spent in own.values()) - read_us
        instrumentation_us += read_us
    return Account(parts, between_us, instrumentation_us, costs_us[TOTAL])


def spans_of(footer: Footer, service: str) -> dict[str, Span]:
    """The spans of one service by name."""
    split = ((name.partition("/"), span) for name, span in footer.spans.items())
    return {name: span for (component, _, name), span in split if component == service}


def calibrated(spans: Mapping[str, Span]) -> Clock | None:
    """What the spans around nothing tell; None where there are none."""
    empty, around = spans.get(EMPTY), spans.get(AROUND_EMPTY)
    if empty is None or around is None or not empty.calls or not around.calls:
        return None
    own_ns = empty.cpu_ns / empty.calls
    return Clock(own_ns, around.cpu_ns / around.calls - own_ns)


def corrected(span: Span, clock: Clock, requests: int) -> Spent:
    """A span's own time without the clock, per request; below zero where there was nothing but clock."""
    own_ns = span.cpu_ns - span.calls * clock.own_ns - span.inner * clock.around_ns
    return Spent(own_ns / requests / NS_PER_US, span.calls / requests)


def _processes(costs_us: Mapping[str, float], footer: Footer, requests: int) -> Iterator[tuple[Place, Spent]]:
    """The components that keep no spans; a store's calls are the commands it counted."""
    commands = footer.store_commands or {}
    for component, us in costs_us.items():
        if component not in {*SERVICES, TOTAL}:
            counted = commands.get(component)
            yield (component, PROCESS), Spent(us, None if counted is None else sum(counted.values()) / requests)


def _is_ours(name: str) -> bool:
    return name in {EMPTY, AROUND_EMPTY}
