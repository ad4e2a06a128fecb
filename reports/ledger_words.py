"""What ledgers come to in words: whose they are, how many close, and where the unexplained lies in all others."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from bench.analysis.ledger_model import BETWEEN, CLOSING_RATIO, LEAST_JUDGED_US, PROCESS, Entry, Ledger, Part
from bench.analysis.model import Summary
from loadtests.plan import CellPlan
from reports import format as figures
from reports.rows import labels

CLOSES, OPEN, UNJUDGED = "closes", "does not close", "too small to judge"
STORE_CLIENT, STORE_SERVER, OTHER = "store client", "store server", "other"
SPANS = {
    "dispatch": "dispatch",
    "server": "server",
    "framework": "framework",
    "carrier": "carrier",
    "verify": "verify",
    "signature": "signature",
    "redis": STORE_CLIENT,
    "postgres": STORE_CLIENT,
    "upstream": "upstream",
    BETWEEN: BETWEEN,
}
PROCESSES = {"haproxy": "haproxy", "redis": STORE_SERVER, "postgres": STORE_SERVER, "helpers": "helpers"}
MEANINGS = {
    "haproxy": "the load balancer",
    "dispatch": "gunicorn accepting connections and handing requests to a thread",
    "server": "gunicorn reading and writing HTTP",
    "framework": "Falcon and the endpoint",
    "carrier": "reading the credential from HTTP, writing it there",
    "verify": "the scheme itself: checks and what it looks up in memory",
    "signature": "signing and verifying tokens",
    STORE_CLIENT: "a round trip to a store, on the client's side",
    STORE_SERVER: "the same on the server's side",
    "upstream": "a BFF's request to the API",
    "helpers": "services a plugin needs",
    BETWEEN: "the services' CPU outside all of these: master, thread pool, switching between threads",
    OTHER: "what was not foreseen",
}
"""The kinds of work in a request, in its order."""


@dataclass(frozen=True, slots=True)
class Told:
    """One ledger, whose it is and what it is called."""

    ledger: Ledger
    plan: CellPlan
    label: str

    @property
    def has_bff(self) -> bool:
        """Whether a second service stands before the API, which costs more than all else."""
        return any(entry.component == "bff" for entry in self.ledger.entries)

    @property
    def state(self) -> str:
        """In a word or three."""
        if not self.ledger.is_judged:
            return UNJUDGED
        return CLOSES if self.ledger.closes else OPEN


@dataclass(frozen=True, slots=True)
class Group:
    """Ledgers that share rate and replicas, the smallest extra first."""

    rate_rps: float
    replicas: int
    members: tuple[Told, ...]

    @property
    def title(self) -> str:
        """`1 replica, 10 requests/s`."""
        return f"{figures.plural(self.replicas, 'replica')}, {self.rate_rps:g} requests/s"


def groups(summary: Summary) -> tuple[Group, ...]:
    """Every ledger that may be told: those of INVALID cells and of INVALID controls may not."""
    names = labels(summary.cells)
    plans = {cell.id: cell.cell for cell in summary.cells if cell.verdict.status != "INVALID"}
    told = (
        Told(ledger, plans[ledger.cell], names[plans[ledger.cell].arm])
        for ledger in summary.ledgers
        if {ledger.cell, ledger.control} <= plans.keys()
    )
    ordered = sorted(told, key=_reading_order)
    return tuple(
        Group(rate_rps, replicas, tuple(members))
        for (rate_rps, replicas), members in groupby(ordered, key=lambda one: (one.plan.rate_rps, one.plan.replicas))
    )


def _reading_order(one: Told) -> tuple[float, int, float, str]:
    return one.plan.rate_rps, one.plan.replicas, one.ledger.extra_us.value, one.plan.id


def kind(piece: Part | Entry) -> str:
    """What kind of work it is: one of MEANINGS."""
    known = PROCESSES.get(piece.component) if piece.name == PROCESS else SPANS.get(piece.name)
    return known or OTHER


def by_kind(pieces: Iterable[tuple[Part | Entry, float]]) -> dict[str, float]:
    """Sums of the values, in the order of MEANINGS; kinds that nothing belongs to are left out."""
    sums: dict[str, float] = {}
    for piece, us in pieces:
        sums[kind(piece)] = sums.get(kind(piece), 0.0) + us
    return {name: sums[name] for name in MEANINGS if name in sums}


def added_us(ledger: Ledger) -> Mapping[str, float]:
    """What the scheme adds, by kind of work."""
    return by_kind((entry, entry.extra_us.value) for entry in ledger.entries)


def sentences(summary: Summary) -> tuple[str, ...]:
    """How many ledgers close, then each that does not and each whose calls a store does not confirm; () without any."""
    told = [(group, one) for group in groups(summary) for one in group.members]
    if not told:
        return ()
    doubts = (line for group, one in told for line in _doubts(one, f"{one.label} at {group.title}"))
    return (_closing_line([one for _, one in told]), *doubts)


def _closing_line(told: list[Told]) -> str:
    states = [one.state for one in told]
    judged = len(states) - states.count(UNJUDGED)
    least = f"{LEAST_JUDGED_US:g}{figures.SPACE}µs"
    if not judged:
        return f"No scheme adds {least}, so no ledger is judged."
    return (
        f"The ledger closes for {states.count(CLOSES)} of {figures.plural(judged, 'cell')} that cost at least {least} "
        "more than their control: the residual's interval includes 0, or the residual is at most "
        f"{figures.percent(CLOSING_RATIO, decimals=0)} of the extra."
    )


def _doubts(one: Told, name: str) -> Iterator[str]:
    if one.state == OPEN:
        yield f"{name} {OPEN}: {residual(one.ledger)} unexplained. {one.ledger.unexplained}."
    for calls in one.ledger.store_calls:
        if not calls.agree:
            yield (
                f"{name}: {figures.number(calls.asked)} round trips to {calls.store} a request, which counted "
                f"{figures.number(calls.counted or 0.0)} commands."
            )


def residual(ledger: Ledger) -> str:
    """The residual with its interval."""
    return figures.signed_interval(ledger.residual_us, "µs")
