"""A load balancer of an arm's own: its CPU time, its counts and its faults are that arm's alone."""

import csv
import socket
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from secrets import token_hex
from typing import Literal

from bench.stack.binaries import HAPROXY, find
from bench.stack.haproxy_config import (
    FRONTEND,
    PLAIN,
    REPLICAS,
    STICKY,
    UPSTREAM,
    Bffs,
    Front,
    Listener,
    Pool,
    Server,
    arm_config,
    public_pools,
)
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

STATS_LIMIT_S = 5.0
State = Literal["ready", "drain", "maint"]
_CLASSES = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")


class HAProxy:
    """One public frontend before `servers`, and before `bffs` where there are any. Starting it does not wait for them.

    `ahead` are pools that take the paths they name, before anybody else is asked. Whatever the balancing, each request
    of a BFF goes to the next of `servers`. Ports stay its own for life.
    """

    def __init__(  # noqa: PLR0913 - whom it stands before, and how
        self,
        supervisor: Supervisor,
        name: str,
        servers: Sequence[Server],
        front: Front = PLAIN,
        bffs: Bffs | None = None,
        *,
        ahead: tuple[Pool, ...] = (),
    ) -> None:
        self.name = name
        self.front = front
        self.port = front.port
        self.upstream_port = port_of(bffs.upstream) if bffs else None
        self._servers = tuple(servers)
        self._pools = (*ahead, *public_pools(servers, bffs, front.balancing))
        self._sticky_pools = (*ahead, *public_pools(servers, bffs, "sticky"))
        self._supervisor = supervisor
        self._folder = supervisor.folder("haproxy")  # short: the path of its socket has at most 97 characters
        self._cookie_key = token_hex(16)
        self._binary = find(HAPROXY)
        self.process = self._start(bffs.upstream if bffs else None)

    def wait_ready(self) -> None:
        """Return when a request passes through it and is answered by a replica."""
        self.process.wait_ready(lambda: answers(self.port))

    def restart(self) -> None:
        """Stop it if it still runs and start again on its ports: counts begin anew, affinity cookies stay valid."""
        self.process.stop()
        with _listen_if(self.upstream_port) as upstream:
            self.process = self._start(upstream)

    def requests(self) -> int | None:
        """How many requests of clients came since the start; None at layer 4, where it sees connections."""
        if self.front.balancing == "roundrobin-l4":
            return None
        return int(self._stats(FRONTEND)["FRONTEND"]["req_tot"])

    def requests_per_server(self) -> Mapping[str, int]:
        """How many requests (at layer 4: connections) of clients each server was given since the start."""
        rows = {pool: self._stats(f"{FRONTEND}-{pool.name}") for pool in self._pools}
        return {server.name: int(rows[pool][server.name]["stot"]) for pool in rows for server in pool.servers}

    def answers(self) -> Mapping[str, int]:
        """How many answers clients were given since the start, by class ("2xx", ..., "other"); empty at layer 4."""
        if self.front.balancing == "roundrobin-l4":
            return {}
        counted = self._stats(FRONTEND)["FRONTEND"]
        return {name: int(counted[f"hrsp_{name}"]) for name in _CLASSES}

    def rotate(self, server: str, state: State) -> None:
        """Take `server` out of rotation for everybody who comes through us, or put it back.

        `drain`: who is bound to it may stay; `maint`: nobody. What it has in hand it finishes. ValueError when there is
        no such server.
        """
        backends = [row["pxname"] for row in self._rows() if row["svname"] == server]
        if not backends:
            message = f"{self.name}: found no server {server!r}, expected one of its replicas or BFFs by name"
            raise ValueError(message)
        for backend in backends:
            self.command(f"set server {backend}/{server} state {state}")

    def in_rotation(self) -> frozenset[str]:
        """The servers it gives requests to, now, wherever it knows them."""
        told = [(row["svname"], row["status"]) for row in self._rows() if row["svname"] not in {"FRONTEND", "BACKEND"}]
        away = {name for name, status in told if not status.startswith(("UP", "no check"))}
        return frozenset(name for name, _ in told) - away

    def _stats(self, proxy: str) -> Mapping[str, Mapping[str, str]]:
        return {row["svname"]: row for row in self._rows() if row["pxname"] == proxy}

    def _rows(self) -> Iterable[Mapping[str, str]]:
        return csv.DictReader(self.command("show stat").removeprefix("# ").splitlines())

    def command(self, text: str) -> str:
        """What the stats socket answers to one command, e.g. `show info`."""
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(STATS_LIMIT_S)
            client.connect(str(self._stats_socket))
            client.sendall(f"{text}\n".encode())
            with client.makefile("rb") as answer:
                return answer.read().decode()

    @property
    def _stats_socket(self) -> str:
        return f"{self._folder}/stats"

    def _start(self, upstream: socket.socket | None) -> Process:
        with listen(self.port) as public, _listen_if(self.front.sticky_port) as sticky:
            self.port = port_of(public)
            config = self._folder / "haproxy.cfg"
            config.write_text(self._config(public, sticky, upstream))
            argv = (str(self._binary), "-db", "-q", "-f", str(config))
            descriptors = tuple(one.fileno() for one in (public, sticky, upstream) if one)
            return self._supervisor.start(Command(self.name, argv, self._folder, descriptors=descriptors))

    def _config(self, public: socket.socket, sticky: socket.socket | None, upstream: socket.socket | None) -> str:
        listeners = [Listener(FRONTEND, f"fd@{public.fileno()}", self.front.balancing, self._pools)]
        if sticky:
            listeners.append(Listener(STICKY, f"fd@{sticky.fileno()}", "sticky", self._sticky_pools))
        if upstream:
            api = Pool(REPLICAS, self._servers)
            listeners.append(Listener(UPSTREAM, f"fd@{upstream.fileno()}", "roundrobin", (api,)))
        return arm_config(
            listeners, cookie_key=self._cookie_key, stats_socket=self._stats_socket, health=self.front.health
        )

    @property
    def host(self) -> str:
        """Where clients connect."""
        return LOOPBACK


def _listen_if(port: int | None) -> AbstractContextManager[socket.socket | None]:
    return nullcontext() if port is None else listen(port)
