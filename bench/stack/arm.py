"""One arm as it runs: load balancer, BFFs where its schemes have them, replicas, helper services and stores."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from secrets import token_hex
from typing import NamedTuple

from bench.stack.foundation import Foundation
from bench.stack.haproxy import HAProxy
from bench.stack.haproxy_config import Bffs, Front
from bench.stack.helper_services import RunningHelper, start_helpers
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.postgres import PostgresCluster
from bench.stack.process import Process
from bench.stack.replicas import Replica, Role
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from loadtests.plan import ArmPlan
from services.catalogue import find
from services.contract import SchemeSpec
from services.settings import Settings

BEHIND_BFF = "refresh-token"
"""What BFFs ask the API for, so replicas serve it beside an arm's own schemes."""


class Part(NamedTuple):
    """One process of an arm; `component` is haproxy, bff, replicas, helpers, redis or postgres."""

    component: str
    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class RunningArm:
    """One arm as it runs. `valkey` is None where the scheme keeps nothing in Redis."""

    plan: ArmPlan
    replicas: tuple[Replica, ...]
    bffs: tuple[Replica, ...]
    helpers: tuple[RunningHelper, ...]
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

    @property
    def facing(self) -> tuple[Replica, ...]:
        """Those the load balancer sends the clients of the plan's scheme to: BFFs, where it has them."""
        return self.bffs if find(self.plan.scheme).front == "bff" else self.replicas

    def skew(self, offset_s: float) -> None:
        """Move the service clock of every replica and every BFF to `offset_s` from system time."""
        for one in (*self.replicas, *self.bffs):
            one.skew(offset_s)

    def processes(self) -> Sequence[Part]:
        """Every process that works for this arm, now; of PostgreSQL those that serve its own database."""
        return (
            Part("haproxy", "haproxy", self.haproxy.process.pid),
            *_parts("bff", self.bffs),
            *_parts("replicas", self.replicas),
            *_parts("helpers", self.helpers),
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

    def servers(self) -> Sequence[Process]:
        """What is this arm's alone, in the order of starting."""
        return (
            *(one.process for one in [self.valkey] if one),
            *(one.process for one in self.helpers),
            *(one.process for one in (*self.replicas, *self.bffs)),
            self.haproxy.process,
        )

    def alive(self) -> bool:
        """Whether no server of this arm has ended."""
        return self.cluster.process.alive and all(process.alive for process in self.servers())

    def wait_ready(self) -> None:
        """Return when every replica and BFF answers, and the load balancer passes a request on."""
        for one in (*self.replicas, *self.bffs):
            one.wait_ready()
        self.haproxy.wait_ready()


def _parts(component: str, members: Sequence[Replica | RunningHelper]) -> Iterator[Part]:
    for one in members:
        for name, pid in one.processes().items():
            yield Part(component, name, pid)


def start_arm(plan: ArmPlan, foundation: Foundation, front: Front, mounted: Sequence[str]) -> RunningArm:
    """Start everything of `plan` but its database, to serve the schemes `mounted`; replicas are not waited for.

    NotReadyError.
    """
    supervisor, cluster = foundation.supervisor, foundation.cluster
    specs = tuple(find(name) for name in mounted)
    needs_redis = any("redis" in spec.traits.stores for spec in specs)
    valkey = start_valkey(supervisor, f"{plan.id}.valkey") if needs_redis else None
    database = f"{plan.id[:40]}-{token_hex(4)}"
    settings = replace(foundation.settings, schemes=tuple(mounted), database_url=cluster.url(database))
    if valkey:
        settings = replace(settings, redis_url=valkey.url, redis_password_file=valkey.password_file)
    helpers = start_helpers(supervisor, plan.id, specs, settings)
    settings = replace(settings, helpers=tuple(helper.address for helper in helpers))
    site = _Site(plan, supervisor, settings, specs)
    replicas = site.start_replicas()
    with listen() as upstream:
        bffs = site.start_bffs(upstream)
        haproxy = site.start_haproxy(replace(front, balancing=plan.balancing), replicas, bffs, upstream)
    return RunningArm(plan, replicas, bffs, helpers, haproxy, valkey, cluster, database)


@dataclass(frozen=True, slots=True)
class _Site:
    """What the replicas of an arm, its BFFs and its load balancer are started from."""

    plan: ArmPlan
    supervisor: Supervisor
    settings: Settings
    specs: tuple[SchemeSpec, ...]

    @property
    def fronted(self) -> tuple[str, ...]:
        """Schemes that a BFF answers for."""
        return tuple(spec.name for spec in self.specs if spec.front == "bff")

    def start_replicas(self) -> tuple[Replica, ...]:
        """Replicas of all other schemes, and of what BFFs ask for."""
        asked = [BEHIND_BFF if spec.front == "bff" else spec.name for spec in self.specs]
        return self._start("replica", replace(self.settings, schemes=tuple(dict.fromkeys(asked))))

    def start_bffs(self, upstream: socket.socket) -> tuple[Replica, ...]:
        """As many BFFs as replicas, none without a scheme for them; the database is not theirs to open."""
        if not self.fronted:
            return ()
        url = f"http://{LOOPBACK}:{port_of(upstream)}"
        settings = replace(self.settings, schemes=self.fronted, upstream_url=url, database_password_file=None)
        return self._start("bff", settings)

    def start_haproxy(
        self, front: Front, replicas: Sequence[Replica], bffs: Sequence[Replica], upstream: socket.socket
    ) -> HAProxy:
        """The load balancer before both; `upstream` is handed to it where there are BFFs."""
        servers = tuple(one.server for one in bffs)
        alone = len(self.fronted) == len(self.specs)
        behind = Bffs(servers, self.fronted, alone, upstream) if bffs else None
        name = f"{self.plan.id}.haproxy"
        return HAProxy(self.supervisor, name, [one.server for one in replicas], front, behind)

    def _start(self, role: Role, settings: Settings) -> tuple[Replica, ...]:
        numbers = range(1, self.plan.replicas + 1)
        return tuple(Replica(self.supervisor, self.plan.id, number, settings, role) for number in numbers)
