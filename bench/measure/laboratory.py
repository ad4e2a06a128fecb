"""An arm as measurement sees it: addresses, visitors, clocks, counters and the processes it is made of."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from psycopg import OperationalError
from redis.exceptions import RedisError

from bench.measure.cpu import Member, account
from bench.measure.proof import Counts, difference
from bench.measure.verdict import UNPROVEN
from bench.stack.arm import RunningArm
from bench.stack.janitor import look
from loadtests.assignment import USERNAME, Target
from loadtests.plan import ArmPlan
from loadtests.record import Resource, Sample, Span
from loadtests.visitor import Visitor

POSTGRES = "postgres"

UNSEEN = (
    "at layer 4 the load balancer sees connections, not the requests in them, so nothing counts along with the client; "
    "measure with another balancing to have it proven"
)

UNREADABLE = (OSError, OperationalError, RedisError)
"""What asking a server that died raises."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Everything that can be read of an arm at one instant; None for what did not tell.

    `processes`: who each one is. `requests`: what passed the load balancer. `spans`: of a twin, since its start.
    """

    processes: Mapping[str, str]
    resources: tuple[Resource, ...]
    commands: Counts | None
    requests: int | None
    spans: Mapping[str, Span] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """What one arm's visitors did in a slice."""

    arm: ArmPlan
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class Work:
    """What the stores counted for an arm in a slice, None where it cannot be told.

    `doubt`: why nothing shows that the scheme did its work, as long as no load balancer counts along; "": it is shown.
    `spans`: what a twin's services spent on what.
    """

    commands: Counts | None
    doubt: str
    spans: Mapping[str, Span] = field(default_factory=dict)


def grown(before: Reading, after: Reading) -> Counts | None:
    """What the stores counted in between; None where they did not tell."""
    if before.commands is None or after.commands is None:
        return None
    return difference(before.commands, after.commands)


def spent(before: Reading, after: Reading) -> Mapping[str, Span]:
    """What the services of a twin spent in between; those spans that were never opened then are left out."""
    return {
        name: Span(now.calls - then.calls, now.cpu_ns - then.cpu_ns, now.inner - then.inner)
        for name, now in after.spans.items()
        if now.calls > (then := before.spans.get(name, Span(0, 0, 0))).calls
    }


@dataclass(frozen=True, slots=True)
class ArmBench:
    """A running arm that can be proven (`bench.measure.proof.Bench`) and loaded (`bench.measure.piece.Subject`)."""

    arm: RunningArm
    password: str

    @property
    def plan(self) -> ArmPlan:
        """What runs."""
        return self.arm.plan

    @property
    def shares_machine(self) -> bool:
        """All of its processes run here."""
        return True

    @property
    def address(self) -> Target:
        """Where HAProxy listens."""
        return Target(self.arm.host, self.arm.port)

    @property
    def replica_addresses(self) -> tuple[Target, ...]:
        """Where each of those listens who answer the clients of the scheme: BFFs, where it has them."""
        return tuple(Target(self.arm.host, one.port) for one in self.arm.facing)

    def store_commands(self) -> Counts:
        """Server commands per store since the start."""
        return self.arm.store_commands()

    def set_clock_offset(self, offset_s: float) -> None:
        """Move the service clock of every replica and BFF."""
        self.arm.skew(offset_s)

    def visitor(self, number: int) -> Visitor:
        """A visitor that is not logged in."""
        return Visitor(number, self.plan, self.address.authority, USERNAME.format(number), self.password)

    def members(self) -> tuple[Member, ...]:
        """The processes whose CPU time is this arm's."""
        return tuple(Member(part.component, part.name, part.pid) for part in self.arm.processes())

    def pids(self) -> Sequence[int]:
        """The processes that can be kept apart from the generator."""
        return [member.pid for member in self.members()]

    def read(self) -> Reading:
        """A server that died tells nothing more; the verdict finds it missing."""
        members = self.members()
        processes, resources = identities(members), account(members)
        commands = requests = None
        with suppress(*UNREADABLE):
            commands = self.store_commands()
        with suppress(*UNREADABLE):
            requests = _requests(self.arm)
        return Reading(processes, resources, commands, requests, self.arm.spans())

    def account_polling(self) -> tuple[Resource, ...]:
        """An account of what wakes up by itself.

        A PostgreSQL backend does not: all it does after the visitors' login is to hand in its statistics once, which
        would be taken for a habit.
        """
        return account(member for member in self.members() if member.component != POSTGRES)

    def work(self, before: Reading, after: Reading, _loads: Sequence[Load]) -> Work:
        """Its stores are its own, and its load balancer counts along where it sees requests."""
        doubt = UNSEEN if self.plan.balancing == "roundrobin-l4" else UNPROVEN
        return Work(grown(before, after), doubt, spent(before, after))


def _requests(arm: RunningArm) -> int | None:
    """What passed the load balancer: at layer 4 connections, each of them one request of a visitor who reconnects."""
    if arm.plan.balancing == "roundrobin-l4" and arm.plan.reconnects:
        return sum(arm.haproxy.requests_per_server().values())
    return arm.haproxy.requests()


def identities(members: tuple[Member, ...]) -> Mapping[str, str]:
    """Who each process is, so that one that was replaced is noticed: pid and start time by `component/name`."""
    seen = {member: look(member.pid) for member in members}
    return {f"{member.component}/{member.name}": f"{one.pid}@{one.start}" for member, one in seen.items() if one}
