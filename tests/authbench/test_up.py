"""`authbench up`: a stack of every scheme with Locust's web UI before it, and nothing of it afterwards."""

import json
import signal
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from authbench import up
from authbench.exits import Exit
from bench.stack import janitor
from bench.stack.listening import free_port, listen
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from services.catalogue import SCHEMES
from tests.authbench.conftest import Ask
from tests.authbench.house import House, get, opened_house

ENOUGH = 20


def _statistics(house: House) -> dict[str, Any]:
    """Locust's own, once it has counted enough."""
    limit = time.monotonic() + 60
    while True:
        found = house.figures("/stats/requests")
        if sum(one["num_requests"] for one in found["stats"] if one["name"] != "Aggregated") >= ENOUGH:
            return found
        assert time.monotonic() < limit, found
        time.sleep(0.2)


def test_up_serves_loads_and_leaves_nothing(place: Path) -> None:
    """UI and API answer; a run started by the form makes requests and no failure; Ctrl-C is 0 and the end of it all."""
    with opened_house(place, "--workers", "1") as house:
        assert house.said.count(house.ui) == house.said.count(house.sticky) == 1
        assert house.figures("/worker-count") == {"worker_count": 1}
        status, page = get(f"{house.ui}/")
        assert status == 200
        assert all(name.encode() in page for name in SCHEMES)
        assert get(f"{house.api}/none/bearer/profile")[0] == 200
        carriers = {name: spec.traits.default_carrier for name, spec in SCHEMES.items() if name != "none"}
        for port in (house.api, house.sticky):
            assert {get(f"{port}/{name}/{carrier}/profile")[0] for name, carrier in carriers.items()} == {401}
        form = {"user_count": 8, "spawn_rate": 8, "scheme": "redis-session", "journey": "browse", "carrier": "default"}
        status, answer = get(f"{house.ui}/swarm", form | {"host": house.api})
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
    answer = ask("up", "--port", free_port(), "--sticky-port", free_port(), "--web-port", free_port())
    assert answer.code == Exit.NOT_READY
    assert answer.complaint.startswith("authbench: locust ended by itself: out of gevents (see ")


def _nothing_left(place: Path, house: House) -> None:
    told = f"TMPDIR={place / 't'}".encode()
    assert [seen.pid for seen in janitor.live() if told in _environment(seen.pid)] == []
    assert list((place / "t").iterdir()) == []
    for url in (house.api, house.sticky, house.ui):
        listen(int(url.rpartition(":")[2])).close()


def _environment(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended meanwhile, or is somebody else's
        return []
