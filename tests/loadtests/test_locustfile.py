"""The web UI's Locust, run as a user runs it: a process of its own against real replicas behind a load balancer."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest

from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation
from bench.stack.haproxy_config import Front
from bench.stack.listening import free_port
from bench.stack.stack import Stack
from loadtests.locust_.ui_command import LOCUSTFILE, locust_command, master_options, sticky_options, worker_command
from loadtests.locust_.ui_options import HOST_BALANCING
from loadtests.plan import JOURNEYS, ArmPlan
from services.catalogue import SCHEMES
from tests.fleet import full_speed

pytestmark = pytest.mark.stack

HEADLESS = (sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless")
DISTRIBUTED = ("--processes", "2", "--reset-stats", "--arrivals", "open", "--rate", "60", "LogoutHeavy")
PEOPLE = 6
ANSWERED = {"POST login", "GET profile", "POST notes", "POST logout"}
PATIENCE_S = 60.0
FORM = {"carrier": "default", "balancing": "roundrobin", "journey": "browse", "arrivals": "closed", "rate": "20"}


class WebUi:
    """The web UI as a browser meets it."""

    def __init__(self, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._process = process
        self._log = log

    def get(self, path: str) -> str:
        """A page; "" while nobody answers."""
        try:
            with urlopen(self.url + path, timeout=10) as response:  # noqa: S310 - loopback
                return str(response.read().decode())
        except OSError:
            return ""

    def form(self) -> dict[str, Any]:
        """Our options in the form, by name."""
        found = re.search(r'"extra_options": ({.*?}}),', self.get("/"))
        assert found is not None
        return dict(json.loads(found[1]))

    def ask(self, **fields: str) -> dict[str, Any]:
        """The answer to the form, filled as it is at first but for these fields."""
        form = {"user_count": str(PEOPLE), "spawn_rate": str(PEOPLE), **FORM, **fields}
        with urlopen(f"{self.url}/swarm", urlencode(form).encode(), timeout=10) as response:  # noqa: S310 - loopback
            return dict(json.load(response))

    def posted_from(self, origin: str) -> int:
        """The status of a form without sense that a page of `origin` posts."""
        form = Request(f"{self.url}/swarm", b"rate=none", headers={"Origin": origin})  # noqa: S310 - loopback
        try:
            with urlopen(form, timeout=10) as response:  # noqa: S310 - loopback
                return int(response.status)
        except HTTPError as error:
            with error:
                return error.code

    def start(self, **fields: str) -> None:
        """Begin a run as the form does."""
        answer = self.ask(**fields)
        assert answer["success"], answer

    def auth(self) -> dict[str, Any]:
        """The figures of the Auth tab."""
        return dict(json.loads(self.get("/auth")))

    def post(self, path: str) -> None:
        """Press a button."""
        urlopen(f"{self.url}{path}", b"", timeout=PATIENCE_S).close()  # noqa: S310 - loopback

    def stop(self) -> None:
        """End the run."""
        self.post("/stop")

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


@contextmanager
def opened_worker(
    meeting_port: int, log: Path, env: Mapping[str, str] = os.environ
) -> Iterator[subprocess.Popen[bytes]]:
    """A worker of the master at that port, while it runs."""
    with log.open("w") as sink, subprocess.Popen(worker_command(meeting_port), stdout=sink, stderr=sink, env=env) as it:
        try:
            yield it
        finally:
            it.kill()


@pytest.fixture(scope="module")
def arm(foundation: Foundation) -> Iterator[RunningArm]:
    """Two replicas that serve every scheme, in turns."""
    plan = ArmPlan("ui", "redis-session", "cookie", 2, "roundrobin", "browse", PEOPLE)
    stack = Stack([plan], foundation, front=Front(sticky_port=free_port()), mounted=tuple(SCHEMES))
    with full_speed(stack):
        yield stack.arms["ui"]


def url(port: int | None) -> str:
    """As --host wants it."""
    return f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def running(arm: RunningArm, foundation: Foundation, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUi]:
    """One web UI for all tests of this file, as `locust_command` opens it: six people share four accounts."""
    port = free_port()
    command = locust_command(url(arm.port), foundation.users_password_file, port, seeded_users=4, scheme="none")
    sticky = sticky_options(url(arm.haproxy.front.sticky_port), chosen=False)
    with opened((*command, *sticky), port, tmp_path_factory.mktemp("ui") / "log") as web_ui:
        yield web_ui
        web_ui.end()


@pytest.fixture
def web_ui(running: WebUi) -> Iterator[WebUi]:
    """The web UI between two runs."""
    yield running
    running.stop()


def test_the_form_offers_the_catalogue(running: WebUi) -> None:
    """What can be chosen is a list, in the order one chooses; neither the password nor its file is in the page."""
    form = running.form()
    assert list(form) == ["scheme", "carrier", "balancing", "sticky_host", "journey", "arrivals", "rate"]
    assert form["scheme"]["choices"] == list(SCHEMES)
    assert form["scheme"]["default_value"] == "none"
    assert form["carrier"]["choices"] == ["default", "cookie", "bearer"]
    assert form["balancing"]["choices"] == ["roundrobin", "sticky"]
    assert form["journey"]["choices"] == list(JOURNEYS)
    assert form["arrivals"]["choices"] == ["closed", "open"]


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


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"scheme": "redis-session", "journey": "refresh-heavy"}, "nothing to refresh; choose one of: refresh-token"),
        ({"rate": "a lot"}, "rate 'a lot', expected requests per second above 0"),
        ({"balancing": "sticky", "sticky_host": ""}, "no sticky balancer is known"),
        ({"host": "nowhere"}, "host 'nowhere', expected http://NAME:PORT"),
    ],
    ids=["nothing to refresh", "no rate", "no sticky balancer", "no host"],
)
def test_nonsense_is_answered_in_words(web_ui: WebUi, fields: dict[str, str], words: str) -> None:
    """A choice that makes no sense starts nothing, and the page says why; nothing of it is left in the form."""
    before = web_ui.form()
    answer = web_ui.ask(**fields)
    assert not answer["success"]
    assert words in answer["message"]
    assert "Traceback" not in web_ui.told()
    assert web_ui.form() == before


def test_a_run_under_way_stays_what_it_is(web_ui: WebUi) -> None:
    """Only users and rate may change meanwhile; another scheme needs another run."""
    web_ui.start(scheme="none", journey="steady", arrivals="open", rate="5")
    web_ui.wait_for("GET profile")
    answer = web_ui.ask(scheme="jwt-hs256", journey="steady", arrivals="open", rate="5")
    assert "a run is under way" in answer["message"]
    web_ui.start(scheme="none", journey="steady", arrivals="open", rate="100", user_count="8")
    web_ui.wait_until(lambda: web_ui.counts()["GET profile"] > 100)


def test_an_open_loop_serves_every_scheme_alike(web_ui: WebUi) -> None:
    """People act when they are called, log in where they must, and stop when the run does."""
    web_ui.start(scheme="memory-session", arrivals="open", rate="60")
    web_ui.wait_for("POST login", "GET profile", "GET profile: 401 unknown")
    web_ui.stop()
    ended = web_ui.counts()
    assert web_ui.failures() == {}
    web_ui.start(scheme="none", journey="steady")
    web_ui.wait_for("GET profile")
    assert web_ui.counts() != ended


def test_sticky_people_are_never_refused(web_ui: WebUi) -> None:
    """The form's other balancer brings everybody back to the replica that knows them."""
    web_ui.start(scheme="memory-session", balancing="sticky", arrivals="open", rate="60")
    web_ui.wait_until(lambda: web_ui.counts().get("GET profile", 0) > 60)
    assert set(web_ui.counts()) <= ANSWERED
    assert web_ui.auth()["users_logged_out"] == 0


