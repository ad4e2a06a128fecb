"""One arm as it runs: load balancer, BFFs where its schemes have them, replicas, helper services and stores."""

import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from bench.stack.distance import Distance
from bench.stack.foundation import Foundation
from bench.stack.haproxy import HAProxy
from bench.stack.haproxy_config import Bffs, Front
from bench.stack.helper_services import RunningHelper, start_helpers
from bench.stack.hops import HOPS, reads_to, start_chain
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.postgres import PostgresCluster
from bench.stack.process import Process
from bench.stack.replicas import Replica, Role
from bench.stack.source import OURS, Source
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from loadtests.plan import ArmPlan
from loadtests.record import Span
from services.catalogue import find
from services.contract import SchemeSpec
from services.settings import Settings
from services.spans import SpanName, Spent

SPANS = Path("spans")
"""What the services of a twin keep their accounts in, each in its own folder."""
BEHIND_BFF = "refresh-token"
"""What BFFs ask the API for, so replicas serve it beside an arm's own schemes."""


class Part(NamedTuple):
    """One process of an arm; `component` is haproxy, bff, hops, replicas, helpers, distance, redis or postgres."""

    component: str
    name: str
    pid: int


@dataclass(frozen=True, slots=True)
class Setup:
    """How the servers of one arm are set up, beside what its plan says.

    `settings` are complete but for what is the arm's own; `mounted`: the schemes its replicas serve. `distant`: its
    stores can be moved away. `persistent`: its Redis survives a restart. `hops`: the services a read passes one after
    the other, in place of a replica; each finds out who asks as `settings.hop_check` says. `source`: what all of them
    run from.
    """

    settings: Settings
    mounted: tuple[str, ...]
    front: Front
    distant: bool = False
    persistent: bool = False
    hops: int = 0
    source: Source = OURS


@dataclass(frozen=True, slots=True)
class RunningArm:
    """One arm as it runs. `valkey` is None where the scheme keeps nothing in Redis, `distance` unless it is distant."""

    plan: ArmPlan
    replicas: tuple[Replica, ...]
    bffs: tuple[Replica, ...]
    helpers: tuple[RunningHelper, ...]
    haproxy: HAProxy
    valkey: Valkey | None
    cluster: PostgresCluster
    database: str
    distance: Distance | None
    hops: tuple[Replica, ...]

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

    @property
    def services(self) -> tuple[Replica, ...]:
        """Replicas, BFFs and hops."""
        return (*self.replicas, *self.bffs, *self.hops)

    def skew(self, offset_s: float) -> None:
        """Move the clock of every service to `offset_s` from system time."""
        for one in self.services:
            one.skew(offset_s)

    def set_distance(self, round_trip_s: float) -> None:
        """Move its Redis and its database `round_trip_s` away from replicas and BFFs. ValueError where it cannot be."""
        if self.distance is None:
            message = f"arm {self.plan.id!r}: found its stores beside it, expected them at a distance; start it distant"
            raise ValueError(message)
        self.distance.set_round_trip(round_trip_s)

    def processes(self) -> Sequence[Part]:
        """Every process that works for this arm, now; of PostgreSQL those that serve its own database."""
        return (
            Part("haproxy", "haproxy", self.haproxy.process.pid),
            *_parts("bff", self.bffs),
            *_parts(HOPS, self.hops),
            *_parts("replicas", self.replicas),
            *_parts("helpers", self.helpers),
            *(Part(one.name, one.name, one.process.pid) for one in [self.distance] if one),
            *(Part("redis", "redis", one.process.pid) for one in [self.valkey] if one),
            *(Part("postgres", f"backend-{pid}", pid) for pid in self.cluster.backends(self.database)),
        )

    def store_commands(self) -> Mapping[str, Mapping[str, int]]:
        """Commands per store as the servers counted them since the start or `reset_counts`."""
        return {
            "redis": self.valkey.command_counts() if self.valkey else {},
            "postgres": self.cluster.statement_counts(self.database),
        }

    def spans(self) -> Mapping[str, Span]:
        """What its services have spent on what, by `component/name`; nothing unless it is a twin. OSError."""
        return {
            f"{component}/{name}": Span(*map(sum, zip(*accounts, strict=True)))
            for component, members in (("bff", self.bffs), ("replicas", self.replicas))
            for name, accounts in _by_name([member.spans() for member in members]).items()
        }

    def reset_counts(self) -> None:
        """Begin counting store commands anew."""
        if self.valkey:
            self.valkey.reset_counts()
        self.cluster.reset_counts(self.database)

    def servers(self) -> Sequence[Process]:
        """What is this arm's alone, in the order of starting."""
        return (
            *(one.process for one in [self.valkey, self.distance] if one),
            *(one.process for one in self.helpers),
            *(one.process for one in self.services),
            self.haproxy.process,
        )

    def alive(self) -> bool:
        """Whether no server of this arm has ended."""
        return self.cluster.process.alive and all(process.alive for process in self.servers())

    def wait_ready(self) -> None:
        """Return when every service answers, and the load balancer passes a request on."""
        for one in self.services:
            one.wait_ready()
        self.haproxy.wait_ready()


