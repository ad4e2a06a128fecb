"""A load balancer of an arm's own: its CPU time, its counts and its faults are that arm's alone."""

import csv
import socket
from collections.abc import Mapping, Sequence
from secrets import token_hex

from bench.stack.binaries import HAPROXY, find
from bench.stack.haproxy_config import FRONTEND, PLAIN, Front, Listener, Server, arm_config
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

STATS_LIMIT_S = 5.0


class HAProxy:
    """One frontend before `servers`. Starting it does not wait for them."""

    def __init__(self, supervisor: Supervisor, name: str, servers: Sequence[Server], front: Front = PLAIN) -> None:
        self.name = name
        self.servers = tuple(servers)
        self.front = front
        self.port = front.port
        self._supervisor = supervisor
        self._folder = supervisor.folder("haproxy")  # short: the path of its socket has at most 97 characters
        self._cookie_key = token_hex(16)
        self._binary = find(HAPROXY)
        self.process = self._start()

    def wait_ready(self) -> None:
        """Return when a request passes through it and is answered by a replica."""
        self.process.wait_ready(lambda: answers(self.port))

    def restart(self) -> None:
        """Stop it if it still runs and start again on the same port: counts begin anew, affinity cookies stay valid."""
        self.process.stop()
        self.process = self._start()

    def requests(self) -> int | None:
        """How many requests reached the frontend since the start; None at layer 4, where it sees connections."""
        if self.front.balancing == "roundrobin-l4":
            return None
        return int(self._stats(FRONTEND)["FRONTEND"]["req_tot"])

    def requests_per_server(self) -> Mapping[str, int]:
        """How many requests (at layer 4: connections) each server was given since the start."""
        rows = self._stats(f"{FRONTEND}-replicas")
        return {server.name: int(rows[server.name]["stot"]) for server in self.servers}

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

    def _start(self) -> Process:
        with listen(self.port) as listener:
            self.port = port_of(listener)
            config = self._folder / "haproxy.cfg"
            config.write_text(self._config(f"fd@{listener.fileno()}"))
            argv = (str(self._binary), "-db", "-q", "-f", str(config))
            return self._supervisor.start(Command(self.name, argv, self._folder, descriptors=(listener.fileno(),)))

    def _config(self, bind: str) -> str:
        return arm_config(
            Listener(FRONTEND, bind, self.front.balancing),
            self.servers,
            cookie_key=self._cookie_key,
            stats_socket=self._stats_socket,
            health=self.front.health,
        )

    @property
    def host(self) -> str:
        """Where clients connect."""
        return LOOPBACK
