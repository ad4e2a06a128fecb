"""The load balancer: what it lets through, how it spreads requests, and that its counts are exact."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from bench.stack.binaries import HAPROXY, find
from bench.stack.errors import NotReadyError
from bench.stack.haproxy import HAProxy, State
from bench.stack.haproxy_config import TEMPLATE, Bffs, Front, Health, Server, compose_config
from bench.stack.listening import free_port, listen, port_of
from bench.stack.probe import answers
from bench.stack.supervisor import Supervisor
from loadtests.plan import BALANCINGS, Balancing


class Echo(BaseHTTPRequestHandler):
    """Answers every GET with the header names it received, in lower case."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """One answer; the port says which server gave it."""
        body = " ".join(name.lower() for name in self.headers).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Port", str(self.connection.getsockname()[1]))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        """As usual, but a load balancer that ends with connections open is no error."""
        with suppress(ConnectionResetError):
            super().handle()

    def log_message(self, *_values: object) -> None:
        """Be quiet."""


class EchoServer(ThreadingHTTPServer):
    """Does not wait for idle connections when it is closed."""

    block_on_close = False
    daemon_threads = True


@pytest.fixture(scope="module")
def servers() -> Iterator[list[Server]]:
    """Two backends that say who they are."""
    with ExitStack() as stack:
        echoes = [stack.enter_context(EchoServer(("127.0.0.1", 0), Echo)) for _ in range(2)]
        for echo in echoes:
            Thread(target=echo.serve_forever, daemon=True).start()
            stack.callback(echo.shutdown)
        yield [Server(f"replica-{number + 1}", echo.server_port) for number, echo in enumerate(echoes)]


def _started(supervisor: Supervisor, servers: list[Server], front: Front) -> HAProxy:
    haproxy = HAProxy(supervisor, f"lb-{front.balancing}-{front.health}", servers, front)
    haproxy.wait_ready()
    return haproxy


def _fronted(
    supervisor: Supervisor, servers: list[Server], balancing: Balancing = "roundrobin", *, serve_alone: bool = False
) -> HAProxy:
    """The first server is the API, the others are BFFs of two schemes."""
    api, *others = servers
    bffs = tuple(Server(f"bff-{number + 1}", other.port) for number, other in enumerate(others))
    with listen() as upstream:
        behind = Bffs(bffs, ("bff", "bff-memory"), serve_alone, upstream)
        haproxy = HAProxy(supervisor, f"lb-bff-{balancing}", [api], Front(balancing), behind)
    haproxy.wait_ready()
    return haproxy


def _get(
    connection: HTTPConnection, headers: dict[str, str] | None = None, path: str = "/profile"
) -> tuple[HTTPResponse, str]:
    connection.request("GET", path, headers=headers or {})
    response = connection.getresponse()
    return response, response.read().decode()


def _ports(port: int | None, *paths: str, headers: dict[str, str] | None = None) -> list[int]:
    """The servers that answered GETs of `paths`, each on a connection of its own."""
    found = []
    for path in paths:
        connection = HTTPConnection("127.0.0.1", port)
        found.append(int(_get(connection, headers, path)[0].getheader("X-Port") or 0))
        connection.close()
    return found


@pytest.mark.parametrize("balancing", BALANCINGS)
def test_requests_are_counted_and_spread(supervisor: Supervisor, servers: list[Server], balancing: Balancing) -> None:
    """Every policy serves; counts are exact in total and per server; round robin deals evenly."""
    haproxy = _started(supervisor, servers, Front(balancing))
    before, per_server = haproxy.requests(), haproxy.requests_per_server()
    for _ in range(10):
        connection = HTTPConnection(haproxy.host, haproxy.port)
        _get(connection)
        connection.close()
    after = Counter(haproxy.requests_per_server())
    after.subtract(per_server)
    assert after.total() == 10
    if balancing == "roundrobin-l4":
        assert haproxy.requests() is None
    else:
        assert (haproxy.requests() or 0) - (before or 0) == 10
    if balancing in {"roundrobin", "roundrobin-l4"}:
        assert set(after.values()) == {5}
    if balancing == "source":
        assert set(after.values()) == {0, 10}


def test_round_robin_deals_requests_of_one_connection(supervisor: Supervisor, servers: list[Server]) -> None:
    """A kept-alive connection is no affinity: each request goes to the next replica."""
    haproxy = _started(supervisor, servers, Front())
    connection = HTTPConnection(haproxy.host, haproxy.port)
    ports = Counter(_get(connection)[0].getheader("X-Port") for _ in range(10))
    connection.close()
    assert sorted(ports.values()) == [5, 5]


def test_a_sticky_cookie_returns_to_its_replica(supervisor: Supervisor, servers: list[Server]) -> None:
    """The cookie is set once with its attributes, sticks over a restart, and both replicas are given out."""
    haproxy = _started(supervisor, servers, Front("sticky"))
    cookies: dict[str, str] = {}
    for _ in range(4):
        connection = HTTPConnection(haproxy.host, haproxy.port)
        response, _ = _get(connection)
        cookie, *attributes = (response.getheader("Set-Cookie") or "").split("; ")
        cookies[cookie] = response.getheader("X-Port") or ""
        assert {attribute.lower() for attribute in attributes} == {"path=/", "httponly", "secure", "samesite=lax"}
        connection.close()
    assert len(cookies) == len(set(cookies.values())) == 2
    haproxy.restart()
    haproxy.wait_ready()
    for cookie, port in cookies.items():
        connection = HTTPConnection(haproxy.host, haproxy.port)
        given = [_get(connection, {"Cookie": cookie})[0] for _ in range(3)]
        connection.close()
        assert {answer.getheader("X-Port") for answer in given} == {port}
        assert {answer.getheader("Set-Cookie") for answer in given} == {None}


def test_a_sticky_port_beside_the_first(supervisor: Supervisor, servers: list[Server]) -> None:
    """One port deals in turns as before and sets no cookie; the other keeps a visitor, also over a restart."""
    sticky_port = free_port()
    haproxy = _started(supervisor, servers, Front(sticky_port=sticky_port))
    assert len(set(_ports(haproxy.port, "/a", "/b", "/c", "/d"))) == 2
    connection = HTTPConnection(haproxy.host, sticky_port)
    answer, _ = _get(connection)
    connection.close()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    haproxy.restart()
    haproxy.wait_ready()
    assert cookie.startswith("SRV=")
    assert {str(port) for port in _ports(sticky_port, "/a", "/b", "/c", headers={"Cookie": cookie})} == {
        answer.getheader("X-Port")
    }


def test_a_forged_sticky_cookie_changes_nothing(supervisor: Supervisor, servers: list[Server]) -> None:
    """An unknown value is answered like none at all, with a cookie of our making."""
    haproxy = _started(supervisor, servers, Front("sticky"))
    connection = HTTPConnection(haproxy.host, haproxy.port)
    response, _ = _get(connection, {"Cookie": "SRV=../../forged"})
    connection.close()
    assert response.status == 200
    assert "SRV=" in (response.getheader("Set-Cookie") or "")


def test_forwarding_headers_of_clients_are_stripped(supervisor: Supervisor, servers: list[Server]) -> None:
    """RFC 9700 4.13: nobody outside says who answered or for whom a request was forwarded."""
    haproxy = _started(supervisor, servers, Front())
    connection = HTTPConnection(haproxy.host, haproxy.port)
    names = ("X-Forwarded-For", "x-forwarded-proto", "X-FORWARDED-ANYTHING", "Forwarded", "X-Real-IP", "X-Replica")
    _, received = _get(connection, {**dict.fromkeys(names, "spoofed"), "X-Other": "kept"})
    connection.close()
    assert set(received.split()) == {"host", "accept-encoding", "x-other"}


def test_bffs_answer_for_their_schemes_and_nothing_else(supervisor: Supervisor, servers: list[Server]) -> None:
    """A path below a scheme of theirs is theirs; everything else, however alike, is the API's."""
    haproxy = _fronted(supervisor, servers)
    api, bff = (server.port for server in servers)
    assert _ports(haproxy.port, "/bff/cookie/profile", "/bff-memory/cookie/profile") == [bff, bff]
    others = ("/bffs/cookie/profile", "/bff", "/jwt/bff/profile", "//bff/x", "/BFF/cookie/profile", "/x?y=/bff/")
    assert _ports(haproxy.port, *others) == [api] * len(others)


