"""The load balancer's configuration as text: for one arm of the embedded stack, Docker Compose and Kubernetes."""

import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, StrictUndefined, Template

from loadtests.plan import Balancing
from services.catalogue import SCHEMES

Health = Literal["none", "tcp", "http"]
"""What takes a silent replica out. A measured cell has `none`: a health check would hide what a freeze costs."""

TEMPLATE = Path(__file__).parents[2] / "deploy" / "haproxy.cfg.j2"
FRONTEND, STICKY, UPSTREAM = "public", "sticky", "upstream"
REPLICAS, BFF = "replicas", "bff"
COMPOSE_PORTS: Mapping[Balancing, int] = {"roundrobin": 8080, "sticky": 8081}
COMPOSE_UPSTREAM_PORT = 8082
"""Where the BFFs in containers find the API; published nowhere."""
_ALGORITHMS: Mapping[Balancing, str] = {
    "roundrobin": "roundrobin",
    "sticky": "roundrobin",
    "leastconn": "leastconn",
    "roundrobin-l4": "roundrobin",
    "source": "source",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A replica as the load balancer knows it."""

    name: str
    port: int


@dataclass(frozen=True, slots=True)
class Front:
    """How an arm is fronted. `port` 0: a free one. `sticky_port`: one more, with affinity whatever the other does."""

    balancing: Balancing = "roundrobin"
    health: Health = "none"
    port: int = 0
    sticky_port: int | None = None


PLAIN = Front()


@dataclass(frozen=True, slots=True)
class Bffs:
    """The BFFs of an arm, and the schemes they answer for. `serve_alone`: no client of the arm has another scheme.

    `upstream` is a listening socket, where they find the API.
    """

    servers: tuple[Server, ...]
    schemes: tuple[str, ...]
    serve_alone: bool
    upstream: socket.socket


@dataclass(frozen=True, slots=True)
class Pool:
    """Servers that stand in for each other: known by port, or the containers of a Compose service by `host:port`.

    `paths` are the prefixes of the requests that are theirs; a pool without any takes what is nobody else's.
    """

    name: str
    servers: tuple[Server, ...] = ()
    containers: str = ""
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Listener:
    """A port clients connect to, and how requests are spread from there over each of its pools."""

    name: str
    bind: str
    balancing: Balancing
    pools: tuple[Pool, ...]

    @property
    def mode(self) -> Literal["http", "tcp"]:
        """Layer 4 spreads connections and sees no requests, so it can strip no header either."""
        return "tcp" if self.balancing == "roundrobin-l4" else "http"

    @property
    def algorithm(self) -> str:
        """HAProxy's word for it."""
        return _ALGORITHMS[self.balancing]

    @property
    def sticky(self) -> bool:
        """Whether a cookie brings a visitor back to its replica."""
        return self.balancing == "sticky"


def public_pools(replicas: Sequence[Server], bffs: Bffs | None, balancing: Balancing) -> tuple[Pool, ...]:
    """Who answers the clients of an arm: BFFs under the paths of their schemes, replicas under all others.

    Layer 4 sees no path, so all clients get the BFFs where they serve alone, else the replicas.
    """
    api = Pool(REPLICAS, tuple(replicas))
    if bffs is None:
        return (api,)
    if balancing == "roundrobin-l4":
        return (Pool(BFF, bffs.servers) if bffs.serve_alone else api,)
    return Pool(BFF, bffs.servers, paths=tuple(f"/{scheme}/" for scheme in bffs.schemes)), api


def arm_config(listeners: Sequence[Listener], *, cookie_key: str, stats_socket: str, health: Health) -> str:
    """The listeners of one arm."""
    return _template().render(
        listeners=listeners, cookie_key=cookie_key, stats_socket=stats_socket, health=health, resolver=None
    )


def compose_config() -> str:
    """COMPOSE_PORTS before the containers of the services `bff` and `api`, and the API alone for BFFs.

    The cookie key is $COOKIE_KEY.
    """
    return _discovering_config("", "nameserver dns 127.0.0.11:53")


def kubernetes_config() -> str:
    """The same before the Pods of the headless Services `bff` and `api` in the namespace `authbench`."""
    # HAProxy completes no name, but finds the nameserver of its Pod as everybody does
    return _discovering_config(".authbench.svc.cluster.local", "parse-resolv-conf")


def _discovering_config(domain: str, resolver: str) -> str:
    paths = tuple(f"/{name}/" for name, spec in SCHEMES.items() if spec.front == "bff")
    bff = Pool(BFF, containers=f"bff{domain}:8000", paths=paths)
    api = Pool(REPLICAS, containers=f"api{domain}:8000")
    public = (Listener(name, f":{port}", name, (bff, api)) for name, port in COMPOSE_PORTS.items())
    return _template().render(
        listeners=[*public, Listener(UPSTREAM, f":{COMPOSE_UPSTREAM_PORT}", "roundrobin", (api,))],
        cookie_key='"${COOKIE_KEY}"',
        stats_socket=None,
        health="tcp",
        resolver=resolver,
    )


def _template() -> Template:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701 - not HTML
    return environment.from_string(TEMPLATE.read_text())


if __name__ == "__main__":
    sys.stdout.write(kubernetes_config() if sys.argv[1:] == ["kubernetes"] else compose_config())
