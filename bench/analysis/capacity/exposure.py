"""Who is hit when a replica or a store fails, how long a revoked login still works, and what distance alone costs."""

from collections.abc import Mapping

from bench.analysis.capacity.demand import Demand, Lifetime
from bench.analysis.capacity.loads import SERVED, Loads, work_of
from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.values import Derived, total, unknown
from services.contract import Event, Store

ASKED = 0.5
"""Commands a read to a store; what is rarer is not of every read."""


def users_per_replica_failure(constants: SchemeConstants, demand: Demand, keepers: Derived) -> Derived:
    """Users logged out when one of the `keepers` of logins dies, a replica or a BFF worker: active users / keepers."""
    if not constants.needs_affinity:
        return Derived(0.0, (), "none: any replica knows every login")
    formula = "active users / replicas that keep their logins"
    if not demand.active_users:
        return Derived(0.0, (), formula)
    if keepers.value is None:
        return unknown(keepers.reason, formula)
    return Derived(demand.active_users / keepers.value, keepers.sources, formula)


def users_per_store_failure(constants: SchemeConstants, demand: Demand, found: Loads) -> Mapping[Store, Derived]:
    """Users refused while a store is down, for each that the scheme needs: all who are active where a read asks it."""
    return {store: _refused(constants, demand, found, store) for store in SERVED if store in constants.stores}


def _refused(constants: SchemeConstants, demand: Demand, found: Loads, store: Store) -> Derived:
    asked = work_of(constants, {"read": 1.0}).operations(store)
    if asked.value is None:
        return unknown(asked.reason, "active users, where a read asks the store")
    if asked.value > ASKED:
        return Derived(demand.active_users, asked.sources, "active users: every read asks it")
    stopped = f"{found.rates.logins:.3g} logins/s and {found.rates.refreshes:.3g} refreshes/s fail while it is down"
    return Derived(0.0, asked.sources, f"none at once, as no read asks it; {stopped}")


def revoked_within_s(constants: SchemeConstants, demand: Demand, lifetime: Lifetime) -> Mapping[Event, Derived]:
    """How long a credential outlives each event: what the scheme claims and the proof holds it to, else its life."""
    return {event: _bound(seconds, demand, lifetime) for event, seconds in constants.revoked_within_s.items()}


def _bound(seconds: float | None, demand: Demand, lifetime: Lifetime) -> Derived:
    if lifetime == "nothing":
        return unknown("there is no credential to revoke", "until the credential expires")
    if seconds is not None:
        return Derived(seconds, (), "the scheme's trait, which the proof of work holds it to")
    if lifetime in {"sliding", "session"}:
        return Derived(demand.session_ttl_s, (), "session TTL: who holds the credential can keep it alive until then")
    return Derived(demand.access_ttl_s, (), "access TTL: the credential works until it expires")


def latency_floor_ms(constants: SchemeConstants, demand: Demand) -> Derived:
    """Round trips of a read x round-trip time; a store's command counts as one round trip."""
    formula = "commands of a read to stores, each a round trip, x round-trip time"
    read = work_of(constants, {"read": 1.0})
    return total((read.operations(store) for store in SERVED), formula).times(demand.store_rtt_ms, formula)
