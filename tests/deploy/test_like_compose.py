"""deploy/kubernetes beside docker-compose.yml: the same images, settings, secrets and load."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from services.settings import PREFIX, Settings, from_environment
from tests.deploy.manifests import FOLDER, PODS, Pod, generated, named, tagged

ROOT = FOLDER.parents[1]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OF_GUNICORN = {"BIND", "FRONT"}
"""What services/gunicorn_conf.py reads besides the settings."""

each_pod = pytest.mark.parametrize("pod", PODS.values(), ids=PODS)


@each_pod
def test_images_are_those_of_docker_compose(pod: Pod) -> None:
    """A tag says which, and it is the same; ours carries the version of the project."""
    image = pod.container["image"]
    assert image == COMPOSE["services"][pod.name]["image"]
    assert re.fullmatch(r"[a-z/]+:[\d.]+", tagged(image))
    assert image != "authbench" or tagged(image) == f"authbench:{version()}"


def version() -> str:
    """Of the project."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


@pytest.mark.parametrize("name", ["api", "bff", "seed"])
def test_the_settings_are_those_of_docker_compose(name: str) -> None:
    """Every variable means something to the services, is understood, and says the same as in docker-compose.yml."""
    given = {variable: value for variable, value in PODS[name].environment.items() if value}
    assert {variable.removeprefix(PREFIX) for variable in given} <= OF_GUNICORN | {
        one.upper() for one in Settings.__annotations__
    }
    assert from_environment(given).replica == Settings().replica
    assert given == COMPOSE["services"][name]["environment"]


def test_a_replica_answers_under_its_own_name() -> None:
    """Each Pod is a replica, and says which."""
    for name in ("api", "bff"):
        own = {"name": "AUTHBENCH_REPLICA", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
        assert own in PODS[name].container["env"]


@each_pod
def test_a_secret_is_a_file_of_who_needs_it(pod: Pod) -> None:
    """The same secrets as with Docker Compose, where it says they are, to be read by nobody else in the container."""
    mounted = COMPOSE["services"][pod.name]["volumes"]
    wanted = {
        volume: path
        for volume, path, *_ in (mount.split(":") for mount in mounted)
        if re.fullmatch(r"keys|[a-z]+-secret", volume)
    }
    paths = {mount["name"]: mount["mountPath"] for mount in pod.container["volumeMounts"] if mount.get("readOnly")}
    assert {name: paths[name] for name in pod.secrets} == wanted
    assert {secret["defaultMode"] for secret in pod.secrets.values()} == {0o440}
    assert pod.spec["securityContext"]["fsGroup"] == pod.spec["securityContext"]["runAsGroup"]


def test_locust_is_told_what_it_is_told_by_docker_compose() -> None:
    """The same locustfile, the same settings, the same users; the operator's image is ours but for its entry point."""
    spec = named("LocustTest", "locust")["spec"]
    assert tagged(spec["image"]) == f"authbench-locust:{version()}"
    lines = (FOLDER / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert lines[1:] == ["FROM authbench", 'ENTRYPOINT ["python", "-m", "locust"]']
    given = {one["name"]: one["value"].replace(".authbench:", ":") for one in spec["env"]}
    wanted = COMPOSE["services"]["locust"]["environment"]
    assert given == {**wanted, "AUTHBENCH_USER_PASSWORD_FILE": "/home/locust/secret"}
    assert wanted["AUTHBENCH_SEEDED_USERS"] in PODS["seed"].container["command"]
    assert (ROOT / re.findall(r"--locustfile /app/(\S+)", spec["args"])[0]).is_file()
    assert ("authbench-load", spec["locustfile"]["configMap"]["name"]) in generated("ConfigMap")
