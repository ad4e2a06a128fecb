"""All arms of a block, started together: each with replicas, load balancer, Redis and database of its own."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from random import Random
from types import MappingProxyType, TracebackType
from typing import Self

from psycopg import OperationalError

from bench.stack.arm import RunningArm, Setup, start_arm
from bench.stack.foundation import Foundation
from bench.stack.haproxy_config import PLAIN, Front
from bench.stack.process import ask_all, await_all, stop_all
from bench.stack.source import OURS, Source
from loadtests.plan import ArmPlan
from services.settings import Settings


class Stack:
    """Starts `arms` on entering and stops them on leaving; what `foundation` holds outlives it.

    `seed` draws the order of starting. `front` is every arm's but for the balancing, which its plan says; a fixed
    port is for a stack of one arm. `mounted`: schemes every replica serves; empty: its arm's own alone. By the id of an
    arm, `own` has settings in place of the foundation's, made from them, and `persistent` a Redis that survives a
    restart, and `hops` says how many services a read passes, and `sources` what they run from in place of what is
    installed here. `distant`: the stores of every arm can be moved away (`RunningArm.set_distance`). Entering raises
    NotReadyError.
    """

    def __init__(  # noqa: PLR0913 - how a stack may differ from the usual one
        self,
        arms: Sequence[ArmPlan],
        foundation: Foundation,
        *,
        seed: int = 0,
        front: Front = PLAIN,
        mounted: tuple[str, ...] = (),
        own: Mapping[str, Settings] = MappingProxyType({}),
        distant: bool = False,
        persistent: frozenset[str] = frozenset(),
        hops: Mapping[str, int] = MappingProxyType({}),
        sources: Mapping[str, Source] = MappingProxyType({}),
    ) -> None:
        self.arms: dict[str, RunningArm] = {}
        self._plans = Random(seed).sample(arms, len(arms))  # noqa: S311 - an order, not a secret
        self._foundation = foundation
        self._setups = {
            arm.id: Setup(
                settings=own.get(arm.id, foundation.settings),
                mounted=mounted or (arm.scheme,),
                front=front,
                distant=distant,
                persistent=arm.id in persistent,
                hops=hops.get(arm.id, 0),
                source=sources.get(arm.id, OURS),
            )
            for arm in arms
        }

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
            self.arms[plan.id] = start_arm(plan, self._foundation, self._setups[plan.id])
        for arm in self.arms.values():
            self._foundation.cluster.create_database(arm.database, self._foundation.template)
        for arm in self.arms.values():
            arm.wait_ready()

    def _stop(self, *, in_haste: bool) -> None:
        """Load balancers first: they close the connections that replicas would wait for.

        Databases are dropped while replicas end; not in haste, as a busy disk can make that take a minute.
        """
        arms = list(self.arms.values())
        stop_all([arm.haproxy.process for arm in arms])
        servers = [process for arm in arms for process in arm.servers()]
        ask_all(servers)
        with suppress(OperationalError):  # a cluster that was killed in between has nothing to drop
            for arm in [] if in_haste else arms:
                arm.cluster.drop_database(arm.database)
        await_all(servers)
