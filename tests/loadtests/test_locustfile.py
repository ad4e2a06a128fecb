"""The web UI's Locust, run as a user runs it: a process of its own against real replicas behind a load balancer."""

import csv
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.listening import free_port
from bench.stack.stack import Stack
from loadtests.locust_.ui_command import LOCUSTFILE, locust_command
from loadtests.plan import JOURNEYS, ArmPlan
from services.catalogue import SCHEMES

pytestmark = pytest.mark.stack

HEADLESS = (sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless")
PEOPLE = 6
ANSWERED = {"POST login", "GET profile", "POST notes", "POST logout"}
PATIENCE_S = 60.0


class WebUi:
    """The web UI as a browser meets it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    def get(self, path: str) -> str:
        """A page; "" while nobody answers."""
        try:
            with urlopen(self._url + path, timeout=10) as response:  # noqa: S310 - loopback
                return str(response.read().decode())
        except OSError:
            return ""

    def form(self) -> dict[str, Any]:
        """Our options in the form, by name."""
        found = re.search(r'"extra_options": ({.*?}}),', self.get("/"))
        assert found is not None
        return dict(json.loads(found[1]))

    def start(self, **fields: str) -> None:
        """Begin a run as the form does; what is not given stays as it was."""
        form = {"user_count": str(PEOPLE), "spawn_rate": str(PEOPLE), "carrier": "default", **fields}
        with urlopen(f"{self._url}/swarm", urlencode(form).encode(), timeout=10) as response:  # noqa: S310 - loopback
            assert json.load(response)["success"]

    def stop(self) -> None:
        """End the run."""
        urlopen(f"{self._url}/stop", b"", timeout=PATIENCE_S).close()  # noqa: S310 - loopback

    def counts(self, column: str = "Request Count") -> dict[str, int]:
        """Requests of this run by method and name; those of it that failed by another column."""
        rows = csv.DictReader(self.get("/stats/requests/csv").splitlines())
        counted = {f"{row['Type']} {row['Name']}": int(row[column]) for row in rows if row["Name"] != "Aggregated"}
        return {name: count for name, count in counted.items() if count}

    def failures(self) -> dict[str, int]:
        """Failed requests of this run by method and name."""
        return self.counts("Failure Count")

    def wait_for(self, *names: str) -> None:
        """Return when requests of each name were counted."""
        self.wait_until(lambda: self.counts().keys() >= set(names))

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when something has come true."""
        end_s = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end_s, f"{self.counts()}\n{self.told()}"
            assert self._process.poll() is None, self.told()
            time.sleep(0.1)

    def told(self) -> str:
        """Everything it has logged."""
        return self._log.read_text()

    def end(self) -> int:
        """Ask the process to end; its exit code."""
        self._process.terminate()
        return self._process.wait(PATIENCE_S)


@contextmanager
def opened(command: Sequence[str], port: int, log: Path) -> Iterator[WebUi]:
    """The web UI while it runs."""
    with log.open("w") as sink, subprocess.Popen(command, stdout=sink, stderr=sink) as process:
        web_ui = WebUi(port, process, log)
        try:
            web_ui.wait_until(lambda: bool(web_ui.get("/")))
            yield web_ui
        finally:
            process.kill()


@pytest.fixture(scope="module")
def arm(foundation: Foundation) -> Iterator[RunningArm]:
    """Two replicas that serve every scheme, in turns."""
    plan = ArmPlan("ui", "redis-session", "cookie", 2, "roundrobin", "browse", PEOPLE)
    with Stack([plan], foundation, mounted=tuple(SCHEMES)) as stack:
        yield stack.arms["ui"]


@pytest.fixture(scope="module")
def running(arm: RunningArm, foundation: Foundation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """One web UI for all tests of this file, as `locust_command` opens it: six people share four accounts."""
    port = free_port()
    host = f"http://{arm.host}:{arm.port}"
    command = locust_command(host, foundation.users_password_file, port, seeded_users=4, scheme="none")
    with opened(command, port, tmp_path_factory.mktemp("ui") / "log") as web_ui:
        yield web_ui
        web_ui.end()


@pytest.fixture
def web_ui(running: WebUi) -> Iterator[WebUi]:
    """The web UI between two runs."""
    yield running
    running.stop()


def test_the_form_offers_the_catalogue(running: WebUi) -> None:
    """Scheme, carrier and journey are lists to choose from; neither the password nor its file is in the page."""
    form = running.form()
    assert set(form) == {"scheme", "carrier", "journey"}
    assert form["scheme"]["choices"] == list(SCHEMES)
    assert form["scheme"]["default_value"] == "none"
    assert form["carrier"]["choices"] == ["default", "cookie", "bearer"]
    assert form["journey"]["choices"] == list(JOURNEYS)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_people_follow_the_journey_under_every_scheme(web_ui: WebUi, scheme: str) -> None:
    """No request fails; only who is known to one replica alone is refused, by name, and then logs in again."""
    web_ui.start(scheme=scheme, journey="browse")
    if SCHEMES[scheme].traits.needs_affinity:
        web_ui.wait_for("GET profile", "GET profile: 401 unknown")
        web_ui.wait_until(lambda: web_ui.counts()["POST login"] > PEOPLE)
        assert set(web_ui.counts()) <= {*ANSWERED, "GET profile: 401 unknown", "POST notes: 401 unknown"}
    else:
        web_ui.wait_for("POST login", "GET profile", "POST notes")
        assert set(web_ui.counts()) <= ANSWERED
    assert web_ui.counts()["POST login"] >= PEOPLE
    assert web_ui.failures() == {}


@pytest.mark.parametrize("carrier", ["cookie", "bearer"])
def test_tokens_are_refreshed(web_ui: WebUi, carrier: str) -> None:
    """The refresh journey exchanges credentials, under either carrier."""
    web_ui.start(scheme="refresh-token", journey="refresh", carrier=carrier)
    web_ui.wait_for("POST login", "POST refresh")
    assert web_ui.failures() == {}


def test_what_cannot_be_is_not_started(web_ui: WebUi) -> None:
    """A choice that makes no sense is logged in one line and sends nothing; the next one is not affected."""
    web_ui.start(scheme="redis-session", journey="refresh")
    web_ui.wait_until(lambda: "nothing to refresh; choose one of: refresh-token" in web_ui.told())
    assert web_ui.counts() == {}
    assert "Traceback" not in web_ui.told()
    web_ui.start(scheme="redis-session", journey="steady")
    web_ui.wait_for("POST login", "GET profile")


def test_the_form_cannot_make_locust_read_a_file(web_ui: WebUi, foundation: Foundation) -> None:
    """A path in the password's place is taken for a password, so nobody can have files sent to a host of theirs."""
    password = foundation.users_password_file.read_text().strip()
    web_ui.start(scheme="none", journey="steady", user_password=str(foundation.users_password_file))
    web_ui.wait_until(lambda: web_ui.failures().get("POST login", 0) > PEOPLE)
    assert set(web_ui.counts()) == {"POST login"}
    web_ui.stop()
    web_ui.start(scheme="none", journey="steady", user_password=password)
    web_ui.wait_for("GET profile")


def test_a_failed_request_is_in_the_exit_code(tmp_path: Path) -> None:
    """Where nobody listens, every login fails, nothing else is tried, and Locust ends with 1."""
    password_file, port = tmp_path / "password", free_port()
    password_file.write_text("any")
    command = locust_command(f"http://127.0.0.1:{free_port()}", password_file, port)
    with opened((*command, "--autostart"), port, tmp_path / "log") as web_ui:
        web_ui.wait_until(lambda: bool(web_ui.failures()))
        assert web_ui.counts().keys() == web_ui.failures().keys() == {"POST login"}
        assert web_ui.end() == 1
        assert "0 refused" in web_ui.told()


def test_it_runs_without_the_web_ui(arm: RunningArm, foundation: Foundation) -> None:
    """Headless it ends at its time with exit code 0; refusals that a scheme must expect are no failures."""
    at = ("--host", f"http://{arm.host}:{arm.port}", "--user-password-file", str(foundation.users_password_file))
    done = subprocess.run(
        [*HEADLESS, *at, "--scheme", "memory-session", "--seeded-users", "4", "--run-time", "4s", "--users", "4"],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ((), "no password for the seeded users"),
        (("--user-password-file", "/nowhere"), "expected the password of the seeded users"),
        (("--scheme", "jwt-hs265"), "invalid choice: 'jwt-hs265'"),
    ],
    ids=["no password", "no such file", "unknown scheme"],
)
def test_a_wrong_command_line_ends_with_one_line(options: tuple[str, ...], line: str) -> None:
    """Exit code 2 and no traceback."""
    done = subprocess.run([*HEADLESS, *options], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert line in done.stderr
    assert "Traceback" not in done.stderr
