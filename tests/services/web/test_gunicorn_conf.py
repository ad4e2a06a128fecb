"""A replica is one master and one worker that serve many idle connections and leave nothing behind."""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from services import gunicorn_conf
from services.settings import Settings, to_environment
from services.spans import read_spans
from tests.services.web.client import Client
from tests.services.web.conftest import PASSWORD, new_user, replica
from tests.services.web.mounts import API

DEADLINE_S = 20.0
IDLE = 600


def children(pid: int) -> list[int]:
    """The processes forked by `pid`, threads of their own not among them."""
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def is_running(pid: int) -> bool:
    """Whether `pid` is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(truth: Callable[[], bool]) -> None:
    """Return when `truth` holds; fail when it never does."""
    end = time.monotonic() + DEADLINE_S
    while not truth():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("worker_class", ["gthread", "gevent"])
def test_every_scheme_is_served(settings: Settings, tmp_path: Path, worker_class: str) -> None:
    """A login, reads at once and a logout at every mount, by one worker, over a socket that was handed over."""
    with replica(settings, tmp_path / "log", worker_class) as running, ThreadPoolExecutor(4) as threads:
        for mount in API:
            client = Client(running.send, *mount)
            assert client.log_in(new_user(), PASSWORD).status == 200
            twins = [client.twin() for _ in range(8)]
            assert {answer.status for answer in threads.map(lambda twin: twin.get("profile"), twins)} == {200}
            assert client.log_out().status == 200
        assert len(children(running.master.pid)) == 1


def _read(connection: HTTPConnection) -> bool:
    """Ask on a connection that is kept; whether it was answered and stays open."""
    connection.request("GET", "/none/bearer/profile")
    with connection.getresponse() as response:
        return response.status == 200 and bool(response.read()) and not response.will_close


def test_idle_connections_starve_nobody_and_stay_open(settings: Settings, tmp_path: Path) -> None:
    """Hundreds of kept-alive connections, more than there are threads by far: each answers again."""
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running, ExitStack() as stack:
        connections = [HTTPConnection("127.0.0.1", running.port, timeout=DEADLINE_S) for _ in range(IDLE)]
        for connection in connections:
            stack.callback(connection.close)
        assert all(_read(connection) for connection in connections)
        assert running.send("GET", "/healthz", {}, b"").status == 200
        assert all(_read(connection) for connection in connections)


def test_sigterm_ends_it_although_connections_are_idle(settings: Settings, tmp_path: Path) -> None:
    """Exit code 0, worker gone; the grace is a second, not the life of a connection."""
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running:
        with closing(HTTPConnection("127.0.0.1", running.port, timeout=DEADLINE_S)) as connection:
            assert _read(connection)
            (worker,) = children(running.master.pid)
            running.master.terminate()
            assert running.master.wait(DEADLINE_S) == 0
        assert not is_running(worker)


def test_a_worker_dies_with_its_master(settings: Settings, tmp_path: Path) -> None:
    """Also when the master is killed and can tell nobody."""
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running:
        (worker,) = children(running.master.pid)
        running.master.kill()
        wait_for(lambda: not is_running(worker))


def test_a_worker_that_dies_is_replaced(settings: Settings, tmp_path: Path) -> None:
    """The replica answers again under its name."""
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running:
        (worker,) = children(running.master.pid)
        os.kill(worker, signal.SIGKILL)
        wait_for(lambda: bool(children(running.master.pid)) and children(running.master.pid) != [worker])
        assert running.send("GET", "/healthz", {}, b"").header("X-Replica") == settings.replica


def test_a_client_cannot_pretend_to_be_a_proxy(settings: Settings, tmp_path: Path) -> None:
    """Spoofed forwarding headers change neither path, origin check nor replica."""
    spoofed = {
        "X-Forwarded-For": "10.0.0.1",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.test",
        "Forwarded": "host=evil.test",
        "X-Replica": "evil",
        "SCRIPT-NAME": "/none",
        "PATH-INFO": "/healthz",
    }
    with replica(replace(settings, schemes=("none",)), tmp_path / "log") as running:
        answer = running.send("GET", "/none/bearer/profile", spoofed, b"")
        assert (answer.status, answer.header("X-Replica")) == (200, "tests")
        foreign = running.send("POST", "/none/cookie/notes", {**spoofed, "Origin": "https://evil.test"}, b"")
        assert foreign.reason == "cross-site"


def test_a_request_is_taken_apart_where_that_is_wanted(settings: Settings, tmp_path: Path) -> None:
    """Each of its parts ran once a request: server, framework, carrier, the check, and what each of those asked."""
    told = replace(settings, schemes=("jwt-denylist", "postgres-session"), spans_file=tmp_path / "spans")
    with replica(told, tmp_path / "log") as running:
        tokens, sessions = (Client(running.send, *mount) for mount in ((one, "cookie") for one in told.schemes))
        for client in (tokens, sessions):
            assert client.log_in(new_user(), PASSWORD).status == 200
        before = read_spans(tmp_path / "spans")
        for client in (tokens, sessions) * 5:
            assert client.get("profile").status == 200
        wait_for(lambda: read_spans(tmp_path / "spans")["server"].calls >= before["server"].calls + 10)
        after = read_spans(tmp_path / "spans")
    grown = {name: now.calls - then.calls for (name, now), then in zip(after.items(), before.values(), strict=True)}
    assert {name: grown[name] for name in ("framework", "carrier", "verify")} == {
        "framework": 10,
        "carrier": 10,
        "verify": 10,
    }
    assert (grown["signature"], grown["redis"], grown["postgres"]) == (5, 5, 5)
    assert grown["empty"] >= 10
    assert grown["dispatch"] >= 10


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        (
            "STORE_TIMEOUT_S",
            "soon",
            "AUTHBENCH_STORE_TIMEOUT_S is 'soon', expected a number >= 0; correct it or unset it",
        ),
        ("FRONT", "bfff", "AUTHBENCH_FRONT is 'bfff', expected one of: api, bff, hop; correct it or unset it"),
        ("SCHEMES", "jwt-hs265", "scheme 'jwt-hs265' unknown; one of: "),
        ("KEYS_FILE", "/dev/null", "/dev/null: found Expecting value: line 1 column 1 (char 0), expected a key ring"),
        ("KEYS_FILE", "", "found Is a directory, expected a key ring"),
        (
            "SPANS_FILE",
            "spans",
            "AUTHBENCH_SPANS_FILE is set and AUTHBENCH_WORKER_CLASS is 'gevent', expected gthread; unset one",
        ),
    ],
)
def test_bad_settings_end_it_in_one_line(settings: Settings, setting: str, value: str, told: str) -> None:
    """Before a worker is started: what was found, what was expected."""
    ended = subprocess.run(
        [sys.executable, "-m", "gunicorn", "-c", "python:services.gunicorn_conf"],
        env={
            **os.environ,
            **to_environment(settings),
            "AUTHBENCH_BIND": "127.0.0.1:0",
            "AUTHBENCH_WORKER_CLASS": "gevent",
            f"AUTHBENCH_{setting}": value,
        },
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if not line.startswith("[")]
    assert line.startswith("services: ")
    assert told in line
    assert "Booting worker" not in ended.stderr


def test_a_worker_whose_master_is_gone_already_ends_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """The death signal is asked for after the fork, so a master may have died in between."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(ctypes, "CDLL", _NoLibrary)
    monkeypatch.setattr(resource, "setrlimit", lambda *_limits: None)
    for ppid, expected in ((os.getppid(), []), (1_000_000, [1])):
        gunicorn_conf.post_fork(None, _Worker(ppid))
        assert ended == expected


class _NoLibrary:
    """Keeps the test process from asking for a death signal of its own."""

    def __init__(self, _name: None) -> None: ...

    def prctl(self, *_options: int) -> int:
        """As libc answers."""
        return 0


class _Worker:
    """A worker as the hook sees it."""

    def __init__(self, ppid: int) -> None:
        self.ppid = ppid


def test_good_settings_pass(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check at the start lets a good environment through."""
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)
    gunicorn_conf.on_starting(None)


def test_a_master_imports_no_database_client() -> None:
    """Its worker would inherit it, and a gevent worker patches what it waits with only after the fork."""
    look = "import sys, services.gunicorn_conf; print(sorted({'psycopg', 'redis', 'falcon'} & sys.modules.keys()))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
