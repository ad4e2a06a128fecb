"""What is asked of a deployment, and the rates that follow from it: pure arithmetic, or one line on what is wrong."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from bench.analysis.capacity.model import SchemeConstants

Lifetime = Literal["nothing", "token", "sliding", "session", "refresh", "bff"]
"""What a login is good for: until its token, its session or its family of refresh tokens ends."""

LIFETIMES: Mapping[str, Lifetime] = {
    "none": "nothing",
    "jwt-sliding": "sliding",
    "jwt-denylist": "token",
    "jwt-denylist-by-string": "token",
}
"""Where the traits alone would tell it wrong."""


class DemandError(ValueError):
    """A demand that nobody can have; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Demand:
    """The user's numbers. DemandError on one that makes no sense.

    `users`: all there are. `active_ratio`: those of them who are making requests at any time. `session_ttl_s`: the
    absolute life of a session, of a BFF's too, and of what a sliding token can be extended to. `replica_cores`: those
    of one replica's machine. `store_rtt_ms`: a network round trip between a replica and a store.
    """

    users: float
    active_ratio: float
    requests_per_minute: float
    write_ratio: float
    access_ttl_s: float
    refresh_ttl_s: float
    session_ttl_s: float
    slo_p99_ms: float
    store_rtt_ms: float
    replica_cores: int

    def __post_init__(self) -> None:
        for name, (low, high, is_low_in) in _RANGES.items():
            value = float(getattr(self, name))
            if not (math.isfinite(value) and (low <= value if is_low_in else low < value) and value <= high):
                raise DemandError(_out_of_range(name, value, low, high, is_low_in=is_low_in))
        if self.replica_cores != int(self.replica_cores):
            message = f"replica_cores is {self.replica_cores:g}, expected a whole number >= 1; give whole cores"
            raise DemandError(message)
        if self.refresh_ttl_s < self.access_ttl_s:
            message = (
                f"refresh_ttl_s is {self.refresh_ttl_s:g}, expected at least access_ttl_s, {self.access_ttl_s:g}; "
                "give a longer refresh TTL or a shorter access TTL"
            )
            raise DemandError(message)

    @property
    def active_users(self) -> float:
        """Users x active ratio: 10,000,000 x 0.05 = 500,000."""
        return self.users * self.active_ratio


_RANGES: Mapping[str, tuple[float, float, bool]] = {
    "users": (0, math.inf, True),
    "active_ratio": (0, 1, False),
    "requests_per_minute": (0, math.inf, False),
    "write_ratio": (0, 1, True),
    "access_ttl_s": (0, math.inf, False),
    "refresh_ttl_s": (0, math.inf, False),
    "session_ttl_s": (0, math.inf, False),
    "slo_p99_ms": (0, math.inf, False),
    "store_rtt_ms": (0, math.inf, True),
    "replica_cores": (1, math.inf, True),
}
"""Lowest and highest value of each number, and whether the lowest itself may be."""


def _out_of_range(name: str, value: float, low: float, high: float, *, is_low_in: bool) -> str:
    least = f"{'>=' if is_low_in else '>'} {low:g}"
    most = "" if math.isinf(high) else f" and <= {high:g}"
    return f"{name} is {value:g}, expected a finite number {least}{most}; correct it"


@dataclass(frozen=True, slots=True)
class Rates:
    """What a demand comes to for one kind of login, per second. Every one is proportional to the users.

    `requests` = `reads` + `writes`; logins and refreshes come on top. `live_logins` are those that a store must know.
    """

    requests: float
    reads: float
    writes: float
    logins: float
    refreshes: float
    live_logins: float


def rates(demand: Demand, lifetime: Lifetime) -> Rates:
    """The rates of `demand` where a login lives as `lifetime` says.

    - requests = active users x requests per minute / 60; writes = requests x write ratio; reads are the rest.
    - logins = holders / life (Little 1961: L = lambda W, solved for lambda). A token is held by active users for the
      access TTL, a session by active users for the session TTL, a family of refresh tokens by all users for the refresh
      TTL. A BFF's login lives as long as the shorter of its session and its family. Who comes and goes, or is logged
      out for being idle, logs in more often: a floor.
    - refreshes = active users / access TTL, but never more than requests: a token is renewed when it is used.
    - live logins = the holders.
    """
    requests = demand.active_users * demand.requests_per_minute / 60
    writes = requests * demand.write_ratio
    holders, life_s = _held(demand, lifetime)
    renews = lifetime in {"refresh", "bff"}
    return Rates(
        requests=requests,
        reads=requests - writes,
        writes=writes,
        logins=holders / life_s,
        refreshes=min(demand.active_users / demand.access_ttl_s, requests) if renews else 0.0,
        live_logins=holders,
    )


def families(demand: Demand, found: Rates, lifetime: Lifetime) -> float:
    """Families of refresh tokens alive: logins/s x refresh TTL (Little 1961); 0 where there are none."""
    return found.logins * demand.refresh_ttl_s if lifetime in {"refresh", "bff"} else 0.0


def lifetime_of(constants: SchemeConstants) -> Lifetime:
    """What a login of the scheme is good for, by its name where the traits do not tell."""
    if constants.scheme in LIFETIMES:
        return LIFETIMES[constants.scheme]
    if constants.can_renew:
        return "refresh"
    if any("bff" in cost.cpu_us for cost in constants.steps.values()):
        return "bff"
    return "session" if constants.stores else "token"


def _held(demand: Demand, lifetime: Lifetime) -> tuple[float, float]:
    """Who holds a login at any time, and for how long (s)."""
    held: Mapping[Lifetime, tuple[float, float]] = {
        "nothing": (0.0, math.inf),
        "token": (demand.active_users, demand.access_ttl_s),
        "sliding": (demand.active_users, demand.session_ttl_s),
        "session": (demand.active_users, demand.session_ttl_s),
        "refresh": (demand.users, demand.refresh_ttl_s),
        "bff": (demand.active_users, min(demand.session_ttl_s, demand.refresh_ttl_s)),
    }
    return held[lifetime]