def test_bffs_find_the_api_where_no_client_is_counted(supervisor: Supervisor, servers: list[Server]) -> None:
    """Upstream every path is the API's, and what BFFs ask is not taken for a client's request."""
    haproxy = _fronted(supervisor, servers)
    before, per_server = haproxy.requests(), haproxy.requests_per_server()
    assert _ports(haproxy.upstream_port, "/refresh-token/bearer/login", "/bff/cookie/login") == [servers[0].port] * 2
    assert (haproxy.requests(), haproxy.requests_per_server()) == (before, per_server)
    _ports(haproxy.port, "/bff/cookie/profile", "/none/bearer/profile", "/none/bearer/profile")
    grown = Counter(haproxy.requests_per_server())
    grown.subtract(per_server)
    assert grown == {"bff-1": 1, "replica-1": 2}


def test_a_restart_keeps_both_ports(supervisor: Supervisor, servers: list[Server]) -> None:
    """BFFs need not be told anew."""
    haproxy = _fronted(supervisor, servers)
    ports = haproxy.port, haproxy.upstream_port
    haproxy.restart()
    haproxy.wait_ready()
    assert (haproxy.port, haproxy.upstream_port) == ports
    assert [_ports(port, "/bff/x") for port in ports] == [[servers[1].port], [servers[0].port]]


