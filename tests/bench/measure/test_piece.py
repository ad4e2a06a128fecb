"""A slice under load: every station's count, every process's clock and every store's commands, arm by arm."""

import os
import signal
from collections.abc import Iterator, Mapping

import pytest

from bench.measure.generator import GeneratorProcess
from bench.measure.laboratory import ArmBench
from bench.measure.piece import Loading
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment
from loadtests.plan import BlockPlan, SlicePlan
from loadtests.record import Record

SLICES = (SlicePlan("cpu", 30, 1, pinned=True), SlicePlan("latency", 30, 1, pinned=False))
FACTS = {"kernel": "Linux"}
pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def loading(supervisor: Supervisor, benches: Mapping[str, ArmBench]) -> Iterator[Loading]:
    """Two arms with their visitors logged in and their idle consumption known."""
    loaded = [benches["none"], benches["redis"]]
    plan = BlockPlan(3, 1, tuple(bench.plan for bench in loaded), SLICES)
    assignment = Assignment(plan, tuple(bench.address for bench in loaded), loaded[0].password)
    with GeneratorProcess(supervisor, "generator", assignment) as generator:
        logged_in = generator.log_in()
        assert (logged_in.visitors, logged_in.failures) == (sum(arm.visitors for arm in plan.arms), ())
        loading = Loading(plan, loaded, generator, FACTS, frozenset())
        loading.measure_idle(0.1)
        yield loading


@pytest.fixture(scope="module")
def records(loading: Loading) -> Mapping[str, Record]:
    """Both slices, by cell."""
    return {record.header.cell.id: record for number in range(len(SLICES)) for record in loading.measure(number)}


def test_each_slice_gives_a_record_an_arm(records: Mapping[str, Record]) -> None:
    """With its cell, its block, its company and the environment."""
    assert set(records) == {"none.cpu-30", "none.latency-30", "redis.cpu-30", "redis.latency-30"}
    headers = [record.header for record in records.values()]
    assert {(header.block, header.company, header.environment["kernel"]) for header in headers} == {
        (3, ("none", "redis"), "Linux")
    }


def test_every_station_counts_the_same(records: Mapping[str, Record]) -> None:
    """Scheduled, sent, received, seen by the load balancer, recorded, and looked up in the store."""
    for record in records.values():
        assert record.footer is not None
        counts = record.footer.counts
        recorded = len(record.samples)
        assert recorded > 0
        assert (counts.scheduled, counts.sent, counts.received, counts.load_balancer) == (recorded,) * 4
        in_store = {"redis": {"getex": recorded}} if record.header.cell.scheme == "redis-session" else {}
        assert record.footer.store_commands == in_store


def test_every_process_is_accounted_before_and_after(records: Mapping[str, Record]) -> None:
    """Master and worker, load balancer and store: twice each, CPU time never falling; idle rates for the same."""
    for record in records.values():
        by_process: dict[str, list[int]] = {}
        for resource in record.resources:
            by_process.setdefault(resource.process, []).append(resource.cpu_ns)
        fixed = {name for name in by_process if not name.startswith("postgres/")}
        store = {"redis/redis"} if record.header.cell.scheme == "redis-session" else set()
        assert fixed == {"replicas/replica-1-master", "replicas/replica-1", "haproxy/haproxy"} | store
        assert all(len(pair) == 2 and pair[0] <= pair[1] for pair in by_process.values())
        assert record.footer is not None
        assert set(record.footer.idle_cpu_ns_per_s) >= fixed


def test_events_frame_the_slice(records: Mapping[str, Record]) -> None:
    """Every request was intended between start and end, which are a slice's length apart."""
    for record in records.values():
        start, end = record.events
        assert (start.kind, end.kind) == ("slice-start", "slice-end")
        assert end.at_ns - start.at_ns == record.header.cell.seconds * 1_000_000_000
        assert all(start.at_ns <= sample.intended_ns < end.at_ns for sample in record.samples)


def test_nothing_else_is_held_against_a_quiet_cell(records: Mapping[str, Record]) -> None:
    """What a busy machine does to it aside: no lost sample, no odd status, no dead process."""
    reasons = [reason for record in records.values() if record.footer for reason in record.footer.reasons]
    assert [reason for reason in reasons if "samples were lost" in reason or "unexpectedly" in reason] == []
    assert [reason for reason in reasons if "during the cell" in reason] == []


def test_pinning_ends_with_the_slice(
    loading: Loading, records: Mapping[str, Record], benches: Mapping[str, ArmBench]
) -> None:
    """Servers may run on every core again; on one core alone nothing is pinned."""
    assert records
    cores = os.sched_getaffinity(0)
    assert all(os.sched_getaffinity(member.pid) == cores for member in benches["redis"].members())
    with loading._placed(SLICES[0]):
        placed = {frozenset(os.sched_getaffinity(member.pid)) for member in benches["redis"].members()}
    assert placed == {frozenset(sorted(cores)[: len(cores) // 2]) or frozenset(cores)}


def test_a_single_core_is_shared(
    loading: Loading, benches: Mapping[str, ArmBench], monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no half of it."""
    look = os.sched_getaffinity
    everywhere = {member.pid: look(member.pid) for member in benches["redis"].members()}
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    with loading._placed(SLICES[0]):
        assert {pid: look(pid) for pid in everywhere} == everywhere


def test_a_silent_server_does_not_end_the_measurement(benches: Mapping[str, ArmBench]) -> None:
    """Its counters are missing from the reading; everything else is there."""
    valkey = benches["redis"].arm.valkey
    assert valkey is not None
    valkey.process.signal(signal.SIGSTOP)
    try:
        reading = benches["redis"].read()
    finally:
        valkey.process.signal(signal.SIGCONT)
    assert reading.commands is None
    assert reading.requests is not None
    assert "haproxy/haproxy" in reading.processes
