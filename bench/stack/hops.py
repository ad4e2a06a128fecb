"""Services in a row, each of which finds out for itself who asks before it asks the next one."""

from dataclasses import replace

from bench.stack.haproxy_config import Pool
from bench.stack.listening import LOOPBACK
from bench.stack.replicas import Replica
from bench.stack.supervisor import Supervisor
from loadtests.plan import ArmPlan
from services.settings import Settings

HOPS = "hops"


def start_chain(
    supervisor: Supervisor, plan: ArmPlan, settings: Settings, depth: int, api: Replica
) -> tuple[Replica, ...]:
    """`depth` hops, in the order in which a read passes them; they are not waited for.

    `settings` are those of the arm's replicas, of which `api` is the one that hops ask where they introspect; they run
    from where it does.
    """
    told = replace(settings, schemes=(plan.scheme,), introspect_url=_url(api))
    chain: tuple[Replica, ...] = ()
    for number in range(depth, 0, -1):  # the last one first, as each is told the address of the next
        further = _url(chain[0]) if chain else ""
        settings = replace(told, upstream_url=further)
        chain = (Replica(supervisor, plan.id, number, settings, "hop", source=api.source), *chain)
    return chain


def reads_to(plan: ArmPlan, chain: tuple[Replica, ...]) -> tuple[Pool, ...]:
    """What sends the reads of the plan's visitors to the first of `chain`; nothing where there is none."""
    return tuple(Pool(HOPS, (hop.server,), paths=(f"/{plan.scheme}/{plan.carrier}/profile",)) for hop in chain[:1])


def _url(replica: Replica) -> str:
    return f"http://{LOOPBACK}:{replica.port}"