@pytest.mark.parametrize(("serve_alone", "answering"), [(True, 1), (False, 0)])
def test_layer_4_knows_no_paths(
    supervisor: Supervisor, servers: list[Server], answering: int, *, serve_alone: bool
) -> None:
    """Every client gets the BFFs where they serve alone, else the API; upstream is as ever."""
    haproxy = _fronted(supervisor, servers, "roundrobin-l4", serve_alone=serve_alone)
    assert _ports(haproxy.port, "/bff/x", "/none/x") == [servers[answering].port] * 2
    assert _ports(haproxy.upstream_port, "/bff/x") == [servers[0].port]
    assert len(haproxy.requests_per_server()) == 1


def test_a_visitor_sticks_to_its_bff(supervisor: Supervisor, servers: list[Server]) -> None:
    """The affinity cookie is the BFFs' as well as the replicas'."""
    haproxy = _fronted(supervisor, [servers[0], *servers], "sticky")
    connection = HTTPConnection(haproxy.host, haproxy.port)
    response, _ = _get(connection, path="/bff/x")
    cookie = (response.getheader("Set-Cookie") or "").partition(";")[0]
    connection.close()
    assert cookie.startswith("SRV=")
    assert set(_ports(haproxy.port, *["/bff/x"] * 4, headers={"Cookie": cookie})) == {
        int(response.getheader("X-Port") or 0)
    }


@pytest.mark.parametrize("balancing", BALANCINGS)
def test_answers_are_counted_by_class(supervisor: Supervisor, servers: list[Server], balancing: Balancing) -> None:
    """Each answer a client got is one of its class; layer 4 sees none."""
    haproxy = _started(supervisor, servers, Front(balancing))
    before = Counter(haproxy.answers())
    connection = HTTPConnection(haproxy.host, haproxy.port)
    statuses = [_get(connection)[0].status for _ in range(3)]
    connection.request("POST", "/", headers={"Content-Length": "0"})
    statuses.append(connection.getresponse().status)
    connection.close()
    grown = Counter(haproxy.answers())
    grown.subtract(before)
    assert statuses == [200, 200, 200, 501]
    assert +grown == (Counter() if balancing == "roundrobin-l4" else Counter({"2xx": 3, "5xx": 1}))


