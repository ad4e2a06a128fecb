"""The harness's side of distributed load: whom a run gets its load from, and what it says when they do not come."""

import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest

from bench.measure.crew import Crew, Spread, generators
from bench.measure.generator import Alone
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Loading
from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.listening import LOOPBACK, free_port, listen, port_of
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Counts
from loadtests.shares import whole_schedule

ARM = ArmPlan("none", "none", "bearer", 1, "roundrobin", "steady", 4)
PLAN = BlockPlan(0, 1, (ARM,), (SlicePlan("cpu", 30, 1, pinned=False),))


def _assignment() -> Assignment:
    return Assignment(PLAN, (Target(LOOPBACK, free_port()),), "secret")


@pytest.mark.parametrize(
    ("spread", "workers", "is_exposed"),
    [
        (Spread(), 1, False),
        (Spread(local=3), 3, False),
        (Spread(expected=2), 2, False),
        (Spread(expected=2, host="localhost"), 2, False),
        (Spread(expected=2, host="10.0.0.1"), 2, True),
        (Spread(expected=2, host="0.0.0.0"), 2, True),  # noqa: S104 - named, not listened on
    ],
)
def test_a_spread_knows_how_many_and_who_can_reach_them(
    spread: Spread,
    workers: int,
    is_exposed: bool,  # noqa: FBT001 - a case
) -> None:
    """One process where nothing is asked for; only workers that come from elsewhere need a door to the outside."""
    assert (spread.workers, spread.is_exposed) == (workers, is_exposed)


def test_without_workers_every_block_has_a_process_of_its_own(supervisor: Supervisor) -> None:
    """As ever: no master, and nobody who could be lost."""
    with generators(supervisor, Spread()) as source:
        assert isinstance(source, Alone)
        assert source.lost == ()


@pytest.fixture(scope="module")
def crew(supervisor: Supervisor) -> Iterator[Crew]:
    """Two workers of our own."""
    with generators(supervisor, Spread(local=2)) as source:
        assert isinstance(source, Crew)
        yield source


def test_our_own_workers_load_a_block(crew: Crew) -> None:
    """Where nobody listens each visitor says why it is not logged in; every arrival is a sample all the same."""
    with crew.open("block", _assignment()) as generator:
        assert generator.process is crew.process
        assert len(generator.pids) == 3
        assert generator.log_in().failures == ("0 refused",)
        loaded = generator.load(0)
        assert (loaded.sent, loaded.workers, loaded.shortfalls) == (loaded.scheduled, 2, ())
        assert [sample.status for sample in generator.samples(0, ARM.id)] == [0] * loaded.sent[0]
    assert crew.lost == ()


@pytest.mark.stack
def test_two_workers_send_what_one_process_does(
    crew: Crew, supervisor: Supervisor, benches: Mapping[str, ArmBench]
) -> None:
    """Against a real replica: the same total schedule, counted alike at every station down to the load balancer."""
    bench = benches["none"]
    plan = replace(PLAN, arms=(bench.plan,))
    assignment = Assignment(plan, (bench.address,), bench.password)
    footers = []
    for source in (Alone(supervisor), crew):
        with source.open("replica", assignment) as generator:
            assert generator.log_in().failures == ()
            (record,) = Loading(plan, [bench], generator, {}, frozenset()).measure(0)
            footers.append(record.footer)
    alone, shared = footers
    assert alone is not None
    assert shared is not None
    count = len(whole_schedule(plan, 0))
    assert alone.counts == shared.counts == Counts(count, count, count, count)
    assert (alone.workers, alone.clock_uncertainty_ns, shared.workers) == (1, None, 2)
    assert (shared.clock_uncertainty_ns or 0) > 0
    assert [reason for reason in shared.reasons if "worker" in reason and "clocks" not in reason] == []


def test_workers_elsewhere_are_not_sent_to_our_loopback(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would be their own; where all can reach the target they may be anywhere."""
    monkeypatch.setattr(crew, "_are_here", False)
    with (
        pytest.raises(NotReadyError, match=r"found workers on other machines, .* 127\.0\.0\.1 .*--target URL"),
        crew.open("block", _assignment()),
    ):
        pass
    elsewhere = Assignment(PLAN, (Target("192.0.2.1", 80),), "secret")
    with crew.open("block", elsewhere) as generator:
        assert generator.pids


@pytest.fixture
def waiting(supervisor: Supervisor) -> Iterator[Crew]:
    """A master to which nobody will come."""
    with Crew(supervisor, Spread(expected=2)) as crew:
        yield crew


def test_a_run_does_not_wait_for_ever(waiting: Crew) -> None:
    """How many came, how many were expected and how to start the others; a lost worker is kept in mind."""
    with pytest.raises(
        NotReadyError, match=r"found 0 workers at 127.0.0.1:\d+ after 0.01 s, expected 2; start the others with: authb"
    ):
        waiting.gather(0.01)
    waiting.process.signal(signal.SIGKILL)
    with pytest.raises(ProcessDiedError, match=r"master .* during 'release'"):
        waiting.order({"do": "release"}, 10)


def test_a_port_of_somebody_else_is_named(supervisor: Supervisor) -> None:
    """One line, and it says which."""
    with listen() as listener:
        taken = port_of(listener)
        with (
            pytest.raises(NotReadyError, match=rf"port {taken} on {LOOPBACK}: found it unusable .*choose another port"),
            generators(supervisor, Spread(expected=1, port=taken)),
        ):
            pass
