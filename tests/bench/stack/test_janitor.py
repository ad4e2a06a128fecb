"""The janitor recognises what is ours, and only that."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.stack import janitor
from bench.stack.janitor import Leader, free_segments, look, ours, registrations, segments, sweep
from tests.segments import orphan_segment

SLEEP = shutil.which("sleep") or "/bin/sleep"


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process nobody registered, in a session of its own, working in `tmp_path`."""
    process = subprocess.Popen([SLEEP, "60"], cwd=tmp_path, start_new_session=True)
    yield process
    process.kill()
    process.wait()


def _leader(pid: int) -> Leader:
    seen = look(pid)
    assert seen is not None
    return Leader(pid, seen.start, os.path.realpath(SLEEP))


def test_a_registered_process_is_ours_and_swept(stranger: subprocess.Popen[bytes]) -> None:
    """A registered process is killed even when it is stopped."""
    leader = _leader(stranger.pid)
    stranger.send_signal(19)
    sweep([leader], "/nowhere")
    assert stranger.wait(5) == -9


def test_a_child_that_outlives_its_registered_leader_is_ours() -> None:
    """Members of a registered session are ours after the leader is gone."""
    script = f"import subprocess; print(subprocess.Popen([{SLEEP!r}, '60'], stdout=subprocess.DEVNULL).pid)"
    leader = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, start_new_session=True)
    child = int(leader.communicate()[0])
    assert list(ours([Leader(leader.pid, 0, "")], "/nowhere")) == [child]
    sweep([Leader(leader.pid, 0, "")], "/nowhere")
    assert look(child) is None


def test_a_reused_pid_is_not_ours(stranger: subprocess.Popen[bytes]) -> None:
    """A process that got a registered pid later, seen by its start time, is left alone."""
    leader = _leader(stranger.pid)
    reused = Leader(leader.pid, leader.start - 1, leader.executable)
    assert list(ours([reused], "/nowhere")) == []


def test_an_orphan_of_our_executable_in_our_directory_is_ours(
    stranger: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """A process that left group and session, as PostgreSQL's backends do, is known by executable and directory."""
    registered = Leader(1 << 30, 0, os.path.realpath(SLEEP))
    assert list(ours([registered], str(tmp_path))) == [stranger.pid]


def test_a_users_shell_in_our_directory_is_not_ours(stranger: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """Working in our directory alone does not make a process ours."""
    assert stranger.poll() is None
    assert list(ours([Leader(1 << 30, 0, "/usr/bin/something-else")], str(tmp_path))) == []


def test_a_process_that_is_gone_is_not_seen() -> None:
    """Neither a dead process nor one that waits to be reaped counts as live."""
    process = subprocess.Popen([SLEEP, "60"])
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert look(process.pid) is None
    process.wait()
    assert look(process.pid) is None


@pytest.fixture
def harness() -> Iterator[subprocess.Popen[bytes]]:
    """A process that stands for the harness."""
    process = subprocess.Popen([SLEEP, "60"])
    yield process
    process.kill()
    process.wait()


def _named(folder: Path, number: int, creator: int) -> None:
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "postmaster.pid").write_text(
        f"{creator}\n/data\n0\n5432\n/s\n127.0.0.1\n  123456  {number}\nready\n"
    )


def test_the_shared_memory_of_a_killed_server_is_freed(tmp_path: Path) -> None:
    """What its postmaster.pid names is removed; one of another creator is not, nor is a file cut short a fault."""
    with orphan_segment() as killed, orphan_segment() as other:
        _named(tmp_path / "postgres-1", *killed)
        _named(tmp_path / "postgres-2", other[0], other[1] + 1)
        (tmp_path / "postgres-3" / "data").mkdir(parents=True)
        (tmp_path / "postgres-3" / "data" / "postmaster.pid").write_text("1\n")
        free_segments(str(tmp_path))
        assert {killed, other} & set(segments()) == {other}


def test_registrations_end_when_the_pipe_closes(harness: subprocess.Popen[bytes]) -> None:
    """Lines are read whole however they are cut, names with spaces included."""
    reader, writer = os.pipe()
    pidfd = os.pidfd_open(harness.pid)
    leaders = registrations(reader, pidfd)
    os.write(writer, b"1 2 /a b\n3 ")
    assert next(leaders) == Leader(1, 2, "/a b")
    os.write(writer, b"4 /c\n")
    os.close(writer)
    assert list(leaders) == [Leader(3, 4, "/c")]
    os.close(reader)
    os.close(pidfd)


def test_registrations_end_with_the_harness_though_the_pipe_is_held_open(harness: subprocess.Popen[bytes]) -> None:
    """A fork that inherited the pipe does not keep the janitor waiting; what was written is still read."""
    reader, writer = os.pipe()
    pidfd = os.pidfd_open(harness.pid)
    os.write(writer, b"1 2 /a\n")
    harness.kill()
    harness.wait()
    assert list(registrations(reader, pidfd)) == [Leader(1, 2, "/a")]
    for descriptor in (reader, writer, pidfd):
        os.close(descriptor)


def test_the_janitor_cleans_up_when_the_pipe_closes(stranger: subprocess.Popen[bytes], tmp_path: Path) -> None:
    """As a program: it kills what was registered, removes the directory and ends; being asked to end stops it not."""
    directory = tmp_path / "private"
    directory.mkdir()
    pidfd = os.pidfd_open(os.getpid())
    command = [sys.executable, "-m", janitor.__name__, str(pidfd), str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(pidfd,)) as process:
        leader = _leader(stranger.pid)
        process.communicate(f"{leader.pid} {leader.start} {leader.executable}\n".encode())
    os.close(pidfd)
    assert (process.returncode, directory.exists(), stranger.wait(5)) == (0, False, -9)
