"""One replica: one worker, a port for life, and faults that do exactly what they say."""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace
from http.client import HTTPConnection

import pytest

from bench.stack.foundation import Foundation
from bench.stack.janitor import look
from bench.stack.listening import LOOPBACK
from bench.stack.replicas import Replica


@pytest.fixture
def replica(foundation: Foundation) -> Iterator[Replica]:
    """A replica of the control scheme."""
    settings = replace(foundation.settings, schemes=("none",))
    replica = Replica(foundation.supervisor, "arm", 1, settings)
    replica.wait_ready()
    yield replica
    replica.kill()


def _get(replica: Replica, path: str = "/healthz") -> tuple[int, str | None]:
    connection = HTTPConnection(LOOPBACK, replica.port, timeout=10)
    connection.request("GET", path, headers={"Connection": "close"})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.getheader("X-Replica")


def test_it_serves_its_scheme_under_its_name(replica: Replica) -> None:
    """The endpoints are there, and the answer says who gave it."""
    assert _get(replica, "/none/cookie/profile") == (200, "replica-1")


def test_it_is_one_master_and_one_worker(replica: Replica) -> None:
    """More workers would split in-memory sessions."""
    assert list(replica.processes()) == ["replica-1-master", "replica-1"]
    assert len(replica.process.members()) == 2


def test_a_worker_that_was_replaced_is_noticed(replica: Replica) -> None:
    """Gunicorn starts another one in its place, and the account must not go on with the dead one."""
    before = replica.processes()
    os.kill(before["replica-1"], signal.SIGKILL)
    replica.process.wait_ready(lambda: replica.processes().get("replica-1") not in {None, before["replica-1"]})
    assert replica.processes()["replica-1-master"] == before["replica-1-master"]


def test_killed_it_refuses_and_returns_on_its_port(replica: Replica) -> None:
    """Master and worker die at once, nobody holds the port, and the restarted replica has it again."""
    before, port = replica.processes(), replica.port
    replica.kill()
    assert replica.processes() == {}
    assert [look(pid) for pid in before.values()] == [None, None]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((LOOPBACK, port), timeout=5)
    replica.start()
    assert replica.port == port
    assert _get(replica) == (200, "replica-1")
    assert set(replica.processes().values()).isdisjoint(before.values())


def test_frozen_it_accepts_and_answers_when_thawed(replica: Replica) -> None:
    """A freeze loses no request: the kernel keeps it until the thaw."""
    replica.freeze()
    connection = HTTPConnection(LOOPBACK, replica.port, timeout=10)
    connection.request("GET", "/healthz")
    connection.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):
        connection.sock.recv(1, socket.MSG_PEEK)
    connection.sock.settimeout(10)
    replica.thaw()
    assert connection.getresponse().status == 200
    connection.close()


def test_stopped_it_ends_by_itself(replica: Replica) -> None:
    """An orderly stop needs no SIGKILL."""
    replica.stop()
    assert replica.process.popen.returncode == 0


def test_its_clock_can_be_moved_while_it_runs(replica: Replica) -> None:
    """The offset reaches the file the replica has open."""
    replica.skew(-90.0)
    clock = replica._settings.clock_file
    assert clock is not None
    assert clock.read_bytes() != bytes(8)
    replica.skew(0.0)
    assert clock.read_bytes() == bytes(8)
