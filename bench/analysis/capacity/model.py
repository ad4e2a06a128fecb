"""The constants a plan is computed from, the demand it is computed for, and what it comes to, as values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bench.analysis.capacity.cooling import Cooling
from services.contract import Carrier, Event, Store

Step = Literal["read", "write", "login", "relogin", "refresh"]
"""What one request of a user is; `relogin` is a logout and the login after it, two requests."""


@dataclass(frozen=True, slots=True)
class Constant:
    """One measured figure. `source`: the run and the cell it came from, in words a reader finds it by."""

    value: float
    source: str


@dataclass(frozen=True, slots=True)
class StepCost:
    """What one step costs.

    `cpu_us`: CPU microseconds by component (haproxy, bff, replicas, redis, postgres, helpers). `operations`: server
    commands by store. Bytes are HTTP bytes. `rate_rps`: the rate it was measured at, as cost falls with rate; how it
    falls says `cooling`, by component, where enough rates were measured.
    """

    cpu_us: Mapping[str, Constant]
    operations: Mapping[Store, Constant]
    bytes_up: Constant
    bytes_down: Constant
    rate_rps: float
    cooling: Mapping[str, Cooling] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MaxRateConstant:
    """The highest rate that met an SLO, and what it met it on.

    `server_cores`: those all servers of the arm shared. `journey_steps`: the share of each step in its requests.
    """

    rate_rps: Constant
    slo_p99_ms: float
    replicas: int
    server_cores: int
    journey_steps: Mapping[Step, float]


@dataclass(frozen=True, slots=True)
class SchemeConstants:
    """Everything measured about one scheme; what was not measured is absent, never zero."""

    scheme: str
    carrier: Carrier
    stores: tuple[Store, ...]
    needs_affinity: bool
    can_renew: bool
    revoked_within_s: Mapping[Event, float | None]
    """None: not before the credential expires by itself."""
    steps: Mapping[Step, StepCost]
    max_rate: MaxRateConstant | None = None
    session_bytes: Mapping[Store, Constant] = field(default_factory=dict)
    """Store memory a live session takes."""
    password_hash_ms: Constant | None = None
    """One password hash at the OWASP floor; None: not measured."""
