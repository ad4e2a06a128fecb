"""The generator's process, whole: Locust patches the process that imports it, so it is only ever seen from outside."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import pytest

from loadtests.assignment import Assignment, Target, write_assignment
from loadtests.plan import ArmPlan, BlockPlan, Journey, SlicePlan
from loadtests.record import Sample
from loadtests.tape import played_at

PATIENT_S = 60.0
NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Generator:
    """A running process and the socket its orders go through."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    folder: Path

    def order(self, **order: object) -> dict[str, Any]:
        """The answer to one order."""
        self.channel.sendall(json.dumps(order).encode() + b"\n")
        with self.channel.makefile(encoding="utf-8") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
        return answer

    def load(self, number: int) -> dict[str, Any]:
        """The answer to the order to load a slice."""
        return self.order(do="load", slice=number, into=str(self.folder / f"slice-{number}"))

    def samples(self, number: int, arm: str) -> list[Sample]:
        """What was shipped of a slice for an arm."""
        return list(played_at(self.folder / f"slice-{number}" / f"{arm}.tape"))

    def end(self) -> int:
        """Close the channel; the exit code."""
        self.channel.close()
        return self.process.wait(PATIENT_S)


Start = Callable[[Assignment], Generator]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts generators; none outlives its test."""
    started: list[Generator] = []

    def begin(assignment: Assignment) -> Generator:
        write_assignment(tmp_path / "assignment.json", assignment)
        ours, theirs = socket.socketpair()
        ours.settimeout(PATIENT_S)
        argv = [sys.executable, "-m", "loadtests.locust_.generator", str(tmp_path / "assignment.json")]
        with theirs:
            process = subprocess.Popen([*argv, str(theirs.fileno())], pass_fds=[theirs.fileno()])
        started.append(Generator(process, ours, tmp_path))
        return started[-1]

    yield begin
    for generator in started:
        generator.channel.close()
        generator.process.kill()
        generator.process.wait()


@contextmanager
def _sleeper(stamps: Path) -> Iterator[int]:
    """The port of a running sleeper; its stamps are complete when the block ends."""
    argv = [sys.executable, "-m", "bench.selfcheck.sleeper", "7", str(stamps)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


class _Expiring(BaseHTTPRequestHandler):
    """Logs in with a token that is expired at once; a refresh gives one that is accepted."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The profile, for the refreshed token alone."""
        is_fresh = self.headers["Authorization"] == "Bearer fresh"
        self._say(200 if is_fresh else 401, {} if is_fresh else {"reason": "expired"})

    def do_POST(self) -> None:
        """A login or a refresh."""
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("login"):
            self._say(200, {"expires_in": 0, "access_token": "stale", "refresh_token": "r1"})
        else:
            self._say(200, {"expires_in": 60, "access_token": "fresh", "refresh_token": "r2"})

    def _say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Replica", "the-only-one")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


class _Mumbling(_Expiring):
    """Answers every login with 200 and half a JSON object."""

    def _say(self, status: int, body: object) -> None:
        content = json.dumps(body).encode()[:-1]
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


class _Crowded(_Expiring):
    """Knows how many logins it ever had in hand at once."""

    lock = Lock()
    present = most = 0

    def do_POST(self) -> None:
        """A login that takes a while."""
        with self.lock:
            _Crowded.present += 1
            _Crowded.most = max(_Crowded.most, _Crowded.present)
        time.sleep(0.01)
        super().do_POST()

    def _say(self, status: int, body: object) -> None:
        with self.lock:
            _Crowded.present -= 1
        super()._say(status, body)


