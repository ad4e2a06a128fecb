"""Proof of work: before it is timed, an arm must do exactly what its scheme declares and refuse what it must."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from bench.measure import forgery
from bench.measure.client import follow, read_once
from loadtests import visitor as flows
from loadtests.assignment import Target
from loadtests.exchange import Response
from loadtests.plan import ArmPlan
from loadtests.visitor import Visitor
from services.contract import Operations, Step, Traits

CONTROL = "none"
REQUESTS = 12
WARM_REQUESTS = 2
ROUNDS: Mapping[Step, int] = {"verify": 2}
"""A scheme that asks its store only the first time would pass a single one."""
FAR_FUTURE_S = 20 * 365 * 24 * 3600.0
OK, UNAUTHORIZED = 200, 401
LOGIN_LOOKUP: Mapping[str, Mapping[str, int]] = {"postgres": {"select": 1}}
"""The login endpoint looks its user up whatever the scheme."""

Counts = Mapping[str, Mapping[str, int]]
Flow = Callable[[Visitor], flows.Flow]


class Door(Protocol):
    """A running arm as its clients know it."""

    @property
    def plan(self) -> ArmPlan:
        """What runs."""
        ...

    @property
    def address(self) -> Target:
        """Where the load balancer listens."""
        ...

    def visitor(self, number: int) -> Visitor:
        """A visitor that is not logged in."""
        ...


class Bench(Door, Protocol):
    """A running arm of our own: its replicas, clocks and stores are at hand."""

    @property
    def replica_addresses(self) -> tuple[Target, ...]:
        """Where each of those listens who answer the clients of the scheme: BFFs, where it has them."""
        ...

    def store_commands(self) -> Counts:
        """Server commands per store since the start."""
        ...

    def set_clock_offset(self, offset_s: float) -> None:
        """Move the service clock of every replica and BFF."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing held against the running stack: what was claimed, what was found, whether they agree."""

    claim: str
    found: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """Every check of one arm. An arm whose proof does not hold is not timed.

    `untried`: what could not be held against it, each with the reason; of an arm of our own everything can.
    """

    arm: str
    checks: tuple[Check, ...]
    untried: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every check does."""
        return all(check.holds for check in self.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """One line per check that does not hold."""
        return tuple(f"{check.claim}: {check.found}" for check in self.checks if not check.holds)


def prove(bench: Bench, traits: Traits) -> Proof:
    """Hold a running arm to its scheme's traits; takes about a second and leaves the service clocks as they were."""
    checks = [*_work(bench, traits), *_hostile(bench, traits), *_elsewhere(bench, traits)]
    return Proof(bench.plan.id, tuple(checks))


FLOWS: Mapping[Step, Flow] = {
    "issue": flows.log_in,
    "verify": flows.read,
    "renew": flows.refresh,
    "revoke": flows.log_out,
}


def _work(bench: Bench, traits: Traits) -> Iterator[Check]:
    """Count the server commands of every step the scheme has, on one warm replica."""
    crew = [bench.visitor(number) for number in range(REQUESTS)]
    steps = [step for step in FLOWS if step in traits.operations]
    for visitor in crew[:WARM_REQUESTS]:  # opens connections and loads scripts
        for step in steps:
            follow(bench.replica_addresses[0], FLOWS[step](visitor))
    for step in steps:
        yield _count(bench, crew * ROUNDS.get(step, 1), step, traits.operations[step])


def _count(bench: Bench, crew: list[Visitor], step: Step, declared: Operations) -> Check:
    before = bench.store_commands()
    refused = refused_statuses(bench.replica_addresses[0], crew, step)
    counted = difference(before, bench.store_commands())
    expected = expected_commands(declared, step, len(crew))
    claim = f"{len(crew)} x {step} cost {spelled(expected)}"
    if refused:
        return Check(claim, f"found statuses {refused}, expected 2xx", holds=False)
    return Check(claim, f"counted {spelled(counted)}, expected {spelled(expected)}", holds=counted == expected)


def refused_statuses(address: Target, crew: Sequence[Visitor], step: Step) -> list[int]:
    """Let each of `crew` take `step`; the statuses that are no success, each once."""
    statuses = {follow(address, FLOWS[step](visitor)).status for visitor in crew}
    return sorted(status for status in statuses if not OK <= status < 300)  # noqa: PLR2004 - HTTP's successes