def test_the_auth_tab_is_filled(web_ui: WebUi) -> None:
    """Refusals, people logged out, replicas and bytes are in the page's own data, in JSON and in a file."""
    web_ui.start(scheme="memory-session", arrivals="open", rate="60")
    web_ui.wait_until(lambda: web_ui.auth()["refusals_by_reason"].get("unknown", 0) > PEOPLE)
    figures = web_ui.auth()
    assert 0 < figures["users_logged_out"] <= PEOPLE
    assert set(figures["requests_by_replica"]) == {"replica-1", "replica-2"}
    assert figures["bytes_up_per_request"] > 100 < figures["bytes_down_per_request"]
    assert '"extended_tabs": [{"title": "Auth", "key": "auth"}]' in web_ui.get("/")
    extended = json.loads(web_ui.get("/stats/requests"))["extended_stats"]
    assert [(one["key"], one["data"][0]["figure"]) for one in extended] == [("auth", "401 answers")]
    assert web_ui.get("/auth/csv").startswith("figure,counted_by,value,share\r\n401 answers,unknown,")


def test_the_auth_tab_begins_anew(web_ui: WebUi) -> None:
    """With the button that resets the statistics, and with every run."""
    web_ui.start(scheme="refresh-token", journey="refresh-heavy", arrivals="open", rate="60")
    web_ui.wait_until(lambda: web_ui.auth()["tokens_renewed"].get("by a refresh", 0) > 0)
    web_ui.stop()
    web_ui.post("/stats/reset")
    assert web_ui.auth()["tokens_renewed"] == web_ui.auth()["requests_by_replica"] == {}
    web_ui.start(scheme="none", journey="steady")
    web_ui.wait_until(lambda: bool(web_ui.auth()["requests_by_replica"]))
    assert web_ui.auth()["tokens_renewed"] == {}