class _Doorkeeper(_Expiring):
    """Counts who comes in: the one connection after the other."""

    lock = Lock()
    connections = 0

    def setup(self) -> None:
        """A new connection."""
        with self.lock:
            _Doorkeeper.connections += 1
        super().setup()


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[int]:
    """The port of a server in a thread."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def _assignment(
    port: int, *arms: str, rate_rps: float = 40, visitors: int = 20, journey: Journey = "steady"
) -> Assignment:
    plans = tuple(ArmPlan(arm, "none", "bearer", 1, "roundrobin", journey, visitors) for arm in arms)
    slices = (SlicePlan("cpu", rate_rps, 1, pinned=False), SlicePlan("latency", rate_rps / 2, 2, pinned=False))
    plan = BlockPlan(0, 20_261_123, plans, slices, arrivals="constant")
    return Assignment(plan, tuple(Target("127.0.0.1", port) for _ in arms), "a password", timeout_s=PATIENT_S)


def test_a_block_is_loaded_as_planned(start: Start, tmp_path: Path) -> None:
    """Visitors log in, two slices run, every arrival is one request and one sample, and the server saw them all.

    No sample was sent before it was intended, none lacks a valid credential, and the process ends with its channel.
    """
    with _sleeper(tmp_path / "stamps") as port:
        generator = start(_assignment(port, "a", "b"))
        assert generator.order(do="login") == {"visitors": 40, "failures": [], "lost": []}
        for number, expected in enumerate((40, 40)):
            loaded = generator.load(number)
            samples = {arm: generator.samples(number, arm) for arm in ("a", "b")}
            assert loaded["scheduled"] == loaded["sent"] == [len(each) for each in samples.values()] == [expected] * 2
            assert loaded["end_ns"] - loaded["start_ns"] == (number + 1) * NS_PER_S
            assert loaded["loop_lag_ns"] >= 0
            assert loaded["generator_cpu_ratio"] > 0
            for sample in (*samples["a"], *samples["b"]):
                assert (sample.step, sample.status, sample.reason) == ("read", 200, "")
                assert sample.had_valid_credential
                assert loaded["start_ns"] <= sample.intended_ns < loaded["end_ns"]
                assert sample.intended_ns <= sample.sent_ns <= sample.done_ns
            assert len({sample.visitor for sample in samples["a"]}) > 1
        assert generator.end() == 0
    assert len((tmp_path / "stamps").read_text(encoding="utf-8").splitlines()) == 40 + 2 * 40 * 2


def test_a_target_that_refuses_loses_no_sample(start: Start) -> None:
    """Where nobody listens every visitor says why it is not logged in, and every arrival is a sample of status 0."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    generator = start(_assignment(port, "a"))
    assert generator.order(do="login") == {"visitors": 0, "failures": ["0 refused"], "lost": []}
    loaded = generator.load(0)
    samples = generator.samples(0, "a")
    assert loaded["scheduled"] == loaded["sent"] == [len(samples)] == [40]
    assert {(sample.status, sample.reason, sample.had_valid_credential) for sample in samples} == {
        (0, "refused", False)
    }
    assert generator.end() == 0


def test_a_login_that_grants_nothing_is_a_failed_login(start: Start) -> None:
    """200 with a body that cannot be read neither counts as a login nor stops anybody: the load goes on."""
    with _serving(_Mumbling) as port:
        generator = start(_assignment(port, "a", visitors=5))
        assert generator.order(do="login") == {"visitors": 0, "failures": ["200 without a grant"], "lost": []}
        assert generator.load(0)["sent"] == [40]
        assert {sample.status for sample in generator.samples(0, "a")} == {401}
        assert generator.end() == 0


def test_visitors_log_in_a_few_at_a_time(start: Start) -> None:
    """All of a large block's at once would keep the stores from answering in time."""
    with _serving(_Crowded) as port:
        generator = start(_assignment(port, "a", "b", visitors=50))
        assert generator.order(do="login") == {"visitors": 100, "failures": [], "lost": []}
        assert generator.end() == 0
    assert 1 < _Crowded.most <= 16


def test_visitors_connect_anew_where_they_are_to(start: Start) -> None:
    """One connection for every request, that of the login included, and no request is lost for it."""
    with _serving(_Doorkeeper) as port:
        assignment = _assignment(port, "a", visitors=1)
        arm = replace(assignment.plan.arms[0], reconnects=True)
        generator = start(replace(assignment, plan=replace(assignment.plan, arms=(arm,))))
        assert generator.order(do="login") == {"visitors": 1, "failures": [], "lost": []}
        assert generator.load(0)["sent"] == [42]
        assert generator.end() == 0
    assert _Doorkeeper.connections == 1 + 42


def test_a_flow_of_several_calls_is_several_samples(start: Start) -> None:
    """An expired read is read, refresh, read: three samples, each later call intended when the one before was done."""
    with _serving(_Expiring) as port:
        generator = start(_assignment(port, "a", visitors=1))
        assert generator.order(do="login") == {"visitors": 1, "failures": [], "lost": []}
        loaded = generator.load(0)
        first, second, third, *rest = generator.samples(0, "a")
        assert (loaded["scheduled"], loaded["sent"]) == ([40], [42])
        assert [(one.step, one.status) for one in (first, second, third)] == [
            ("read", 401),
            ("refresh", 200),
            ("read", 200),
        ]
        assert [one.had_valid_credential for one in (first, second, third)] == [False, False, True]
        assert (first.reason, first.replica) == ("expired", "the-only-one")
        assert second.intended_ns == first.done_ns
        assert third.intended_ns == second.done_ns
        assert {(one.step, one.status) for one in rest} == {("read", 200)}
        assert generator.end() == 0
