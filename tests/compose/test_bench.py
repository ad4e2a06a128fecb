"""Headless runs in containers: what they write and whose it is, what they count, and that no lost worker is hidden."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.compose.project import ROOT, SCALE, Project, docker, settled

ARMS = ("none", "redis-session")
SIZE = ("--blocks", "2", "--seed", "7")


@pytest.fixture
def output() -> Iterator[Path]:
    """A run directory, as this side of the container sees it."""
    place = ROOT / "runs" / f"test-{uuid4().hex[:8]}"
    yield place
    shutil.rmtree(place, ignore_errors=True)


def run(output: Path, *words: str) -> tuple[str, ...]:
    """What is said to `bench`."""
    return "bench", "run", *ARMS, *SIZE, "-o", f"runs/{output.name}", *words


def written(output: Path) -> dict[str, Any]:
    """What a run left."""
    result: dict[str, Any] = json.loads((output / "run.json").read_text(encoding="utf-8"))
    return result


def test_a_bench_writes_into_the_clone(project: Project, output: Path) -> None:
    """`docker compose run --rm bench run`: a report in ./runs, of the clone's owner, or of the image's user for root.

    On a busy machine a cell may be INVALID, and then the run says so by its exit code.
    """
    done = project.attempt("run", "--rm", "-T", *run(output, "--seconds", "2"))
    assert done.returncode in {0, 4}, done.stderr
    result = written(output)
    assert result["status"] == "complete"
    assert {cell["id"].rpartition(".")[2] for cell in result["summary"]["cells"]} >= {"cpu-30", "latency-30"}
    assert (output / "report.html").exists()
    owner = (ROOT / "deploy/compose/bench.sh").stat().st_uid or 10001
    assert {path.stat().st_uid for path in (output, *output.rglob("*"))} == {owner}


def test_every_replica_has_metrics(project: Project) -> None:
    """Their name has one address per container, and each counts the requests it was sent."""
    code = (
        "import socket, urllib.request as u;"
        "a = sorted({{i[4][0] for i in socket.getaddrinfo('{name}.metrics', 9100, socket.AF_INET)}});"
        "print(len(a), *[u.urlopen(f'http://{{x}}:9100/metrics').read().decode() for x in a])"
    )
    for name in ("api", "bff"):
        number, text = project.run_python("bff", code.format(name=name)).split(maxsplit=1)
        assert int(number) == SCALE[name]
        assert len(re.findall(r"^process_cpu_seconds_total ", text, re.MULTILINE)) == SCALE[name]
        counted = re.findall(r"^authbench_requests_total\{.*\} (\S+)$", text, re.MULTILINE)
        assert sum(map(float, counted)) > 0


@pytest.fixture
def spread(project: Project, output: Path) -> Iterator[tuple[str, str]]:
    """A run that waits for two workers, and one of them, which was told where to find it."""
    master, *workers = (f"{project.name}-{name}" for name in ("master", "hand-1", "hand-2"))
    try:
        words = run(output, "--seconds", "10", "--expect-workers", "2", "--bind", "0.0.0.0")  # noqa: S104 - in a container
        project("run", "--detach", "--name", master, *words)
        for worker in workers:
            said = ("worker", "worker", "--master", master)
            project("run", "--detach", "--no-deps", "--name", worker, "--entrypoint", "python -m authbench", *said)
        yield master, workers[0]
    finally:
        docker("rm", "--force", master, *workers)


def test_a_killed_worker_makes_the_run_invalid(spread: tuple[str, str], output: Path) -> None:
    """Its part of the load is missing, so what it had a part in does not count, and the exit code is 4."""
    master, worker = spread
    assert settled(lambda: any((output / "records").rglob("*.jsonl.gz")))
    docker("kill", worker)
    assert docker("wait", master).strip() == "4"
    result = written(output)
    assert result["status"] == "failed"
    verdicts = [cell["verdict"] for cell in result["summary"]["cells"]]
    lost = [one for one in verdicts if any("gave no sign of life" in reason for reason in one["reasons"])]
    assert lost
    assert {one["status"] for one in lost} == {"INVALID"}
