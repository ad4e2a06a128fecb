"""Metrics of a running replica: published by its worker on a port of their own, exact, and only when asked for."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import falcon
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bench.stack.listening import free_port
from services import gunicorn_conf
from services.answers import App
from services.metrics import Exposition, Metrics
from services.settings import Settings, to_environment
from tests.services.web.client import Client
from tests.services.web.conftest import PASSWORD, new_user, replica
from tests.services.web.test_gunicorn_conf import children, wait_for

DEADLINE_S = 20.0
READS, THREADS = 40, 4


def scrape(settings: Settings) -> str:
    """GET /metrics of the replica that `settings` describe."""
    with urlopen(f"http://{settings.metrics_bind}/metrics", timeout=DEADLINE_S) as answer:
        text: str = answer.read().decode()
        return text


def values(text: str, name: str) -> Mapping[tuple[str, ...], float]:
    """The samples called `name`, by their label values in the order of the label names."""
    samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
    return {
        tuple(value for _, value in sorted(sample.labels.items())): sample.value
        for sample in samples
        if sample.name == name
    }


@pytest.fixture
def watched(settings: Settings) -> Settings:
    """Settings of a replica that publishes on a free port."""
    return replace(settings, schemes=("redis-session",), metrics_bind=f"127.0.0.1:{free_port()}")


@pytest.mark.parametrize("worker_class", ["gthread", "gevent"])
def test_counts_are_the_requests_made(watched: Settings, tmp_path: Path, worker_class: str) -> None:
    """Concurrent ones too: each once, with its round trip; the CPU time is the worker's; nobody is named."""
    name = new_user()
    with replica(watched, tmp_path / "log", worker_class) as running, ThreadPoolExecutor(THREADS) as threads:
        client = Client(running.send, "redis-session", "cookie")
        assert client.log_in(name, PASSWORD).status == 200
        before = values(scrape(watched), "authbench_store_calls_total")
        assert set(threads.map(lambda twin: twin.get("profile").status, [client.twin()] * READS)) == {200}
        running.send("GET", "/redis-session/cookie/profile", {}, b"")
        running.send("GET", "/nothing", {}, b"")
        (worker,) = children(running.master.pid)
        earlier_ns = time.clock_gettime_ns((~worker) << 3 | 2)
        text = scrape(watched)
        (cpu_s,) = values(text, "process_cpu_seconds_total").values()
        assert earlier_ns <= round(cpu_s * 1e9) <= time.clock_gettime_ns((~worker) << 3 | 2)
    assert values(text, "authbench_requests_total") == {
        ("", "healthz", "", "200"): 1,
        ("cookie", "login", "redis-session", "200"): 1,
        ("cookie", "profile", "redis-session", "200"): READS,
        ("cookie", "profile", "redis-session", "401"): 1,
        ("", "other", "", "404"): 1,
    }
    after = values(text, "authbench_store_calls_total")
    assert {store: count - before[store] for store, count in after.items()} == {("redis",): READS, ("postgres",): 0}
    assert not any(secret in text for secret in (name, PASSWORD, client.credential))


def test_the_port_lives_as_long_as_the_master(watched: Settings, tmp_path: Path) -> None:
    """A worker that died leaves it to the next, who counts from nothing; after SIGTERM nobody listens any more."""
    with replica(watched, tmp_path / "log") as running:
        (worker,) = children(running.master.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: children(running.master.pid) not in ([], [worker]))
        assert values(scrape(watched), "authbench_requests_total") == {}
        assert running.send("GET", "/healthz", {}, b"").status == 200
        assert values(scrape(watched), "authbench_requests_total") == {("", "healthz", "", "200"): 1}
        running.master.terminate()
        assert running.master.wait(DEADLINE_S) == 0
    with pytest.raises(URLError, match="refused"):
        scrape(watched)


def test_nothing_is_published_unless_asked_for(settings: Settings, tmp_path: Path) -> None:
    """By default a replica listens for requests alone, and /metrics is not among them."""
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running:
        assert running.send("GET", "/metrics", {}, b"").status == 404
        (worker,) = children(running.master.pid)
        assert listening(worker) == {running.port}


