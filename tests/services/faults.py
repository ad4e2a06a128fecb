"""Faults of the stores and of the API that a fleet's services stand on; each is over when its block is."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bench.stack.arm import RunningArm
from bench.stack.valkey import Valkey
from tests.fleet import Fleet


@contextmanager
def redis_killed(fleet: Fleet) -> Iterator[None]:
    """No process, no port; what it knew is lost."""
    for valkey in _valkeys(fleet):
        valkey.kill()
    try:
        yield
    finally:
        restart_redis(fleet)


@contextmanager
def redis_hung(fleet: Fleet) -> Iterator[None]:
    """Connections are accepted by the kernel, nobody answers."""
    for valkey in _valkeys(fleet):
        valkey.freeze()
    try:
        yield
    finally:
        for valkey in _valkeys(fleet):
            valkey.thaw()


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
    """As Redis; what is connected is not cut off."""
    fleet.foundation.cluster.freeze()
    try:
        yield
    finally:
        fleet.foundation.cluster.thaw()


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