@pytest.mark.parametrize("state", ["maint", "drain"])
def test_a_replica_is_taken_out_and_put_back(supervisor: Supervisor, servers: list[Server], state: State) -> None:
    """Out of rotation it is asked by nobody, through any of the ports; ready again it has its share."""
    haproxy = _started(supervisor, servers, Front(sticky_port=free_port()))
    ports = haproxy.port, haproxy.front.sticky_port
    haproxy.rotate("replica-1", state)
    assert {found for port in ports for found in _ports(port, *["/"] * 4)} == {servers[1].port}
    haproxy.rotate("replica-1", "ready")
    assert [set(_ports(port, *["/"] * 4)) for port in ports] == [{one.port for one in servers}] * 2


def test_a_replica_rests_from_the_bffs_as_well(supervisor: Supervisor, servers: list[Server]) -> None:
    """Upstream it is out of rotation too; a BFF goes by its own name, and an unknown one is an error."""
    haproxy = _fronted(supervisor, servers)
    haproxy.rotate("replica-1", "maint")
    connection = HTTPConnection(haproxy.host, haproxy.upstream_port)
    assert _get(connection)[0].status == 503
    connection.close()
    haproxy.rotate("bff-1", "maint")
    assert set(haproxy.requests_per_server()) == {"replica-1", "bff-1"}
    with pytest.raises(ValueError, match="no server 'replica-2'"):
        haproxy.rotate("replica-2", "ready")


def test_a_dead_replica_costs_no_request(supervisor: Supervisor, servers: list[Server]) -> None:
    """A replica that refuses the connection saw nothing, so the other one is asked instead."""
    with listen() as closed:
        dead = Server("dead", port_of(closed))
    haproxy = _started(supervisor, [dead, servers[0]], Front())
    connection = HTTPConnection(haproxy.host, haproxy.port)
    assert [_get(connection)[0].status for _ in range(6)] == [200] * 6
    connection.close()


@pytest.mark.parametrize("health", ["tcp", "http"])
def test_health_checks_take_a_dead_replica_out(supervisor: Supervisor, servers: list[Server], health: Health) -> None:
    """With checks on, the load balancer itself says who is down."""
    with listen() as closed:
        dead = Server("dead", port_of(closed))
    haproxy = _started(supervisor, [dead, servers[0]], Front(health=health))
    haproxy.process.wait_ready(lambda: ",DOWN," in haproxy.command("show stat"))


def test_a_taken_port_is_told_in_one_line(supervisor: Supervisor, servers: list[Server]) -> None:
    """The port a user asked for belongs to somebody else: found, expected, do."""
    with listen() as taken, pytest.raises(NotReadyError, match=f"port {port_of(taken)} .*choose another port"):
        HAProxy(supervisor, "unlucky-lb", servers, Front(port=port_of(taken)))


def test_a_dead_load_balancer_refuses(supervisor: Supervisor, servers: list[Server]) -> None:
    """We keep no copy of the socket we handed over."""
    haproxy = _started(supervisor, servers, Front())
    haproxy.process.kill()
    with pytest.raises(ConnectionRefusedError):
        HTTPConnection(haproxy.host, haproxy.port).connect()
    assert not answers(haproxy.port)


def test_the_configuration_for_compose_is_valid() -> None:
    """HAProxy accepts it: a listener per policy before BFFs and API, one for the BFFs; Compose's file is up to date."""
    command = [sys.executable, "-m", "bench.stack.haproxy_config"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert text == compose_config() == (TEMPLATE.parent / "compose" / "haproxy.cfg").read_text()
    assert text.count("server-template replicas 1-16 api:8000") == text.count("\nfrontend ") == 3
    assert text.count("server-template bff 1-16 bff:8000") == text.count("use_backend ") == 2
    check = [str(find(HAPROXY)), "-c", "-f", "/dev/stdin"]
    done = subprocess.run(check, input=text, env={"COOKIE_KEY": "k"}, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Configuration file is valid\n")
