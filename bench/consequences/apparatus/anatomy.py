"""What one running scheme consists of: processes, stores, round trips, hops, a client's steps and lines of code."""

import csv
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from bench.consequences.apparatus import client_trip, scheme_code
from bench.consequences.apparatus.agents import UNAUTHORIZED, Entrance
from bench.consequences.apparatus.client_trip import Trip
from bench.measure.client import follow, read_once
from bench.measure.laboratory import POSTGRES, ArmBench
from bench.measure.proof import FLOWS, Counts, difference, expected_commands, logged_in, refused_statuses, spelled
from bench.stack.arm import RunningArm
from bench.stack.haproxy_config import UPSTREAM
from loadtests.assignment import USERNAME
from loadtests.visitor import Visitor
from services.contract import Grant, Operations, Scheme, SchemeSpec, Step
from services.counting import RoundTrips
from services.parts import open_parts
from services.settings import Settings
from services.users import User

CALLS = 3
WARM_CALLS = 2


@dataclass(frozen=True, slots=True)
class Anatomy:
    """`processes`: PostgreSQL, whose backends are its connections, is one. `round_trips` to stores, of each step.

    `hops`: requests that one read causes behind whoever answers it. `needed_lines`: of all modules that run for it and
    not for every scheme. `faults`: what was found otherwise than declared.
    """

    processes: int
    stores: frozenset[str]
    round_trips: Mapping[Step, int]
    hops: float
    trip: Trip
    own_lines: int
    needed_lines: int
    faults: tuple[str, ...]


def dissect(entrance: Entrance, control: SchemeSpec) -> Anatomy:
    """Count everything; nobody else may use the arm meanwhile."""
    spec, settings = entrance.spec, _settings(entrance)
    round_trips = dict(_round_trips(spec, settings))
    work = _Work(ArmBench(entrance.arm, entrance.lab.password), spec)
    work.count()
    trip = client_trip.make(entrance)
    faults = [*work.faults, *_otherwise(spec, round_trips)]
    if not trip.is_done:
        faults.append("the client was refused although it did all that it can; look at the record")
    needed = scheme_code.modules(spec, settings) - scheme_code.modules(control, settings)
    return Anatomy(
        processes=_processes(entrance.arm),
        stores=frozenset(work.stores),
        round_trips=round_trips,
        hops=work.hops,
        trip=trip,
        own_lines=scheme_code.lines(spec.build.__module__),
        needed_lines=sum(map(scheme_code.lines, needed)),
        faults=tuple(faults),
    )


def _processes(arm: RunningArm) -> int:
    counted = Counter(part.component for part in arm.processes())
    return counted.total() - counted[POSTGRES] + 1


@dataclass(slots=True)
class _Work:
    """What stores and load balancer count while clients take every step of a scheme at one replica."""

    bench: ArmBench
    spec: SchemeSpec
    stores: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    hops: float = 0.0

    def count(self) -> None:
        """Every step, on warm connections; then whether another replica knows the login as well."""
        crew = [self.bench.visitor(number) for number in range(CALLS)]
        operations = self.spec.traits.operations
        steps = [step for step in FLOWS if step in operations]
        for visitor in crew[:WARM_CALLS]:
            for step in steps:
                follow(self.bench.replica_addresses[0], FLOWS[step](visitor))
        for step in steps:
            before = _passed_on(self.bench.arm)
            self._compare(step, operations[step], crew)
            if step == "verify":
                self.hops = (_passed_on(self.bench.arm) - before) / CALLS
        here, there = self.bench.replica_addresses[:2]
        if read_once(there, logged_in(self.bench, here)).status == UNAUTHORIZED:
            self.stores.add("memory")

    def _compare(self, step: Step, declared: Operations, crew: list[Visitor]) -> None:
        before = self.bench.store_commands()
        if refused := refused_statuses(self.bench.replica_addresses[0], crew, step):
            self.faults.append(f"{step}: found statuses {refused}, expected 2xx; look at the logs of the run")
        counted = difference(before, self.bench.store_commands())
        expected = expected_commands(declared, step, CALLS)
        if counted != expected:
            found = f"{CALLS} x {step} cost {spelled(counted)}, expected {spelled(expected)}"
            self.faults.append(f"{found}; correct the traits of the scheme or what it does")
        self.stores.update(_beyond_login(counted, step))


def _beyond_login(counted: Counts, step: Step) -> Iterator[str]:
    """Stores that were asked more than who logs in."""
    yield from difference(expected_commands(Operations(), step, CALLS), counted)


def _passed_on(arm: RunningArm) -> int:
    """Requests that BFFs have sent to the API."""
    rows = csv.DictReader(arm.haproxy.command("show stat").removeprefix("# ").splitlines())
    return sum(int(row["req_tot"]) for row in rows if (row["pxname"], row["svname"]) == (UPSTREAM, "FRONTEND"))


def _settings(entrance: Entrance) -> Settings:
    """Those under which a scheme in this process uses the stores of the arm, always on the same connection."""
    arm, settings = entrance.arm, entrance.lab.settings
    settings = replace(settings, database_url=arm.cluster.url(arm.database), database_pool=1, redis_pool=1)
    settings = replace(settings, helpers=tuple(helper.address for helper in arm.helpers))
    if arm.valkey is None:
        return settings
    return replace(settings, redis_url=arm.valkey.url, redis_password_file=arm.valkey.password_file)


def _round_trips(spec: SchemeSpec, settings: Settings) -> Iterator[tuple[Step, int]]:
    """Of each step, as the clients of the stores count them while the scheme itself is called."""
    tally: Counter[str] = Counter()
    counting = RoundTrips(redis=lambda: tally.update(["redis"]), postgres=lambda: tally.update(["postgres"]))
    with closing(open_parts(settings, round_trips=counting)) as parts:
        user = parts.users.by_name(USERNAME.format(0))
        if user is None:
            message = "found no user to log in, expected a seeded one"
            raise LookupError(message)
        scheme = spec.build(parts)
        for _ in _lived(scheme, user, spec):  # opens connections and loads scripts
            tally.clear()
        before = 0
        for step in _lived(scheme, user, spec):
            yield step, tally.total() - before
            before = tally.total()


def _lived(scheme: Scheme, user: User, spec: SchemeSpec) -> Iterator[Step]:
    """One login from its beginning to its end; each step, when it is done."""
    grant: Grant = scheme.issue(user)
    yield "issue"
    scheme.verify(grant.credential)
    yield "verify"
    if spec.traits.can_renew:
        grant = scheme.renew(grant.refresh_credential or "")
        yield "renew"
    scheme.revoke(grant.credential, grant.refresh_credential)
    yield "revoke"


def _otherwise(spec: SchemeSpec, counted: Mapping[Step, int]) -> Iterator[str]:
    for step, number in counted.items():
        declared = sum(spec.traits.operations[step].round_trips.values())
        if number != declared:
            found = f"one {step} takes {number} round trips, expected {declared}"
            yield f"{found}; correct the traits of the scheme or what it does"
