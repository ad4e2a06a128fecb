"""How late a server that is so busy answers, and how busy it may be: textbook formulas, each with its source.

Operational laws need no assumption on distributions (Denning & Buzen 1978, The Operational Analysis of Queueing Network
Models; Little 1961, A Proof for the Queuing Formula L = lambda W). The tail does: Poisson arrivals and exponential
service, M/M/c (Gross & Harris 1998, Fundamentals of Queueing Theory; Harchol-Balter 2013, Performance Modeling and
Design of Computer Systems).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

PERCENTILE = 0.99
HALVINGS = 64
"""After so many a bisection has used up what a float can tell."""


@dataclass(frozen=True, slots=True)
class Server:
    """What serves requests: `cores` in parallel, and threads that also wait for others while no core works for them.

    `cpu_s` and `blocked_s` are means per request. A server that nothing makes wait has no `blocked_s`, and what bounds
    its threads does not matter. `spread`: E[S^2] / (2 E[S]^2) of the CPU, 1 where it is exponential, more where a mix
    has steps of very unlike length.
    """

    cpu_s: float
    blocked_s: float = 0.0
    cores: int = 1
    threads: int = 8
    spread: float = 1.0


def utilisation(rate_rps: float, demand_s: float, servers: float) -> float:
    """How busy a resource is: U = X D / c, the utilisation law (Denning & Buzen 1978)."""
    return rate_rps * demand_s / servers


def tightest(demands_s: Mapping[str, tuple[float, float]]) -> tuple[str, float]:
    """The bottleneck among resources (demand in s per request, capacity in cores), and its demand per core D/c (s).

    No rate can pass X <= 1 / max(D/c): asymptotic bounds (Denning & Buzen 1978).
    """
    name = max(demands_s, key=lambda name: demands_s[name][0] / demands_s[name][1])
    demand_s, capacity = demands_s[name]
    return name, demand_s / capacity


def erlang_c(servers: int, busy_ratio: float) -> float:
    """The probability that an arrival at M/M/c has to wait (Erlang 1917; Gross & Harris 1998).

    By the recursion of Erlang B, B(0) = 1, B(k) = a B(k-1) / (k + a B(k-1)), with a = c rho offered, and
    C = B / (1 - rho (1 - B)); 1 from rho = 1 on.
    """
    if busy_ratio >= 1:
        return 1.0
    offered, blocking = servers * busy_ratio, 1.0
    for count in range(1, servers + 1):
        blocking = offered * blocking / (count + offered * blocking)
    return blocking / (1 - busy_ratio * (1 - blocking))


def waiting_s(servers: int, service_s: float, busy_ratio: float, percentile: float = PERCENTILE) -> float:
    """The percentile of the wait for one of `servers`: P(W > t) = C exp(-(1 - rho) c t / S), solved for t.

    Harchol-Balter 2013. 0 where no more than 1 - p wait at all; infinite from rho = 1 on.
    """
    if busy_ratio >= 1:
        return math.inf
    queued = erlang_c(servers, busy_ratio)
    if queued <= 1 - percentile:
        return 0.0
    return math.log(queued / (1 - percentile)) * service_s / (servers * (1 - busy_ratio))


def response_s(servers: int, service_s: float, busy_ratio: float, percentile: float = PERCENTILE) -> float:
    """The percentile of wait and service at M/M/c, by bisection of its tail (Gross & Harris 1998).

    Infinite from rho = 1 on.
    With one server the response time is exponential: t = S ln(1 / (1 - p)) / (1 - rho).
    """
    if busy_ratio >= 1:
        return math.inf
    if servers == 1:
        return service_s * -math.log(1 - percentile) / (1 - busy_ratio)
    queued = erlang_c(servers, busy_ratio)
    # neither part is longer than this in more than (1 - p) / 2, so both together are not in more than 1 - p
    most = waiting_s(servers, 1.0, busy_ratio, (1 + percentile) / 2) - math.log((1 - percentile) / 2)
    return service_s * bisected(
        0.0, most, lambda services: _tail(servers, busy_ratio, queued, services) <= 1 - percentile
    )


def p99_s(server: Server, busy_ratio: float) -> float:
    """p99 of the response when the cores are this busy: wait for a thread, wait and service on a core, blocked time.

    Threads are a second M/M/c before the first, each held for S + blocked; X (S + blocked) of them are busy on average
    (Little 1961). Where services spread more, all is as if they were so much longer, as waits are in heavy traffic
    (Kingman 1961, The Single Server Queue in Heavy Traffic). The percentiles of the parts are added: at least p99 of
    the sum where parts move together.
    """
    rate_rps = busy_ratio * server.cores / server.cpu_s
    held_s = server.cpu_s + server.blocked_s
    for_thread_s = 0.0
    if server.blocked_s:
        for_thread_s = waiting_s(server.threads, held_s, utilisation(rate_rps, held_s, server.threads))
    return for_thread_s + response_s(server.cores, server.cpu_s * server.spread, busy_ratio) + server.blocked_s


def usable_ratio(server: Server, slo_s: float) -> float:
    """The highest utilisation of the cores at which p99 is within the SLO; 0 where even an idle server misses it."""
    if p99_s(server, 0.0) > slo_s:
        return 0.0
    return bisected(0.0, 1.0, lambda busy_ratio: p99_s(server, busy_ratio) > slo_s)


def _tail(servers: int, busy_ratio: float, queued: float, services: float) -> float:
    """P(T > t) at M/M/c, t in mean services: e^-t (1 + C (1 - e^-(d t)) / d), d = c (1 - rho) - 1; C t where d = 0."""
    spare = servers * (1 - busy_ratio) - 1
    # e^-t goes into the brackets, so that no power is positive: d may be below zero and t large
    apart = -math.expm1(-abs(spare) * services) / abs(spare) if spare else services
    return math.exp(-services) + queued * apart * math.exp(-min(1.0, 1 + spare) * services)


def bisected(low: float, high: float, is_beyond: Callable[[float], bool]) -> float:
    """The highest number from `low`, which is not beyond, that is not beyond either."""
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if is_beyond(middle):
            high = middle
        else:
            low = middle
    return low
