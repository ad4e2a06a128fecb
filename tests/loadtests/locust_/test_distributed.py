"""Master and workers as processes: together they load what one would, and whatever one of them loses is told."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from typing import Any

import pytest

from loadtests.assignment import Assignment, Target, write_assignment
from loadtests.orders import Loaded, LoggedIn
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Sample
from loadtests.shares import scheduled_counts, whole_schedule
from loadtests.tape import played_at

PATIENT_S = 60.0
LOOPBACK = "127.0.0.1"
ARMS = ("a", "b")
VISITORS = 5
PLANS = tuple(ArmPlan(arm, "none", "bearer", 1, "roundrobin", "steady", VISITORS) for arm in ARMS)
PLAN = BlockPlan(0, 7, PLANS, (SlicePlan("cpu", 60, 1, pinned=False), SlicePlan("latency", 20, 3, pinned=False)))

WORKER = "import sys, loadtests.locust_.worker as worker\n{}\nsys.exit(worker.main(['', *sys.argv[1:]]))"
MASTER = "import sys, loadtests.locust_.master as master\n{}\nsys.exit(master.main(['', *sys.argv[1:]]))"
OTHER_VERSION = "worker.versions = lambda: 'authbench 0.0.1, locust 1'"
OTHER_CLOCK = """
import time, loadtests.locust_.crowd as crowd
from loadtests.locust_.timer import SleepTimer
real = time.monotonic_ns
time.monotonic_ns = lambda: real() + 10**15
crowd.best_timer = SleepTimer
worker.machine = lambda: 'elsewhere'
"""
BROKEN = """
worker.SILENCE_S, worker.PAUSE_S = 4, 0
say, prepare = worker.Worker._say, worker.Worker.prepare
worker.Worker._say = lambda self, said: None if said.get('number') == 0 else say(self, said)
worker.OBEYS = {**worker.OBEYS, 'prepare': lambda self, order: iter(()) if order['slice'] else prepare(self, order)}
"""
IMPATIENT = "master.ANSWER_LIMIT_S = 3"


@dataclass(frozen=True, slots=True)
class Crew:
    """A running master, the socket its orders go through, and its workers."""

    process: subprocess.Popen[bytes]
    channel: socket.socket
    folder: Path
    port: int
    workers: list[subprocess.Popen[bytes]]

    def order(self, **order: object) -> dict[str, Any]:
        """The answer to one order."""
        self.channel.sendall(json.dumps(order).encode() + b"\n")
        with self.channel.makefile(encoding="utf-8") as answers:
            answer: dict[str, Any] = json.loads(answers.readline())
        return answer

    def log_in(self, port: int) -> LoggedIn:
        """Have all visitors log in at `port`."""
        assignment = Assignment(PLAN, tuple(Target(LOOPBACK, port) for _ in ARMS), "a password", PATIENT_S)
        write_assignment(self.folder / "assignment.json", assignment)
        return LoggedIn.parsed(self.order(do="login", assignment=str(self.folder / "assignment.json")))

    def load(self, number: int) -> Loaded:
        """The answer to the order to load a slice."""
        return Loaded.parsed(self.order(do="load", slice=number, into=str(self.folder / f"slice-{number}")))

    def samples(self, number: int) -> list[list[Sample]]:
        """What was shipped of a slice, arm by arm."""
        return [list(played_at(self.folder / f"slice-{number}" / f"{arm}.tape")) for arm in ARMS]


@contextmanager
def _process(code: str, *words: object, descriptors: Sequence[int] = ()) -> Iterator[subprocess.Popen[bytes]]:
    argv = [sys.executable, "-c", code, *map(str, words)]
    process = subprocess.Popen(argv, pass_fds=descriptors, stderr=subprocess.PIPE)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a sleeper answers anything."""
    argv = [sys.executable, "-m", "bench.selfcheck.sleeper", "7", str(tmp_path_factory.mktemp("s") / "stamps")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextmanager
def _gathered(folder: Path, *workers: str, count: int = 0, master: str = "", once: bool = True) -> Iterator[Crew]:
    """A master of `count` workers or as many as are given, each changed by its text."""
    ours, theirs = socket.socketpair()
    ours.settimeout(PATIENT_S)
    with ExitStack() as started, ours:
        with theirs:
            words = (LOOPBACK, 0, count or len(workers), theirs.fileno())
            process = started.enter_context(_process(MASTER.format(master), *words, descriptors=[theirs.fileno()]))
        crew = Crew(process, ours, folder, 0, [])
        port = crew.order(do="where")["port"]
        for change in workers:
            crew.workers.append(
                started.enter_context(_process(WORKER.format(change), LOOPBACK, port, *["--once"] * once))
            )
        yield Crew(process, ours, folder, port, crew.workers)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Crew]:
    """Two workers, the second with a clock of its own, their visitors logged in."""
    with _gathered(tmp_path_factory.mktemp("pair"), "", OTHER_CLOCK) as crew:
        told = crew.order(do="gather", limit_s=PATIENT_S)
        assert sorted(told["here"]) == [False, True]
        assert [name[:13] for name in told["workers"]] == ["worker 1 of 2", "worker 2 of 2"]
        assert crew.log_in(port) == LoggedIn(len(ARMS) * VISITORS, ())
        yield crew


