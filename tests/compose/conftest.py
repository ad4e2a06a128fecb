"""The project of docker-compose.yml on a real engine, built from this tree: up once, gone at the end."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.compose.project import SCALE, Project, settled

HERE = Path(__file__).parent
ANSWERS_WITHIN_S = 20
START_LIMIT_S = 390


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whichever test is first starts everything, so it may take as long."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(START_LIMIT_S))


def _why_not() -> str:
    """What these tests lack; "" when they can run."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "each worker would start the containers anew; make test-compose starts them once"
    if not shutil.which("docker"):
        return "no docker command"
    for words in (("compose", "version"), ("info",)):
        try:
            done = subprocess.run(("docker", *words), capture_output=True, timeout=ANSWERS_WITHIN_S, check=False)
        except subprocess.TimeoutExpired:
            return f"docker {' '.join(words)} does not answer"
        if done.returncode != 0:
            return f"docker {' '.join(words)} fails"
    return ""


@pytest.fixture(scope="session")
def started() -> Iterator[Project]:
    """As `docker compose up --build --wait` leaves it: one container per service."""
    lacking = _why_not()
    if lacking:
        pytest.skip(f"needs a Docker Engine with Compose: {lacking}")
    project = Project(f"authbench-test-{os.getpid()}")
    try:
        project.up("--build", "--quiet-pull")
        yield project
    finally:
        project.attempt("--profile", "bench", "down", "--volumes", "--remove-orphans", "--timeout", "2")


@pytest.fixture(scope="session")
def first_containers(started: Project) -> frozenset[str]:
    """What ran before anything was scaled."""
    return frozenset(started.containers())


@pytest.fixture(scope="session")
def project(started: Project, first_containers: frozenset[str]) -> Project:
    """The same, scaled to SCALE, and the load balancer knows it."""
    assert first_containers
    started.up(*(f"--scale={service}={number}" for service, number in SCALE.items()))
    for path, service in (("/none/bearer/profile", "api"), ("/bff/cookie/profile", "bff")):
        for port in ("ROUNDROBIN_PORT", "STICKY_PORT"):
            assert settled(lambda: len(started.replicas(port, path)) == SCALE[service])  # noqa: B023 - called at once
    # what is started beside it would else scale it down again
    return replace(started, scale=SCALE)


@pytest.fixture(scope="session")
def password(project: Project) -> str:
    """What opens every seeded account."""
    return project.secret("users")
