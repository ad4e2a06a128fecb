"""An arm as measurement sees it: addresses, visitors, clocks, counters and the processes it is made of."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.measure.cpu import Member
from bench.measure.proof import Address, Counts
from bench.stack.arm import RunningArm
from bench.stack.janitor import look
from loadtests.assignment import USERNAME
from loadtests.plan import ArmPlan
from loadtests.visitor import Visitor


@dataclass(frozen=True, slots=True)
class ArmBench:
    """A running arm that can be proven (`bench.measure.proof.Bench`)."""

    arm: RunningArm
    password: str

    @property
    def plan(self) -> ArmPlan:
        """What runs."""
        return self.arm.plan

    @property
    def address(self) -> Address:
        """Where HAProxy listens."""
        return self.arm.host, self.arm.port

    @property
    def replica_addresses(self) -> tuple[Address, ...]:
        """Where each of those listens who answer the clients of the scheme: BFFs, where it has them."""
        return tuple((self.arm.host, one.port) for one in self.arm.facing)

    def store_commands(self) -> Counts:
        """Server commands per store since the start."""
        return self.arm.store_commands()

    def set_clock_offset(self, offset_s: float) -> None:
        """Move the service clock of every replica and BFF."""
        self.arm.skew(offset_s)

    def visitor(self, number: int) -> Visitor:
        """A visitor that is not logged in."""
        return Visitor(number, self.plan, f"{self.arm.host}:{self.arm.port}", USERNAME.format(number), self.password)

    def members(self) -> tuple[Member, ...]:
        """The processes whose CPU time is this arm's."""
        return tuple(Member(part.component, part.name, part.pid) for part in self.arm.processes())


def identities(members: tuple[Member, ...]) -> Mapping[str, str]:
    """Who each process is, so that one that was replaced is noticed: pid and start time by `component/name`."""
    seen = {member: look(member.pid) for member in members}
    return {f"{member.component}/{member.name}": f"{one.pid}@{one.start}" for member, one in seen.items() if one}
