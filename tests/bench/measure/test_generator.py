"""The harness's side of the generator: answers are read whole, and a process that fails an order is named."""

import signal
import socket
from collections.abc import Iterator
from threading import Thread, Timer

import pytest

from bench.measure import generator as module
from bench.measure.generator import GeneratorProcess, _read_line
from bench.stack.errors import ProcessDiedError
from bench.stack.listening import free_port
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan

ARM = ArmPlan("none", "none", "bearer", 1, "roundrobin", "steady", 2)
PLAN = BlockPlan(0, 1, (ARM,), (SlicePlan("cpu", 30, 1, pinned=False),))


@pytest.fixture
def frozen(supervisor: Supervisor) -> Iterator[GeneratorProcess]:
    """A generator that was stopped before it could read an order."""
    assignment = Assignment(PLAN, (Target("127.0.0.1", free_port()),), "secret")
    with GeneratorProcess(supervisor, "generator", assignment) as generator:
        generator.process.signal(signal.SIGSTOP)
        yield generator


@pytest.mark.stack
def test_one_that_hangs_is_given_up(frozen: GeneratorProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """The order, how it failed and where to look stand in the message."""
    monkeypatch.setattr(module, "LOGIN_LIMIT_S", 0.05)
    with pytest.raises(ProcessDiedError, match=r"generator timed out during 'login'; it said: .*generator\.log"):
        frozen.log_in()


@pytest.mark.stack
def test_one_that_dies_over_an_order_is_noticed(frozen: GeneratorProcess) -> None:
    """At once, not when the time is up."""
    Timer(0.1, frozen.process.kill).start()
    with pytest.raises(ProcessDiedError, match=r"generator (ended|.*reset by peer) during 'load'"):
        frozen.load(0)


def test_a_line_may_come_in_pieces() -> None:
    """Until its end, however many there are; a peer that hangs up before has said nothing."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        text = b"x" * 500_000
        sender = Thread(target=theirs.sendall, args=(text + b"\n",))
        sender.start()
        assert _read_line(ours) == text
        sender.join()
        theirs.sendall(b"half")
        theirs.close()
        assert _read_line(ours) == b""
