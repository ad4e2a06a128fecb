"""A run that is ended leaves nothing, and keeps what it has."""

import os
import signal
import socket

import pytest

from bench.selfcheck.clean import Ending, ended
from bench.selfcheck.subject import Socket, _listening, _socket_inodes, subject
from tests.segments import orphan_segment


@pytest.mark.stack
def test_a_run_that_is_ended_is_gone() -> None:
    """Ctrl-C over a real run: exit code, processes, ports, directory, records and mark are as promised."""
    assert [finding for finding in ended(Ending("login", (signal.SIGINT,))) if not finding.holds] == []


def test_a_listening_socket_is_recognised() -> None:
    """The check would see a port that was left: ours is found by its inode, and gone once it is closed."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ours = Socket(server.getsockname()[1], str(os.fstat(server.fileno()).st_ino))
        assert ours in set(_listening())
        assert ours.inode in set(_socket_inodes(os.getpid()))
    assert ours not in set(_listening())


def test_a_late_signal_may_find_the_run_complete() -> None:
    """Only after the last record; the same signal before is an interruption."""
    assert Ending("shutdown", (signal.SIGINT,)).marks == {"complete", "interrupted"}
    assert Ending("a slice", (signal.SIGINT,)).marks == {"interrupted"}


def test_memory_that_was_there_before_is_not_left_by_it() -> None:
    """A segment whose creator's pid a process of the run bears counts only when it was made since the run began."""
    with orphan_segment() as (_, creator), subject("--version") as started, orphan_segment() as (newer, its_creator):
        started.wait_ended()
        started._known.update((creator, its_creator))
        assert [left for left in started._left(frozenset()) if "memory" in left] == [f"shared memory {newer}"]
