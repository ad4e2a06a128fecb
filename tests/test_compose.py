"""docker-compose.yml as it is written: who may be reached, who may do what, in which order, and where secrets are."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from bench.stack.haproxy_config import compose_config
from services.settings import PREFIX, Settings, from_environment

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUN_ONCE = {"keys", "seed"}
OURS = {"keys", "seed", "api", "locust"}

each_service = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    """The variables a service is given."""
    return dict(SERVICES[name].get("environment", {}))


def mounts(name: str) -> dict[str, str]:
    """What a service mounts, and the options: "" or ro."""
    split = [mount.split(":") for mount in SERVICES[name].get("volumes", [])]
    return {source: ":".join(rest) for source, _target, *rest in split}


def test_the_stack_is_the_one_of_the_design() -> None:
    """The services of an embedded stack, the web UI, and two that run once; no obsolete version key."""
    assert set(SERVICES) == {"keys", "seed", "postgres", "redis", "api", "lb", "locust"}
    assert "version" not in COMPOSE


@each_service
def test_ports_are_published_on_the_loopback_alone(name: str) -> None:
    """Whatever other machines can reach of this one, they cannot reach the stack."""
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in SERVICES[name].get("ports", []))
    assert bool(SERVICES[name].get("ports")) == (name in {"lb", "locust"})


@each_service
def test_a_service_may_do_nothing_it_need_not(name: str) -> None:
    """No capability, no way to gain one, no file system to write to but memory and named volumes, and no root."""
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - in the container
    assert not {"privileged", "cap_add", "pid", "ipc", "devices"} & service.keys()
    assert name in OURS or service["user"] not in {"root", "0"}


def test_our_image_is_not_root() -> None:
    """The user of the last stage is a number that is not 0, so that a cluster can check it."""
    users = re.findall(r"^USER (\S+)$", (ROOT / "services/Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert re.fullmatch(r"[1-9]\d*(:[1-9]\d*)?", users[-1])


@each_service
def test_a_service_is_waited_for(name: str) -> None:
    """It has a health check, or it runs once; who depends on it waits for just that."""
    assert ("healthcheck" in SERVICES[name]) == (name not in RUN_ONCE)
    for other, wait in SERVICES[name].get("depends_on", {}).items():
        ended = "service_completed_successfully" if other in RUN_ONCE else "service_healthy"
        assert wait == {"condition": ended}


@each_service
def test_no_secret_stands_in_the_environment(name: str) -> None:
    """Secrets are named by their files: no variable looks like one, and no URL holds a password."""
    for variable, value in environment(name).items():
        assert not re.search(r"SECRET|TOKEN|PASSWORD$|KEY$", variable), variable
        assert not re.search(r"://[^/]*:[^/]*@", str(value)), variable
        assert not variable.endswith("_FILE") or str(value).startswith("/run/authbench/")


@each_service
def test_a_secret_is_mounted_by_who_needs_it(name: str) -> None:
    """`keys` alone may write secrets; everybody else sees no other secret than its own."""
    needed = {
        "keys": {"keys", "postgres-secret", "redis-secret", "users-secret", "cookie-secret"},
        "postgres": {"postgres-secret"},
        "redis": {"redis-secret"},
        "seed": {"postgres-secret", "users-secret"},
        "api": {"keys", "postgres-secret", "redis-secret"},
        "lb": {"cookie-secret"},
        "locust": {"users-secret"},
    }
    secrets = {volume: options for volume, options in mounts(name).items() if re.fullmatch(r"keys|.*-secret", volume)}
    assert set(secrets) == needed[name]
    assert set(secrets.values()) == {"" if name == "keys" else "ro"}


def test_every_volume_and_network_is_declared() -> None:
    """No name is misspelt: what is used is declared, and what is declared is used."""
    volumes = {volume for name in SERVICES for volume in mounts(name) if not volume.startswith(".")}
    assert volumes == set(COMPOSE["volumes"])
    networks = {network for service in SERVICES.values() for network in service.get("networks", [])}
    assert networks == set(COMPOSE["networks"])


def test_the_stores_cannot_be_reached_from_outside_nor_reach_it() -> None:
    """PostgreSQL and Redis live in an internal network that the load balancer and Locust are not part of."""
    assert COMPOSE["networks"]["stores"] == {"internal": True}
    assert {name for name in SERVICES if "stores" in SERVICES[name].get("networks", [])} == {
        "postgres", "redis", "seed", "api",
    }  # fmt: skip
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["stores"]


@pytest.mark.parametrize("name", ["api", "seed"])
def test_the_settings_are_settings(name: str) -> None:
    """Every AUTHBENCH_ variable means something to the services, and is understood."""
    known = {PREFIX + field.upper() for field in Settings.__annotations__} | {PREFIX + "BIND"}
    given = {variable for variable in environment(name) if variable.startswith(PREFIX)}
    assert given
    assert given <= known
    assert from_environment(environment(name)).password_profile == "harness"


def test_replicas_can_be_scaled() -> None:
    """Nothing of the api exists once only: no container name, no port of the host; each names itself."""
    assert not {"container_name", "ports"} & SERVICES["api"].keys()
    assert "AUTHBENCH_REPLICA=$$HOSTNAME" in SERVICES["api"]["command"][-1]


def test_one_service_builds_the_image_of_all() -> None:
    """All of ours run the same image, so that scaling up replaces nothing."""
    assert {SERVICES[name]["image"] for name in OURS} == {"authbench"}
    assert [name for name in SERVICES if "build" in SERVICES[name]] == ["keys"]
    assert all(SERVICES[name]["pull_policy"] == "never" for name in OURS - {"keys"})


def test_the_load_balancer_is_configured_by_the_template() -> None:
    """The committed file is what the template renders; `python -m bench.stack.haproxy_config` writes it anew."""
    assert (ROOT / "deploy/compose/haproxy.cfg").read_text(encoding="utf-8") == compose_config()


@each_service
def test_what_is_mounted_from_the_repository_is_there(name: str) -> None:
    """Docker would make a folder of a file that is missing; they are read-only, and readable by any user."""
    for source, options in mounts(name).items():
        if source.startswith("."):
            assert options == "ro"
            assert stat.S_ISREG((ROOT / source).stat().st_mode)


def test_the_image_is_made_of_nothing_else() -> None:
    """The build context is a list of what may enter it: no history, no environment, no run, no secret."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    assert {line for line in lines if line.startswith("!")} == {"!requirements.lock", "!services", "!loadtests"}
