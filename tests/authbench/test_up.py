"""`authbench up`: a stack of every scheme with Locust's web UI before it, and nothing of it afterwards."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from authbench import up
from authbench.exits import Exit
from bench.stack import janitor
from bench.stack.listening import LOOPBACK, free_port, listen
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from services.catalogue import SCHEMES
from tests.authbench.conftest import Ask

LAST_LINE = "Ctrl-C stops everything"
ENOUGH = 20


@dataclass(frozen=True, slots=True)
class House:
    """A stack that is up, and what it said."""

    process: "subprocess.Popen[str]"
    api: str
    ui: str
    said: str


@contextmanager
def _up(place: Path) -> Iterator[House]:
    (place / "t").mkdir()
    (place / "t").chmod(0o711)
    port, web_port = free_port(), free_port()
    options = ("--port", str(port), "--web-port", str(web_port), "--replicas", "2", "--users", "20")
    started = subprocess.Popen(
        [sys.executable, "-m", "authbench", "up", *options],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(place / "t")},
    )
    with started:
        try:
            yield House(started, f"http://{LOOPBACK}:{port}", f"http://{LOOPBACK}:{web_port}", _until_ready(started))
        finally:
            if started.poll() is None:
                started.terminate()
            started.communicate(timeout=30)


def _until_ready(started: "subprocess.Popen[str]") -> str:
    said = ""
    assert started.stdout is not None
    for line in started.stdout:
        said += line
        if LAST_LINE in line:
            return said
    return pytest.fail(f"up ended before it was ready: {said}{started.stderr.read() if started.stderr else ''}")


def _get(url: str, form: Mapping[str, object] | None = None) -> tuple[int, bytes]:
    request = Request(url, data=urlencode(form).encode() if form else None)  # noqa: S310 - our own loopback
    try:
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - as above
            return answer.status, answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.read()


def _statistics(house: House) -> dict[str, Any]:
    """Locust's own, once it has counted enough."""
    limit = time.monotonic() + 60
    while True:
        found: dict[str, Any] = json.loads(_get(f"{house.ui}/stats/requests")[1])
        if sum(one["num_requests"] for one in found["stats"] if one["name"] != "Aggregated") >= ENOUGH:
            return found
        assert time.monotonic() < limit, found
        time.sleep(0.2)


def test_up_serves_loads_and_leaves_nothing(place: Path) -> None:
    """UI and API answer; a run started by the form makes requests and no failure; Ctrl-C is 0 and the end of it all."""
    with _up(place) as house:
        assert house.said.count(house.ui) == 1
        status, page = _get(f"{house.ui}/")
        assert status == 200
        assert all(name.encode() in page for name in SCHEMES)
        assert _get(f"{house.api}/none/bearer/profile")[0] == 200
        carriers = {name: spec.traits.default_carrier for name, spec in SCHEMES.items() if name != "none"}
        assert {_get(f"{house.api}/{name}/{carrier}/profile")[0] for name, carrier in carriers.items()} == {401}
        form = {"user_count": 8, "spawn_rate": 8, "scheme": "redis-session", "journey": "browse", "carrier": "default"}
        status, answer = _get(f"{house.ui}/swarm", form | {"host": house.api})
        assert (status, json.loads(answer)["success"]) == (200, True)
        found = _statistics(house)
        assert found["errors"] == []
        assert {"login", "profile"} <= {one["name"] for one in found["stats"]}
        house.process.send_signal(signal.SIGINT)
        _, said = house.process.communicate(timeout=30)
    assert "Traceback" not in said
    assert house.process.returncode == Exit.OK
    _nothing_left(place, house)


def test_a_locust_that_ends_by_itself_is_told(
    ask: Ask, supervisor: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its web UI `up` is pointless: it ends with the last words of the process, their log, and 3."""
    ending = Command("locust", ("sh", "-c", "echo out of gevents"), tmp_path)
    monkeypatch.setattr(up, "_stack", lambda _: nullcontext(SimpleNamespace(users_password_file=tmp_path)))
    monkeypatch.setattr(up, "_start_locust", lambda _, __: supervisor.start(ending))
    answer = ask("up", "--port", free_port(), "--web-port", free_port())
    assert answer.code == Exit.NOT_READY
    assert answer.complaint.startswith("authbench: locust ended by itself: out of gevents (see ")


def _nothing_left(place: Path, house: House) -> None:
    told = f"TMPDIR={place / 't'}".encode()
    assert [seen.pid for seen in janitor.live() if told in _environment(seen.pid)] == []
    assert list((place / "t").iterdir()) == []
    for url in (house.api, house.ui):
        listen(int(url.rpartition(":")[2])).close()


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is somebody else's
        return []