def _parts(component: str, members: Sequence[Replica | RunningHelper]) -> Iterator[Part]:
    for one in members:
        for name, pid in one.processes().items():
            yield Part(component, name, pid)


def _by_name(accounts: Sequence[Mapping[SpanName, Spent]]) -> Mapping[SpanName, list[Spent]]:
    """The spans of several services; those that never opened are left out."""
    names = {name: [account[name] for account in accounts] for name in (accounts[0] if accounts else ())}
    return {name: members for name, members in names.items() if any(member.calls for member in members)}


def start_arm(plan: ArmPlan, foundation: Foundation, setup: Setup) -> RunningArm:
    """Start everything of `plan` but its database; replicas are not waited for. NotReadyError."""
    supervisor, cluster = foundation.supervisor, foundation.cluster
    specs = tuple(find(name) for name in setup.mounted)
    needs_redis = any("redis" in spec.traits.stores for spec in specs)
    valkey = start_valkey(supervisor, f"{plan.id}.valkey", persistent=setup.persistent) if needs_redis else None
    database = f"{plan.id[:40]}-{token_hex(4)}"
    ports = [cluster.port, *(one.port for one in [valkey] if one)]
    distance = Distance(supervisor, plan.id, ports) if setup.distant else None
    settings = _complete(setup, cluster.url(database), valkey, distance)
    settings = replace(settings, spans_file=SPANS if plan.is_twin else None)
    helpers = start_helpers(supervisor, plan.id, specs, settings)
    settings = replace(settings, helpers=tuple(helper.address for helper in helpers))
    site = _Site(plan, supervisor, settings, specs, setup.source)
    replicas = site.start_replicas()
    hops = start_chain(supervisor, plan, settings, setup.hops, replicas[0])
    with listen() as upstream:
        bffs = site.start_bffs(upstream)
        behind = _Behind(replicas, bffs, hops, upstream)
        haproxy = site.start_haproxy(replace(setup.front, balancing=plan.balancing), behind)
    return RunningArm(plan, replicas, bffs, helpers, haproxy, valkey, cluster, database, distance, hops)


def _complete(setup: Setup, database_url: str, valkey: Valkey | None, distance: Distance | None) -> Settings:
    """With where the arm's own stores are, as its services reach them."""
    through = distance.through if distance else str
    settings = replace(setup.settings, schemes=setup.mounted, database_url=through(database_url))
    if valkey is None:
        return settings
    return replace(settings, redis_url=through(valkey.url), redis_password_file=valkey.password_file)


class _Behind(NamedTuple):
    """Who stands behind a load balancer, and the socket on which BFFs find it."""

    replicas: tuple[Replica, ...]
    bffs: tuple[Replica, ...]
    hops: tuple[Replica, ...]
    upstream: socket.socket


@dataclass(frozen=True, slots=True)
class _Site:
    """What the replicas of an arm, its BFFs and its load balancer are started from."""

    plan: ArmPlan
    supervisor: Supervisor
    settings: Settings
    specs: tuple[SchemeSpec, ...]
    source: Source

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

    def start_haproxy(self, front: Front, behind: _Behind) -> HAProxy:
        """The load balancer before all of them; `upstream` is handed to it where there are BFFs."""
        servers = tuple(one.server for one in behind.bffs)
        alone = len(self.fronted) == len(self.specs)
        bffs = Bffs(servers, self.fronted, alone, behind.upstream) if servers else None
        replicas = [one.server for one in behind.replicas]
        ahead = reads_to(self.plan, behind.hops)
        return HAProxy(self.supervisor, f"{self.plan.id}.haproxy", replicas, front, bffs, ahead=ahead)

    def _start(self, role: Role, settings: Settings) -> tuple[Replica, ...]:
        numbers = range(1, self.plan.replicas + 1)
        return tuple(
            Replica(self.supervisor, self.plan.id, number, settings, role, source=self.source) for number in numbers
        )
