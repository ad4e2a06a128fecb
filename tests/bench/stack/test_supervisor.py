"""Whatever ends the harness, no process, port or directory of its own is left behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import bench
from bench.stack.binaries import VALKEY, find
from bench.stack.janitor import look, segments
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import start_valkey

GONE_WITHIN_S = 30.0
"""No bar, which is the selfcheck's, but when to give up on a busy machine."""

HARNESS = """
import sys, time, types
if sys.version_info < (3, 11, 3):  # a system's Python may be older than ours, whose dependencies are installed
    sys.modules["async_timeout"] = types.SimpleNamespace(timeout=None)
from pathlib import Path
from bench.stack.postgres import start_postgres
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import start_valkey

with Supervisor(Path(sys.argv[1])) as supervisor:
    valkey = start_valkey(supervisor, "valkey")
    shell = supervisor.start(Command("family", ("/bin/sh", "-c", "sleep 600 & echo $!; wait"), supervisor.directory))
    postgres = start_postgres(supervisor)
    backends = postgres.execute("SELECT pid FROM pg_stat_activity WHERE backend_type IN ('checkpointer', 'walwriter')")
    shell.wait_ready(lambda: shell.last_line() != "nothing")
    pids = [valkey.process.pid, *shell.members(), postgres.process.pid, *(pid for pid, in backends)]
    if "freeze" in sys.argv:
        valkey.freeze()
        postgres.freeze()
    print(supervisor.directory, *pids, flush=True)
    time.sleep(600)
"""


@dataclass(frozen=True, slots=True)
class Harness:
    """A running harness of its own process, and everything it owns."""

    process: subprocess.Popen[str]
    directory: Path
    pids: tuple[int, ...]
    memory_before: frozenset[tuple[int, int]]

    def leftovers(self) -> list[str]:
        """What is still there of it after at most GONE_WITHIN_S."""
        limit = time.monotonic() + GONE_WITHIN_S
        while (left := self._left()) and time.monotonic() < limit:
            time.sleep(0.05)
        return left

    def _left(self) -> list[str]:
        pids = [str(pid) for pid in self.pids if look(pid)]
        made = frozenset(segments()) - self.memory_before
        memory = [f"shared memory {number}" for number, creator in made if creator in self.pids]
        return [*pids, *memory, *([str(self.directory)] if self.directory.exists() else [])]


@contextmanager
def running(logs: Path, *options: str, python: str = sys.executable, uid: int | None = None) -> Iterator[Harness]:
    """A harness with three kinds of servers, once they all run; as `uid` where given."""
    before = frozenset(segments())
    paths = os.pathsep.join([str(Path(bench.__file__).parents[1]), *sys.path[1:]])
    process = subprocess.Popen(
        [python, "-c", HARNESS, str(logs), *options],
        stdout=subprocess.PIPE,
        text=True,
        cwd="/",
        env={**os.environ, "PYTHONPATH": paths, VALKEY.setting: str(find(VALKEY))},
        user=uid,
        group=uid,
        extra_groups=[] if uid else None,
    )
    with process:
        try:
            assert process.stdout is not None
            directory, *pids = process.stdout.readline().split()
            yield Harness(process, Path(directory), tuple(map(int, pids)), before)
        finally:
            process.kill()


@pytest.fixture
def readable_folder() -> Iterator[Path]:
    """A folder that any uid may write to."""
    path = Path("/tmp") / f"authbench-test-{os.getpid()}"  # noqa: S108 - removed again; pytest's own folder is private to root
    path.mkdir()
    path.chmod(0o777)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_harness_is_ended(tmp_path: Path, number: signal.Signals) -> None:
    """Processes, their children, PostgreSQL's backends and the directory go with the harness, however it is ended."""
    with running(tmp_path) as harness:
        assert len(harness.pids) >= 5
        harness.process.send_signal(number)
        assert harness.process.wait(10) != 0
        assert harness.leftovers() == []


def test_nothing_is_left_of_frozen_servers(tmp_path: Path) -> None:
    """SIGSTOPped stores, backends and shared memory included, do not survive a harness that was killed with kill -9."""
    with running(tmp_path, "freeze") as harness:
        harness.process.kill()
        harness.process.wait()
        assert harness.leftovers() == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become an ordinary user")
def test_an_ordinary_user_can_run_and_leaves_nothing(readable_folder: Path, public_python: str) -> None:
    """Without root nothing is dropped, and the clean-up is the same."""
    with running(readable_folder, python=public_python, uid=65_534) as harness:
        assert {look(pid) is not None for pid in harness.pids} == {True}
        harness.process.kill()
        harness.process.wait()
        assert harness.leftovers() == []


def test_two_side_by_side_share_nothing(tmp_path: Path) -> None:
    """Ending one supervisor leaves the other's servers and directory alone."""
    with Supervisor(tmp_path / "one") as one:
        survivor = start_valkey(one, "valkey")
        with Supervisor(tmp_path / "two") as two:
            other = start_valkey(two, "valkey")
            assert other.port != survivor.port
            assert two.directory != one.directory
        assert survivor.answers()
        assert not other.answers()
        assert one.directory.is_dir()
        assert not two.directory.exists()


def test_an_exception_ends_everything_and_keeps_the_logs(tmp_path: Path) -> None:
    """Leaving by an exception is leaving: servers gone, directory gone, logs kept."""
    supervisor = Supervisor(tmp_path)

    def fail() -> None:
        with supervisor:
            start_valkey(supervisor, "valkey")
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not supervisor.directory.exists()
    assert (tmp_path / "valkey.log").is_file()


def test_many_processes_end_together(tmp_path: Path) -> None:
    """Sixty processes, children included, are all gone on leaving."""
    with Supervisor(tmp_path) as supervisor:
        processes = [
            supervisor.start(Command(f"p{number}", ("/bin/sh", "-c", "sleep 600 & wait"), supervisor.directory))
            for number in range(30)
        ]
    assert [process.members() for process in processes] == [()] * 30


def test_private_files_are_private(supervisor: Supervisor) -> None:
    """Nobody else may list our directory or read a folder or a secret in it; names never collide."""
    folder, secret = supervisor.folder("x"), supervisor.secret("x")
    modes = [path.stat().st_mode & 0o777 for path in (supervisor.directory, folder, secret)]
    assert modes == [0o711, 0o700, 0o600]
    assert supervisor.folder("x") != folder
    assert len(secret.read_text()) >= 22
    assert supervisor.secret("x").read_text() != secret.read_text()
