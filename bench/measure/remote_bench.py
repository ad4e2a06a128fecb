"""An arm of a target as measurement sees it: a door, visitors, and whatever counters could be reached."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import psycopg
from redis.exceptions import RedisError

from bench.analysis.outcomes import succeeded
from bench.measure.laboratory import Load, Reading, Work, grown
from bench.measure.proof import Counts, expected_commands, spelled
from bench.measure.remote import Site
from bench.measure.remote_metrics import Service
from loadtests.assignment import USERNAME, Target
from loadtests.plan import ArmPlan
from loadtests.record import Resource, StepName
from loadtests.visitor import Visitor
from services.contract import SchemeSpec, Step

STEPS: Mapping[StepName, Step] = {
    "login": "issue",
    "read": "verify",
    "write": "verify",
    "refresh": "renew",
    "logout": "revoke",
}
STRAY = 10
STRAY_RATIO = 0.1
"""So many commands more than declared are housekeeping: an expired row, a use that was written down."""

UNCOUNTED = (
    "no counters of the target's stores could be read, so nothing shows that the schemes did their work; name them "
    "with --target-redis and --target-database"
)
UNREADABLE = (OSError, ValueError, RedisError, psycopg.Error)


@dataclass(frozen=True, slots=True)
class RemoteBench:
    """One arm of a target (`bench.measure.proof.Door`, `bench.measure.piece.Subject`).

    `alone`: no other arm is loaded meanwhile, so what the target consumes and its stores count is this arm's. `doubt`:
    what its proof left open.
    """

    site: Site
    catalogue: Mapping[str, SchemeSpec]
    plan: ArmPlan
    first_user: int
    alone: bool = False
    doubt: str = ""

    @property
    def address(self) -> Target:
        """Where the load balancer listens."""
        return replace(self.site.door, first_user=self.first_user)

    @property
    def front(self) -> str:
        """Who answers its clients."""
        return self.catalogue[self.plan.scheme].front

    @property
    def shares_machine(self) -> bool:
        """Who knows; its processes are not ours to see."""
        return False

    def visitor(self, number: int) -> Visitor:
        """A visitor that is not logged in, of this arm's own users."""
        name = USERNAME.format(self.first_user + number)
        return Visitor(number, self.plan, self.address.authority, name, self.site.password)

    def pids(self) -> Sequence[int]:
        """None of them is ours to place."""
        return ()

    def store_commands(self) -> Counts | None:
        """What both stores counted since they began to; None where they do not tell."""
        try:
            return self.site.stores.commands() if self.site.stores else None
        except UNREADABLE:
            return None

    def read(self) -> Reading:
        """A service that is gone is missing from it, and the verdict notices."""
        services = self._services()
        return Reading(
            processes={service.name: service.born for service in services},
            resources=self._accounted(services),
            commands=self.store_commands(),
            requests=None,
        )

    def account_polling(self) -> tuple[Resource, ...]:
        """An account of the services, for they are all that can be seen."""
        return self._accounted(self._services())

    def work(self, before: Reading, after: Reading, loads: Sequence[Load]) -> Work:
        """The stores are everybody's: what they counted must be what all arms together declare."""
        counted = grown(before, after)
        doubt = UNCOUNTED if counted is None else _discrepancy(counted, declared(loads, self.catalogue))
        return Work(counted if self.alone else None, self.doubt or doubt)

    def _services(self) -> tuple[Service, ...]:
        """Those that work for the clients of the scheme."""
        fronts = {"api", self.front}
        services = self.site.metrics.services() if self.site.metrics else ()
        return tuple(service for service in services if service.front in fronts)

    def _accounted(self, services: Sequence[Service]) -> tuple[Resource, ...]:
        metrics = self.site.metrics
        return tuple(metrics.resource(service) for service in services) if metrics and self.alone else ()


def declared(loads: Sequence[Load], catalogue: Mapping[str, SchemeSpec]) -> Counts:
    """What the stores must have counted for the requests of all arms that succeeded."""
    total: dict[str, Counter[str]] = {}
    for load in loads:
        operations = catalogue[load.arm.scheme].traits.operations
        calls = Counter(STEPS[sample.step] for sample in load.samples if succeeded(sample))
        for step, number in calls.items():
            for store, commands in expected_commands(operations[step], step, number).items():
                total.setdefault(store, Counter()).update(commands)
    return total


def _discrepancy(counted: Counts, expected: Counts) -> str:
    """Empty while each store counted what was declared, and hardly more."""
    if all(_agrees(counted.get(store, {}), expected.get(store, {})) for store in {*counted, *expected}):
        return ""
    return (
        f"the target's stores counted {spelled(counted)}, expected {spelled(expected)}: somebody else used them, or "
        "a scheme does not do what it declares; leave the target to this run alone"
    )


def _agrees(counted: Mapping[str, int], expected: Mapping[str, int]) -> bool:
    missing = any(counted.get(name, 0) < number for name, number in expected.items())
    stray = sum(counted.values()) - sum(expected.values())
    return not missing and stray <= max(STRAY, STRAY_RATIO * sum(expected.values()))
