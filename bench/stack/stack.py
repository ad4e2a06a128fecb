"""All arms of a block, started together: each with replicas, load balancer, Redis and database of its own."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from random import Random
from secrets import token_hex
from types import TracebackType
from typing import NamedTuple, Self

from psycopg import OperationalError

from bench.stack.foundation import Foundation
from bench.stack.haproxy import HAProxy
from bench.stack.haproxy_config import PLAIN, Front
from bench.stack.listening import LOOPBACK
from bench.stack.postgres import PostgresCluster
from bench.stack.process import Process, ask_all, await_all, stop_all
from bench.stack.replicas import Replica
from bench.stack.valkey import Valkey, start_valkey
from loadtests.plan import ArmPlan
from services.catalogue import find


class Part(NamedTuple):
    """One process of an arm; `component` is replicas, haproxy, redis or postgres."""

    component: str
    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class RunningArm:
    """One arm as it runs. `valkey` is None where the scheme keeps nothing in Redis."""

    plan: ArmPlan
    replicas: tuple[Replica, ...]
    haproxy: HAProxy
    valkey: Valkey | None
    cluster: PostgresCluster
    database: str

    @property
    def host(self) -> str:
        """Where clients connect: the load balancer."""
        return LOOPBACK

    @property
    def port(self) -> int:
        """As `host`."""
        return self.haproxy.port

    def processes(self) -> Sequence[Part]:
        """Every process that works for this arm, now; of PostgreSQL those that serve its own database."""
        return (
            *(Part("replicas", name, pid) for one in self.replicas for name, pid in one.processes().items()),
            Part("haproxy", "haproxy", self.haproxy.process.pid),
            *(Part("redis", "redis", one.process.pid) for one in [self.valkey] if one),
            *(Part("postgres", f"backend-{pid}", pid) for pid in self.cluster.backends(self.database)),
        )

    def store_commands(self) -> Mapping[str, Mapping[str, int]]:
        """Commands per store as the servers counted them since the start or `reset_counts`."""
        return {
            "redis": self.valkey.command_counts() if self.valkey else {},
            "postgres": self.cluster.statement_counts(self.database),
        }

    def reset_counts(self) -> None:
        """Begin counting store commands anew."""
        if self.valkey:
            self.valkey.reset_counts()
        self.cluster.reset_counts(self.database)

    def alive(self) -> bool:
        """Whether no server of this arm has ended."""
        return self.cluster.process.alive and all(process.alive for process in _servers(self))


class Stack:
    """Starts `arms` on entering and stops them on leaving; what `foundation` holds outlives it.

    `seed` draws the order of starting. `front` is every arm's but for the balancing, which its plan says; a fixed
    port is for a stack of one arm. `mounted`: schemes every replica serves; empty: its arm's own alone. Entering
    raises NotReadyError.
    """

    def __init__(
        self,
        arms: Sequence[ArmPlan],
        foundation: Foundation,
        *,
        seed: int = 0,
        front: Front = PLAIN,
        mounted: tuple[str, ...] = (),
    ) -> None:
        self.arms: dict[str, RunningArm] = {}
        self._mounted = mounted
        self._plans = Random(seed).sample(arms, len(arms))  # noqa: S311 - an order, not a secret
        self._foundation = foundation
        self._front = front

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._stop(in_haste=True)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop(in_haste=kind is not None)

    def _start(self) -> None:
        """Everything is started before anything is waited for; databases are copied while replicas boot."""
        for plan in self._plans:
            self.arms[plan.id] = _start_arm(plan, self._foundation, self._front, self._mounted or (plan.scheme,))
        for arm in self.arms.values():
            self._foundation.cluster.create_database(arm.database, self._foundation.template)
        for arm in self.arms.values():
            _wait_ready(arm)

    def _stop(self, *, in_haste: bool) -> None:
        """Load balancers first: they close the connections that replicas would wait for.

        Databases are dropped while replicas end; not in haste, as a busy disk can make that take a minute.
        """
        arms = list(self.arms.values())
        stop_all([arm.haproxy.process for arm in arms])
        servers = [process for arm in arms for process in _servers(arm)]
        ask_all(servers)
        with suppress(OperationalError):  # a cluster that was killed in between has nothing to drop
            for arm in [] if in_haste else arms:
                arm.cluster.drop_database(arm.database)
        await_all(servers)


def _start_arm(plan: ArmPlan, foundation: Foundation, front: Front, mounted: tuple[str, ...]) -> RunningArm:
    supervisor, cluster = foundation.supervisor, foundation.cluster
    needs_redis = any("redis" in find(name).traits.stores for name in mounted)
    valkey = start_valkey(supervisor, f"{plan.id}.valkey") if needs_redis else None
    database = f"{plan.id[:40]}-{token_hex(4)}"
    settings = replace(foundation.settings, schemes=mounted, database_url=cluster.url(database))
    if valkey:
        settings = replace(settings, redis_url=valkey.url, redis_password_file=valkey.password_file)
    replicas = tuple(Replica(supervisor, plan.id, number + 1, settings) for number in range(plan.replicas))
    servers = [replica.server for replica in replicas]
    haproxy = HAProxy(supervisor, f"{plan.id}.haproxy", servers, replace(front, balancing=plan.balancing))
    return RunningArm(plan, replicas, haproxy, valkey, cluster, database)


def _wait_ready(arm: RunningArm) -> None:
    for replica in arm.replicas:
        replica.wait_ready()
    arm.haproxy.wait_ready()


def _servers(arm: RunningArm) -> Sequence[Process]:
    """All processes that are this arm's alone, in the order of starting."""
    return (
        *(one.process for one in [arm.valkey] if one),
        *(one.process for one in arm.replicas),
        arm.haproxy.process,
    )
