"""What is to be loaded, as values: the one input of the command line, the UI form, a worker and a remote target."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Balancing = Literal["roundrobin", "sticky", "leastconn", "roundrobin-l4", "source", "as-deployed"]
"""`as-deployed`: whatever the load balancer of a remote target does; nobody can choose it."""
Journey = Literal[
    "steady", "browse", "login", "refresh", "write", "relogin", "login-heavy", "refresh-heavy", "logout-heavy",
]  # fmt: skip
Arrivals = Literal["poisson", "constant"]
Purpose = Literal["cpu", "latency"]

BALANCINGS: tuple[Balancing, ...] = ("roundrobin", "sticky", "leastconn", "roundrobin-l4", "source")
JOURNEYS: tuple[Journey, ...] = (
    "steady", "browse", "login", "refresh", "write", "relogin", "login-heavy", "refresh-heavy", "logout-heavy",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class ArmPlan:
    """A cell as it runs inside an experiment, before its rate is known.

    `id` is unique in the experiment and safe in a file name; a scheme entered twice (the A/A pair) ends in `-again`.
    `visitors` log in before timing starts, each as its own user; >= rate x the longest stall to be survived.
    `reconnects`: they open a new connection for every request, as clients without a pool do. They close it after each
    answer and announce nothing, so the bytes on the wire are those of a visitor who stays connected.
    `is_twin`: its services keep account of where their CPU time goes, which takes some itself; so it is the twin of
    another arm, whose total is the one that counts.
    """

    id: str
    scheme: str
    carrier: Literal["cookie", "bearer"]
    replicas: int
    balancing: Balancing
    journey: Journey
    visitors: int
    reconnects: bool = False
    is_twin: bool = False


@dataclass(frozen=True, slots=True)
class SlicePlan:
    """One stretch of load on a block's arms: all at `rate_rps` intended requests per second and arm, for `seconds`.

    `pinned`: servers on one half of the cores and the generator on the other (CPU cells); else the machine is
    shared freely (latency cells).
    """

    purpose: Purpose
    rate_rps: float
    seconds: int
    pinned: bool


@dataclass(frozen=True, slots=True)
class CellPlan:
    """The unit that is measured: one arm at one rate, for one purpose."""

    arm: str
    scheme: str
    carrier: Literal["cookie", "bearer"]
    replicas: int
    balancing: Balancing
    journey: Journey
    visitors: int
    purpose: Purpose
    rate_rps: float
    seconds: int
    pinned: bool
    reconnects: bool = False
    is_twin: bool = False

    @property
    def id(self) -> str:
        """Unique in an experiment, safe in a file name: `redis-session-cookie-1.cpu-40`."""
        return f"{self.arm}.{self.purpose}-{self.rate_rps:g}"


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """All arms of an experiment, to be started afresh and loaded concurrently, slice after slice.

    `seed` draws everything random in the block: arrivals, their dealing to arms, the order of starting.
    """

    index: int
    seed: int
    arms: tuple[ArmPlan, ...]
    slices: tuple[SlicePlan, ...]
    arrivals: Arrivals = "poisson"

    def cells(self, piece: SlicePlan) -> tuple[CellPlan, ...]:
        """The cells of one slice, in the order of `arms`."""
        return tuple(cell(arm, piece) for arm in self.arms)


def cell(arm: ArmPlan, piece: SlicePlan) -> CellPlan:
    """One arm under one slice."""
    return CellPlan(
        arm=arm.id,
        scheme=arm.scheme,
        carrier=arm.carrier,
        replicas=arm.replicas,
        balancing=arm.balancing,
        journey=arm.journey,
        visitors=arm.visitors,
        purpose=piece.purpose,
        rate_rps=piece.rate_rps,
        seconds=piece.seconds,
        pinned=piece.pinned,
        reconnects=arm.reconnects,
        is_twin=arm.is_twin,
    )


def to_json(plan: BlockPlan) -> str:
    """One line of JSON; `from_json` gives the equal plan back."""
    return json.dumps(asdict(plan), separators=(",", ":"))


def from_json(text: str) -> BlockPlan:
    """The plan `to_json` wrote. ValueError, KeyError or TypeError when it is not one."""
    fields: dict[str, Any] = json.loads(text)
    fields["arms"] = tuple(ArmPlan(**arm) for arm in fields["arms"])
    fields["slices"] = tuple(SlicePlan(**piece) for piece in fields["slices"])
    return BlockPlan(**fields)
