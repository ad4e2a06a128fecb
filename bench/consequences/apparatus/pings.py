"""How far away an arm's stores really are: somebody asks them for nothing, the way its services go, and waits."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from threading import Event
from typing import Self

import psycopg
from redis import Redis

from bench.stack.arm import RunningArm

PAUSE_S = 0.012
"""Between two pings, whomever they are for: some seconds of them are enough for a median and hardly a load."""
NS_PER_MS = 1_000_000

Ping = Callable[[], object]
"""One round trip to a store on a connection that is kept."""
Trips = Mapping[str, Sequence[float]]
"""How long pings took in ms, by arm, in the order of asking."""


class Pinger:
    """Keeps a connection to a store of each of `arms`, which are distant: to its Redis, or else to its database."""

    def __init__(self, arms: Mapping[str, RunningArm]) -> None:
        self._arms = arms
        self._open = ExitStack()
        self._pings: Mapping[str, Ping] = {}

    def __enter__(self) -> Self:
        with ExitStack() as opening:
            self._pings = {name: _redis(arm, opening) or _postgres(arm, opening) for name, arm in self._arms.items()}
            self._open = opening.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @contextmanager
    def pinging(self) -> Iterator[Trips]:
        """Ping one arm after the other, each at least once, for as long as the context lasts."""
        taken: dict[str, list[float]] = {name: [] for name in self._pings}
        over = Event()
        with ThreadPoolExecutor(1) as beside:
            working = beside.submit(self._ping_until, over, taken)
            try:
                yield taken
            finally:
                over.set()
            working.result()

    def _ping_until(self, over: Event, taken: Mapping[str, list[float]]) -> None:
        while self._pings:
            for name, ping in self._pings.items():
                asked_ns = time.monotonic_ns()
                ping()
                taken[name].append((time.monotonic_ns() - asked_ns) / NS_PER_MS)
                time.sleep(PAUSE_S)
            if over.is_set():
                return


def _redis(arm: RunningArm, kept: ExitStack) -> Ping | None:
    if arm.valkey is None or arm.distance is None:
        return None
    url, password = arm.distance.through(arm.valkey.url), arm.valkey.password_file.read_text(encoding="utf-8")
    client = Redis.from_url(url, password=password, protocol=2, driver_info=None, single_connection_client=True)
    return kept.enter_context(closing(client)).ping


def _postgres(arm: RunningArm, kept: ExitStack) -> Ping:
    url, password = arm.cluster.url(arm.database), arm.cluster.password_file.read_text(encoding="utf-8")
    through = arm.distance.through(url) if arm.distance else url
    connection = kept.enter_context(closing(psycopg.connect(through, password=password, autocommit=True)))
    return lambda: connection.execute("")
