"""The load balancer's configuration as text: for one arm of the embedded stack, and for Docker Compose."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, StrictUndefined, Template

from loadtests.plan import Balancing

Health = Literal["none", "tcp", "http"]
"""What takes a silent replica out. A measured cell has `none`: a health check would hide what a freeze costs."""

TEMPLATE = Path(__file__).parents[2] / "deploy" / "haproxy.cfg.j2"
FRONTEND = "public"
COMPOSE_PORTS: Mapping[Balancing, int] = {"roundrobin": 8080, "sticky": 8081}
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
    """How an arm is fronted. `port` 0: a free one."""

    balancing: Balancing = "roundrobin"
    health: Health = "none"
    port: int = 0


PLAIN = Front()


@dataclass(frozen=True, slots=True)
class Listener:
    """A port clients connect to, and how requests are spread from there."""

    name: str
    bind: str
    balancing: Balancing

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


def arm_config(
    listener: Listener, servers: Sequence[Server], *, cookie_key: str, stats_socket: str, health: Health
) -> str:
    """One listener before the replicas of one arm."""
    return _template().render(
        listeners=[listener],
        servers=servers,
        cookie_key=cookie_key,
        stats_socket=stats_socket,
        health=health,
        resolver=None,
    )


def compose_config() -> str:
    """Listeners of COMPOSE_PORTS before the containers of the service `api`; the cookie key is $COOKIE_KEY."""
    return _template().render(
        listeners=[Listener(name, f":{port}", name) for name, port in COMPOSE_PORTS.items()],
        servers=(),
        cookie_key='"${COOKIE_KEY}"',
        stats_socket=None,
        health="tcp",
        resolver="127.0.0.11:53",
        replicas_host="api:8000",
    )


def _template() -> Template:
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)  # noqa: S701 - not HTML
    return environment.from_string(TEMPLATE.read_text())


if __name__ == "__main__":
    sys.stdout.write(compose_config())