def test_two_send_what_one_would(pair: Crew) -> None:
    """The union of what both sent is the schedule of one, arrival by arrival; every station counts the same."""
    loaded, samples = pair.load(0), pair.samples(0)
    whole = whole_schedule(PLAN, 0)
    expected = tuple(sum(arrival.arm == arm for arrival in whole) for arm in range(len(ARMS)))
    assert loaded.scheduled == loaded.sent == tuple(map(len, samples)) == expected
    assert (loaded.workers, loaded.lost, loaded.shortfalls) == (2, (), ())
    for arm, sent in enumerate(samples):
        at_ns = [arrival.at_ns for arrival in whole if arrival.arm == arm]
        assert sorted(sample.intended_ns - loaded.start_ns for sample in sent) == at_ns
        assert all(sample.intended_ns <= sample.sent_ns <= sample.done_ns for sample in sent)
        assert {sample.visitor for sample in sent} == set(range(VISITORS))


def test_each_worker_sends_its_part(pair: Crew) -> None:
    """Visitors tell by their numbers whose they are; clocks are told apart from what workers here consumed."""
    loaded, samples = pair.load(0), pair.samples(0)
    counts = [tuple(sum(sample.visitor % 2 == part for sample in sent) for sent in samples) for part in range(2)]
    assert counts == scheduled_counts(PLAN, 0, 2)
    assert loaded.clock_uncertainty_ns is not None
    assert loaded.clock_uncertainty_ns > 0
    assert loaded.workers_cpu_ns > 0
    assert loaded.generator_cpu_ratio > 0


def test_one_more_than_expected_is_not_needed(pair: Crew) -> None:
    """It is kept waiting, and nobody's part changes."""
    with _process(WORKER.format(""), LOOPBACK, pair.port, "--once") as spare:
        assert spare.stderr is not None
        assert b"waiting for a master" in spare.stderr.readline()
        assert pair.load(0).workers == 2


def test_a_crew_serves_block_after_block(pair: Crew, port: int) -> None:
    """Visitors go when they are released, and log in again for the next block."""
    assert pair.order(do="release") == {}
    assert pair.log_in(port).visitors == len(ARMS) * VISITORS
    assert sum(pair.load(0).sent) == len(whole_schedule(PLAN, 0))


def test_a_run_begins_with_equals_and_ends_for_all(tmp_path: Path) -> None:
    """A worker of another version is told in one line what was found, expected and to be done, and ends with 3.

    When the master's channel ends, master and workers end with 0, and the workers say so.
    """
    with _gathered(tmp_path, OTHER_VERSION, "", count=1) as crew:
        other, worker = crew.workers
        _, said = other.communicate(timeout=PATIENT_S)
        assert other.returncode == 3
        found = "found authbench 0.0.1, locust 1, expected the master's authbench"
        assert said.decode().splitlines()[-1].startswith(f"authbench worker: {found}")
        told = crew.order(do="gather", limit_s=PATIENT_S)
        assert (len(told["workers"]), len(told["refused"])) == (1, 1)
        assert found in told["refused"][0]
        crew.channel.close()
        assert crew.process.wait(PATIENT_S) == 0
        _, said = worker.communicate(timeout=PATIENT_S)
        assert worker.returncode == 0
        assert said.decode().splitlines()[-1] == "authbench worker: the run is over"


def test_a_lost_worker_is_missed(tmp_path: Path, port: int) -> None:
    """SIGKILL in the middle of a slice: the answer comes, says who was lost, and holds what the other one sent.

    After that nothing is loaded any more, at once and in words. SIGTERM is a goodbye: exit code 0, and told as such.
    """
    with _gathered(tmp_path, "", "") as crew:
        crew.order(do="gather", limit_s=PATIENT_S)
        crew.log_in(port)
        Timer(1.0, crew.workers[0].kill).start()
        loaded = crew.load(1)
        (lost,) = loaded.lost
        assert "gave no sign of life" in lost
        assert loaded.shortfalls[0].startswith(lost)
        assert "never told what it sent" in loaded.shortfalls[1]
        assert 0 < sum(loaded.sent) < sum(loaded.scheduled) == len(whole_schedule(PLAN, 1))
        assert crew.load(1).sent == (0, 0)
        crew.workers[1].send_signal(signal.SIGTERM)
        assert crew.workers[1].wait(PATIENT_S) == 0
        logged_in = crew.log_in(port)
        assert logged_in.visitors == 0
        assert set(logged_in.lost) > {lost}
        assert {one.endswith(" ended") for one in logged_in.lost} == {True, False}


def test_a_lost_batch_and_a_lost_answer_are_seen(tmp_path: Path, port: int) -> None:
    """A batch by its number and its samples; an answer when its time is up, by the order it was to.

    A master that is killed is missed; the worker waits for the next then, until SIGTERM.
    """
    with _gathered(tmp_path, BROKEN, master=IMPATIENT, once=False) as crew:
        crew.order(do="gather", limit_s=PATIENT_S)
        crew.log_in(port)
        loaded = crew.load(0)
        (shortfall,) = loaded.shortfalls
        assert "received in 1 of 2 batches" in shortfall
        assert (loaded.lost, crew.samples(0)[0]) == ((), [])
        assert loaded.sent == loaded.scheduled
        assert crew.load(1).lost[0].endswith("gave no answer to 'prepare' for 3 s")
        crew.process.kill()
        assert _said(crew.workers[0], 2).endswith("the run is over")
        assert f"waiting for a master at {LOOPBACK}" in _said(crew.workers[0], 0)
        crew.workers[0].terminate()
        assert crew.workers[0].wait(PATIENT_S) == 0


def _said(worker: subprocess.Popen[bytes], after: int) -> str:
    """What a worker says of itself, so many lines of its own on."""
    assert worker.stderr is not None
    ours = (line for line in worker.stderr if line.startswith(b"authbench worker: "))
    return [next(ours) for _ in range(after + 1)][-1].decode().strip()