def expected_commands(declared: Operations, step: Step, calls: int) -> Counts:
    """What the stores count while `step`, which declares this, is taken `calls` times."""
    total: dict[str, dict[str, int]] = {store: dict(commands) for store, commands in declared.commands.items()}
    if step == "issue":
        for store, commands in LOGIN_LOOKUP.items():
            own = total.setdefault(store, {})
            for command, number in commands.items():
                own[command] = own.get(command, 0) + number
    return {store: {name: number * calls for name, number in commands.items()} for store, commands in total.items()}


def difference(before: Counts, after: Counts) -> Counts:
    """What was counted in between, without zeros."""
    grown = {
        store: {
            name: calls - before.get(store, {}).get(name, 0)
            for name, calls in commands.items()
            if calls != before.get(store, {}).get(name, 0)
        }
        for store, commands in after.items()
    }
    return {store: commands for store, commands in grown.items() if commands}


def spelled(counts: Counts) -> str:
    """`redis getex 24`, or that there is nothing."""
    words = [f"{store} {name} {number}" for store in sorted(counts) for name, number in sorted(counts[store].items())]
    return ", ".join(words) or "no store command"


def _hostile(bench: Bench, traits: Traits) -> Iterator[Check]:
    """A missing, tampered, foreign, expired or revoked credential is refused; the control refuses nobody."""
    address = bench.replica_addresses[0]
    yield from forgeries(bench, address)
    if bench.plan.scheme == CONTROL or not logged_in(bench, address).credential:
        return
    yield answers("an expired credential", _read_expired(bench, address), UNAUTHORIZED)
    yield after_logout(bench, address, traits)


def forgeries(door: Door, address: Target) -> Iterator[Check]:
    """A missing, tampered or foreign credential is refused by whoever answers at `address`."""
    refusal = OK if door.plan.scheme == CONTROL else UNAUTHORIZED
    yield answers("a missing credential", read_once(address, door.visitor(0)), refusal)
    if door.plan.scheme == CONTROL:
        return
    if not logged_in(door, address).credential:  # nothing to forge
        yield Check("a login grants a credential", "granted none, expected one", holds=False)
        return
    yield answers("a tampered credential", _read_forged(door, address, forgery.tampered), UNAUTHORIZED)
    yield answers("a credential of another key", _read_forged(door, address, forgery.foreign), UNAUTHORIZED)


def logged_in(door: Door, address: Target) -> Visitor:
    """It has also read once: what is remembered of a credential must not outlive it."""
    visitor = door.visitor(0)
    follow(address, flows.log_in(visitor))
    read_once(address, visitor)
    return visitor


def _read_forged(door: Door, address: Target, forge: Callable[[str], str]) -> Response:
    visitor = logged_in(door, address)
    visitor.replace_credential(forge(visitor.credential))
    return read_once(address, visitor)


def _read_expired(bench: Bench, address: Target) -> Response:
    visitor = logged_in(bench, address)
    bench.set_clock_offset(FAR_FUTURE_S)
    try:
        return read_once(address, visitor)
    finally:
        bench.set_clock_offset(0.0)


def after_logout(door: Door, address: Target, traits: Traits) -> Check:
    """A revoked credential is refused at once where the traits promise it, else not before it expires."""
    visitor = logged_in(door, address)
    stolen = visitor.credential
    follow(address, flows.log_out(visitor))
    visitor.replace_credential(stolen)
    response = read_once(address, visitor)
    if traits.revoked_within["logout"].seconds == 0:
        return answers("a revoked credential", response, UNAUTHORIZED)
    return answers("a revoked credential, by nature valid until it expires,", response, OK)


def _elsewhere(bench: Bench, traits: Traits) -> Iterator[Check]:
    """A credential issued by one replica works on the next one, or does not, as the traits say."""
    if len(bench.replica_addresses) > 1:
        here, there = bench.replica_addresses[:2]
        response = read_once(there, logged_in(bench, here))
        yield answers("a credential from another replica", response, UNAUTHORIZED if traits.needs_affinity else OK)
    visitor = logged_in(bench, bench.replica_addresses[0])
    if not traits.needs_affinity:
        yield answers("a valid credential through the load balancer", read_once(bench.address, visitor), OK)


def answers(what: str, response: Response, status: int) -> Check:
    """Whether a read was answered as it should be."""
    found = f"answered {response.status} {response.reason}".rstrip()
    return Check(f"{what} is answered {status}", f"{found}, expected {status}", holds=response.status == status)
