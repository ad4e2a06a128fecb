"""A load balancer of an arm's own: its CPU time, its counts and its faults are that arm's alone."""

import csv
import socket
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from secrets import token_hex

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


class HAProxy:
    """One public frontend before `servers`, and before `bffs` where there are any. Starting it does not wait for them.

    Whatever the balancing, each request of a BFF goes to the next of `servers`. Ports stay its own for life.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        name: str,
        servers: Sequence[Server],
        front: Front = PLAIN,
        bffs: Bffs | None = None,
    ) -> None:
        self.name = name
        self.front = front
        self.port = front.port
        self.upstream_port = port_of(bffs.upstream) if bffs else None
        self._servers = tuple(servers)
        self._pools = public_pools(servers, bffs, front.balancing)
        self._sticky_pools = public_pools(servers, bffs, "sticky")
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

    def _stats(self, proxy: str) -> Mapping[str, Mapping[str, str]]:
        text = self.command("show stat").removeprefix("# ")
        return {row["svname"]: row for row in csv.DictReader(text.splitlines()) if row["pxname"] == proxy}

    def command(self, text: str) -> str:
        """What the stats socket answers to one command, e.g. `set server public-replicas/replica-1 state drain`."""
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