def listening(pid: int) -> set[int]:
    """The TCP ports that a process listens on."""
    links = (link.readlink() for link in Path(f"/proc/{pid}/fd").iterdir())
    inodes = {str(link)[len("socket:[") : -1] for link in links if str(link).startswith("socket:")}
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(row[1].partition(":")[2], 16) for row in rows if row[3] == "0A" and row[9] in inodes}


def test_a_bff_publishes_too(watched: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read through it is one round trip to its vault and one to the API, in whose counts it shows as well."""
    api = replace(watched, schemes=("refresh-token",))
    with replica(api, tmp_path / "api") as behind:
        monkeypatch.setenv("AUTHBENCH_FRONT", "bff")
        bind = f"127.0.0.1:{free_port()}"
        bff = replace(watched, schemes=("bff",), metrics_bind=bind, upstream_url=f"http://127.0.0.1:{behind.port}")
        with replica(bff, tmp_path / "bff") as running:
            client = Client(running.send, "bff", "cookie")
            assert client.log_in(new_user(), PASSWORD).status == 200
            before = scrape(bff)
            assert client.get("profile").status == 200
            after = scrape(bff)
        counted = values(scrape(api), "authbench_requests_total")
    for name, labels in (("authbench_upstream_calls_total", ()), ("authbench_store_calls_total", ("redis",))):
        assert values(after, name)[labels] - values(before, name)[labels] == 1
    assert values(after, "authbench_info") == {("bff", "tests"): 1}
    assert counted["bearer", "profile", "refresh-token", "200"] == 1


def test_a_taken_port_ends_it_in_one_line(settings: Settings) -> None:
    """Before a worker is started: what was found, what to do."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        bind = f"127.0.0.1:{taken.getsockname()[1]}"
        ended = subprocess.run(
            [sys.executable, "-m", "gunicorn", "-c", "python:services.gunicorn_conf"],
            env={
                **os.environ,
                **to_environment(replace(settings, metrics_bind=bind)),
                "AUTHBENCH_BIND": "127.0.0.1:0",
            },
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert ended.returncode == 1
    assert line.startswith(f"services: AUTHBENCH_METRICS_BIND is '{bind}', which cannot be listened on (")
    assert "Booting worker" not in ended.stderr


class Worker:
    """A gunicorn worker as the hook sees it."""

    def __init__(self, wsgi: object) -> None:
        self.wsgi = wsgi


@pytest.fixture
def hooks(watched: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """The hooks of a master in this process, told the settings that this yields."""
    for name, value in to_environment(watched).items():
        monkeypatch.setenv(name, value)
    published: list[Exposition] = []
    monkeypatch.setattr("services.metrics.Exposition", lambda *told: published.append(Exposition(*told)))
    monkeypatch.setattr(gunicorn_conf, "_metrics_listeners", [])
    yield watched
    for exposition in published:
        exposition.server_close()
    for listener in gunicorn_conf._metrics_listeners:
        listener.close()


def test_the_hooks_bind_before_and_publish_after_the_fork(hooks: Settings) -> None:
    """The master listens from the start; the worker that loaded the application answers."""
    gunicorn_conf.on_starting(None)
    with pytest.raises(SystemExit, match="AUTHBENCH_METRICS_BIND"):
        gunicorn_conf.on_starting(None)
    gunicorn_conf.post_worker_init(Worker(App("api", Metrics("api", "api"))))
    assert values(scrape(hooks), "authbench_info") == {("api", "api"): 1}


@pytest.mark.parametrize("other", [App("api"), falcon.App()], ids=["uncounted", "another's"])
def test_an_application_without_metrics_publishes_none(hooks: Settings, other: object) -> None:
    """The hook leaves the socket alone, and an application that is none of ours in peace."""
    gunicorn_conf.on_starting(None)
    gunicorn_conf.post_worker_init(Worker(other))
    assert gunicorn_conf._metrics_listeners[0].fileno() >= 0
    assert hooks.metrics_bind