def test_classes_can_be_picked(arm: RunningArm, foundation: Foundation, tmp_path: Path) -> None:
    """Of several classes the form picks whom it wants; what one of them cannot do is said in words."""
    port = free_port()
    command = locust_command(url(arm.port), foundation.users_password_file, port)
    with opened((*command, "--class-picker"), port, tmp_path / "log") as web_ui:
        assert "nothing to refresh" in web_ui.ask(scheme="jwt-hs256")["message"]
        assert "nothing to refresh" in web_ui.ask(scheme="jwt-hs256", user_classes="RefreshHeavy")["message"]
        web_ui.start(scheme="jwt-hs256", user_classes="LogoutHeavy")
        web_ui.wait_for("POST logout", "GET profile")
        web_ui.end()


def test_workers_share_the_load(arm: RunningArm, foundation: Foundation, tmp_path: Path) -> None:
    """A master adds up what its workers did, Auth tab included; one that cannot follow says why and ends with 2."""
    port, meeting_port = free_port(), free_port()
    at, password_file = url(arm.port), foundation.users_password_file
    command = locust_command(at, password_file, port, seeded_users=foundation.users, scheme="memory-session")
    elsewhere = {**os.environ, HOST_BALANCING: "leastconn"}
    with (
        opened((*command, *master_options(meeting_port)), port, tmp_path / "master") as web_ui,
        opened_worker(meeting_port, tmp_path / "first") as first,
        opened_worker(meeting_port, tmp_path / "second") as second,
        opened_worker(meeting_port, tmp_path / "lost", elsewhere) as lost,
    ):
        web_ui.wait_until(lambda: json.loads(web_ui.get("/worker-count"))["worker_count"] == 3)
        web_ui.start(arrivals="open", rate="60")
        assert lost.wait(PATIENCE_S) == 2
        assert "balancing 'roundrobin' unknown; one of: leastconn, sticky" in (tmp_path / "lost").read_text()
        web_ui.wait_for("POST login", "GET profile", "GET profile: 401 unknown")
        web_ui.wait_until(lambda: web_ui.auth()["users_logged_out"] > PEOPLE // 2)
        assert sum(web_ui.auth()["requests_by_replica"].values()) >= web_ui.counts()["GET profile"]
        web_ui.end()
        assert (first.wait(PATIENCE_S), second.wait(PATIENCE_S)) == (0, 0)


def test_a_foreign_page_cannot_post_the_form(web_ui: WebUi) -> None:
    """A page of somebody else's, open in the same browser, would send our people and their password to its host."""
    before = web_ui.form()
    posted = {origin: web_ui.posted_from(origin) for origin in ("http://evil.example", "null", web_ui.url)}
    assert posted == {"http://evil.example": 403, "null": 403, web_ui.url: 200}
    assert web_ui.form() == before


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


@pytest.mark.parametrize("more", [(), DISTRIBUTED], ids=["one", "processes"])
def test_it_runs_without_the_web_ui(arm: RunningArm, foundation: Foundation, more: tuple[str, ...]) -> None:
    """Headless it ends at its time with exit code 0; refusals that a scheme must expect are no failures."""
    at = ("--host", url(arm.port), "--user-password-file", str(foundation.users_password_file))
    done = subprocess.run(
        [
            *HEADLESS,
            *at,
            "--scheme",
            "memory-session",
            "--seeded-users",
            "4",
            "--run-time",
            "4s",
            "--users",
            "4",
            *more,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r"POST +log(in|out) ", done.stderr), done.stderr


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
