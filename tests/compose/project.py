"""docker-compose.yml as a running project, beside whatever else runs: a name and ports of its own."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.stack.listening import listen, port_of
from tests.services.web.client import Client, Send, over_tcp

ROOT = Path(__file__).parents[2]
SCALE: Mapping[str, int] = {"api": 4, "bff": 2, "worker": 2}
LIMIT_S = 380.0
SETTLED_WITHIN_S = 40.0
POLL_S = 0.2
PORTS = ("ROUNDROBIN_PORT", "STICKY_PORT", "UI_PORT")


def free_port() -> int:
    """A port of the loopback that nobody had a moment ago."""
    with listen() as listener:
        return port_of(listener)


def settled(holds: Callable[[], bool]) -> bool:
    """Whether `holds` comes true soon: name service and health checks take their seconds."""
    deadline_s = time.monotonic() + SETTLED_WITHIN_S
    while not holds():
        if time.monotonic() > deadline_s:
            return False
        time.sleep(POLL_S)
    return True


@dataclass(frozen=True, slots=True)
class Project:
    """Docker Compose, told which project it is about; `ports` are what it publishes on the loopback.

    `scale`: how many containers of a service it keeps up whatever it is asked to do, where not one.
    """

    name: str
    ports: Mapping[str, int] = field(default_factory=lambda: {name: free_port() for name in PORTS})
    scale: Mapping[str, int] = field(default_factory=dict)

    @property
    def argv(self) -> tuple[str, ...]:
        """What every command begins with."""
        return "docker", "compose", "--project-name", self.name

    @property
    def environ(self) -> Mapping[str, str]:
        """What every command is told."""
        told = {**self.ports, **{f"{service.upper()}_REPLICAS": number for service, number in self.scale.items()}}
        return {**os.environ, **{name: str(value) for name, value in told.items()}}

    def attempt(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Do as told, whatever comes of it."""
        return subprocess.run(
            (*self.argv, *words),
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=False,
        )

    def __call__(self, *words: str) -> str:
        """What it printed, having succeeded."""
        done = self.attempt(*words)
        assert done.returncode == 0, f"{words}: {done.stdout[-4000:]}{done.stderr[-4000:]}"
        return done.stdout.strip()

    def up(self, *words: str) -> None:
        """Start what does not run, and wait until all is healthy."""
        self("up", "--wait", *words)

    def containers(self, *services: str) -> tuple[str, ...]:
        """Ids of the containers there are, ended ones included."""
        return tuple(self("ps", "--all", "--quiet", "--no-trunc", *services).split())

    def inspect(self, *services: str) -> list[dict[str, Any]]:
        """All that the engine knows of them."""
        found: list[dict[str, Any]] = docker_json("inspect", *self.containers(*services))
        return found

    def run_python(self, service: str, code: str) -> str:
        """What a line of Python prints inside a running container of ours."""
        return self("exec", "-T", service, "python", "-c", code)

    def secret(self, volume: str) -> str:
        """What `keys` wrote for those who mount a volume."""
        return self("run", "--rm", "--no-deps", "-T", "keys", "cat", f"/run/authbench/{volume}/secret")

    def sender(self, port: str) -> Send:
        """A connection to a published port."""
        return over_tcp(self.ports[port])

    def logged_in(self, scheme: str, carrier: str, port: str, password: str) -> Client:
        """A visitor who has just logged in."""
        client = Client(self.sender(port), scheme, carrier)
        answer = client.log_in("user-000001", password)
        assert answer.status == 200, answer
        return client

    def replicas(self, port: str, path: str = "/none/bearer/profile") -> frozenset[str]:
        """Who answers, of as many as the load balancer has found."""
        send = self.sender(port)
        return frozenset(send("GET", path, {}, b"").header("X-Replica") for _ in range(24))


def docker(*words: str) -> str:
    """What the engine's own command printed, having succeeded."""
    done = subprocess.run(("docker", *words), capture_output=True, text=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, f"{words}: {done.stderr[-4000:]}"
    return done.stdout


def docker_json(*words: str) -> Any:  # noqa: ANN401 - whatever the engine says
    """The same, read."""
    return json.loads(docker(*words))
