"""Faults of the stores and of the API that a fleet's services stand on; each is over when its block is."""

import os
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.stack.arm import RunningArm
from bench.stack.valkey import Valkey
from tests.fleet import Fleet


@contextmanager
def redis_killed(fleet: Fleet) -> Iterator[None]:
    """No process, no port; what it knew is lost."""
    for valkey in _valkeys(fleet):
        valkey.process.kill()
    try:
        yield
    finally:
        restart_redis(fleet)


@contextmanager
def redis_hung(fleet: Fleet) -> Iterator[None]:
    """Connections are accepted by the kernel, nobody answers."""
    for valkey in _valkeys(fleet):
        valkey.process.signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for valkey in _valkeys(fleet):
            valkey.process.signal(signal.SIGCONT)


@contextmanager
def postgres_killed(fleet: Fleet) -> Iterator[None]:
    """Without a word to anybody; it recovers from its log."""
    fleet.foundation.cluster.kill()
    try:
        yield
    finally:
        fleet.foundation.cluster.start()


@contextmanager
def postgres_hung(fleet: Fleet) -> Iterator[None]:
    """Its backends are sessions of their own and are stopped one by one."""
    cluster = fleet.foundation.cluster
    pids = [pid for arm in (fleet.pair, fleet.single) for pid in cluster.backends(arm.database)]
    for pid in (cluster.process.pid, *pids):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in (*pids, cluster.process.pid):
            os.kill(pid, signal.SIGCONT)


@contextmanager
def api_killed(arm: RunningArm) -> Iterator[None]:
    """All replicas at once."""
    for replica in arm.replicas:
        replica.kill()
    try:
        yield
    finally:
        for replica in arm.replicas:
            replica.start()


@contextmanager
def api_hung(arm: RunningArm) -> Iterator[None]:
    """All replicas at once."""
    for replica in arm.replicas:
        replica.freeze()
    try:
        yield
    finally:
        for replica in arm.replicas:
            replica.thaw()


def restart_redis(fleet: Fleet) -> None:
    """Orderly, on the same ports, with nothing remembered."""
    for valkey in _valkeys(fleet):
        valkey.restart()


def restart_postgres(fleet: Fleet) -> None:
    """Orderly, on the same port."""
    fleet.foundation.cluster.restart()


def _valkeys(fleet: Fleet) -> Sequence[Valkey]:
    return [arm.valkey for arm in (fleet.pair, fleet.single) if arm.valkey]
