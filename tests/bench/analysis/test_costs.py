"""CPU, store operations and bytes per request, worked out by hand."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from bench.analysis.costs import cpu_us, mean_bytes, store_operations
from loadtests.record import Resource


def test_cpu_is_summed_by_component_over_processes(synthetic: SimpleNamespace) -> None:
    """Two replicas of 200 and 300 us/request and a balancer of 80: 500 + 80 = 580."""
    record = synthetic.record(synthetic.cell(), cpu_us={"replicas/r1": 200, "replicas/r2": 300, "haproxy/haproxy": 80})
    assert cpu_us(record) == pytest.approx({"replicas": 500, "haproxy": 80, "total": 580})


def test_idle_consumption_is_subtracted_for_the_time_between_readings(synthetic: SimpleNamespace) -> None:
    """1.6 ms/s idle over 2 s is 3.2 ms, over 100 requests 32 us each: 40 - 32 = 8."""
    record = synthetic.record(
        synthetic.cell(), cpu_us={"redis/valkey": 40}, idle_cpu_ns_per_s={"redis/valkey": 1_600_000.0}
    )
    assert cpu_us(record) == pytest.approx({"redis": 8, "total": 8})


def test_a_cost_below_zero_is_told_as_it_is(synthetic: SimpleNamespace) -> None:
    """Idling dearer than working is a finding: 10 - 32 = -22 us, not 0."""
    record = synthetic.record(
        synthetic.cell(), cpu_us={"redis/valkey": 10}, idle_cpu_ns_per_s={"redis/valkey": 1_600_000.0}
    )
    assert cpu_us(record)["redis"] == pytest.approx(-22)


def test_only_successful_requests_share_the_cost(synthetic: SimpleNamespace) -> None:
    """100 us over two requests of which one is refused are 200 us per successful one."""
    samples = [synthetic.sample(0), synthetic.sample(1, status=401)]
    record = synthetic.record(synthetic.cell(), cpu_us={"replicas/r1": 100}, samples=samples)
    assert cpu_us(record)["total"] == pytest.approx(200)


def test_first_and_last_readings_decide_in_any_order(synthetic: SimpleNamespace) -> None:
    """Readings between the ends, and their order in the record, change nothing: (700 - 100) us / 1 request."""
    readings = [Resource(at, "replicas/r1", cpu, 0) for at, cpu in ((2, 700_000), (0, 100_000), (1, 650_000))]
    record = synthetic.record(synthetic.cell(), samples=[synthetic.sample()])
    assert cpu_us(replace(record, resources=tuple(readings)))["replicas"] == pytest.approx(600)


def test_unknown_cpu_is_absent_and_never_zero(synthetic: SimpleNamespace) -> None:
    """A dead cell, one without counters and one without a success have no cost."""
    record = synthetic.record(synthetic.cell())
    refused = synthetic.record(synthetic.cell(), samples=[synthetic.sample(status=401)])
    assert cpu_us(replace(record, footer=None)) == {}
    assert cpu_us(replace(record, resources=())) == {}
    assert cpu_us(refused) == {}


def test_store_operations_are_counted_per_request(synthetic: SimpleNamespace) -> None:
    """100 requests: 100 getex and 50 expire are 1.5 Redis commands each; an unfinished record adds nothing."""
    commands = {"redis": {"getex": 100, "expire": 50}, "postgres": {"select": 20}}
    record = synthetic.record(synthetic.cell(), store_commands=commands)
    assert store_operations([record, replace(record, footer=None)]) == {"redis": 1.5, "postgres": 0.2}
    assert store_operations([replace(record, footer=None)]) is None


def test_bytes_are_those_of_successful_requests(synthetic: SimpleNamespace) -> None:
    """A refusal's problem document does not blur the size of an answer."""
    samples = [synthetic.sample(0), synthetic.sample(1, bytes_up=400), synthetic.sample(2, status=401, bytes_up=9)]
    assert mean_bytes(samples) == (350.0, 500.0)
    assert mean_bytes(samples[2:]) == (0.0, 0.0)
