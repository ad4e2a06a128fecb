"""What a capacity plan comes to in words: amounts as people write them, the verdict, what is missing and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.analysis.capacity.demand import Demand
from bench.analysis.capacity.values import Crossing, Derived, SchemePlan
from reports import format as figures

UNKNOWN, NOBODY = "-", "nobody"
WHOSE = "{schemes}"
"""Where a command names the scheme it is about."""
BITS_PER_BYTE = 8
SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
SIZES = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))
SPANS = ((86_400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"))
LARGE = 10_000
LITERATURE = (
    ("utilisation and bottleneck laws", "P. J. Denning, J. P. Buzen: Operational analysis of queueing networks, 1978"),
    ("logins alive = logins/s x how long each lives", "J. D. C. Little: A proof for the queuing formula L = λW, 1961"),
    ("waiting times of M/M/c", "M. Harchol-Balter: Performance modeling and design of computer systems, 2013"),
    ("scaling over replicas (USL)", "N. J. Gunther: Guerrilla capacity planning, 2007"),
)  # fmt: skip
"""What is computed with, and where it is from."""


@dataclass(frozen=True, slots=True)
class PlanFacts:
    """Everything told beside the plans. `runs`: ids of those the constants are from, whose `environment` is one."""

    demand: Demand
    runs: tuple[str, ...]
    command: str
    environment: Mapping[str, Any]

    @property
    def run_id(self) -> str:
        """All of them."""
        return ", ".join(self.runs)


def amount(value: float) -> str:
    """`1,230`, from ten thousand on `12.3k`, `10M`."""
    return _scaled(value, SCALES, "") if value >= LARGE else plain(value)


def plain(value: float) -> str:
    """Three significant digits, none after the point that says nothing."""
    return f"{float(f'{value:.3g}'):,.10g}"


def size(value_bytes: float) -> str:
    """`11.6 GiB`."""
    return _scaled(value_bytes, SIZES, f"{figures.SPACE}B", figures.SPACE)


def span(seconds: float) -> str:
    """`30 min`, `14 d`."""
    return _scaled(seconds, SPANS, f"{figures.SPACE}s", figures.SPACE)


def megabits(bytes_per_s: float) -> str:
    """Per second, without its unit."""
    return amount(bytes_per_s * BITS_PER_BYTE / 1e6)


def told(derived: Derived, form: Callable[[float], str] = amount) -> str:
    """A figure, or a dash where it is not known."""
    return UNKNOWN if derived.value is None else form(derived.value)


def hit(derived: Derived) -> str:
    """How many users."""
    return NOBODY if derived.value == 0 else told(derived)


def revoked(derived: Derived) -> str:
    """How long a credential outlives its end."""
    if derived.value is None:
        return derived.reason or UNKNOWN
    return "next request" if derived.value == 0 else span(derived.value)


def bottleneck(plan: SchemePlan) -> str:
    """At how many users something ends first, and what."""
    first = plan.first_bottleneck
    return UNKNOWN if first is None else f"{crossing_users(first)}: {first.resource}"


def crossing_users(crossing: Crossing) -> str:
    """`42M users`."""
    return f"{told(crossing.users)} users"


def asked(demand: Demand) -> str:
    """The user's numbers in a sentence."""
    return (
        f"{amount(demand.users)} users, {_percent(demand.active_ratio)} of them active at any time with "
        f"{plain(demand.requests_per_minute)} requests a minute each, "
        f"{_percent(demand.write_ratio)} of these writes; access tokens live {span(demand.access_ttl_s)}, "
        f"refresh tokens {span(demand.refresh_ttl_s)}, sessions {span(demand.session_ttl_s)}; replicas of "
        f"{figures.plural(demand.replica_cores, 'core')}, p99 within {demand.slo_p99_ms:g} ms, "
        f"{demand.store_rtt_ms:g} ms to a store."
    )


def verdict(plans: Sequence[SchemePlan]) -> str:
    """Who needs the fewest cores and who the most."""
    known = sorted((plan.total_cores.value, plan.scheme) for plan in plans if plan.total_cores.value is not None)
    if not known:
        return "For no scheme is enough measured to say how many cores it needs; below is what is missing."
    (least, lowest), *_, (most, highest) = [*known, known[-1]]
    if lowest == highest:
        return f"{amount(least)} cores for {lowest}."
    return f"Fewest cores: {amount(least)} for {lowest}. Most: {amount(most)} for {highest}."


def missing(plans: Sequence[SchemePlan]) -> Iterator[str]:
    """Each reason why a figure is not known, once, with whose it is."""
    reasons = ((plan.scheme, [one.reason for one in _needed(plan) if one.value is None]) for plan in plans)
    for reason, schemes in _owners(reasons):
        yield f"{', '.join(schemes)}: {reason}"


def notes(plans: Sequence[SchemePlan]) -> Iterator[str]:
    """Each note once, with whose it is."""
    for note, schemes in _owners((plan.scheme, plan.notes) for plan in plans):
        yield note if len(schemes) == len(plans) else f"{', '.join(schemes)}: {note}"


def _owners(told: Iterable[tuple[str, Iterable[str]]]) -> Iterator[tuple[str, list[str]]]:
    """Each line once, with the schemes it is about; one command to run for all of them."""
    owners: dict[str, list[str]] = {}
    for scheme, lines in told:
        for line in dict.fromkeys(lines):
            owners.setdefault(line.replace(f" {scheme}`", f" {WHOSE}`"), []).append(scheme)
    for line, schemes in owners.items():
        yield line.replace(WHOSE, " ".join(schemes)), schemes


def _percent(ratio: float) -> str:
    return f"{plain(100 * ratio)}{figures.SPACE}%"


def _needed(plan: SchemePlan) -> tuple[Derived, ...]:
    """What the table tells, but for the bounds, which say themselves why there is none."""
    return (
        plan.replicas, plan.total_cores, plan.redis_operations_per_s, plan.postgres_operations_per_s,
        plan.postgres_refreshes_per_s, plan.down_bytes_per_s, plan.up_bytes_per_s, plan.logins_per_s,
        *plan.login_bytes.values(), plan.users_per_replica_failure, *plan.users_per_store_failure.values(),
    )  # fmt: skip


def _scaled(value: float, scales: Sequence[tuple[float, str]], smallest: str, gap: str = "") -> str:
    for factor, unit in scales:
        if abs(value) >= factor:
            return f"{plain(value / factor)}{gap}{unit}"
    return f"{plain(value)}{smallest}"
