"""What a run says to advice: one part of it, under the balancing that suits each scheme, with the cell it came from."""

from types import SimpleNamespace

import pytest

from bench.analysis.advice_figures import Measured, declared_cost, measured, unmeasured
from bench.analysis.model import Summary
from bench.analysis.summary import summarise
from services.catalogue import SCHEMES

COSTS_US = {"none": 400.0, "redis-session": 600.0, "memory-session": 420.0}


@pytest.fixture
def summary(synthetic: SimpleNamespace) -> Summary:
    """Two replica counts; at two, sessions in memory are also measured with sticky balancing; latency at one rate."""
    records = []
    for block, noise in enumerate((0.99, 1.01)):
        for replicas in (1, 2):
            for scheme, cost_us in COSTS_US.items():
                balancing = "sticky" if (scheme, replicas) == ("memory-session", 2) else "roundrobin"
                plan = synthetic.cell(scheme, replicas=replicas, balancing=balancing)
                redis = {"redis/1": 50.0} if scheme == "redis-session" else {}
                commands = {"redis": {"getex": 100}} if scheme == "redis-session" else {}
                cpu_us = {"replicas/r1": cost_us * noise, **redis}
                records.append(synthetic.record(plan, block, cpu_us=cpu_us, store_commands=commands))
            samples = [synthetic.sample(number) for number in range(500)]
            timed = synthetic.cell("redis-session", replicas=replicas, purpose="latency", rate_rps=20.0)
            records.append(synthetic.record(timed, block, samples=samples, store_commands={"redis": {"getex": 500}}))
    return summarise(records, ["memory-session"])


def part_of(summary: Summary, servers: int) -> Measured:
    """The part for so many servers."""
    part = measured("r1", summary, servers)
    assert part is not None
    return part


def test_the_part_is_the_nearest(summary: Summary) -> None:
    """As many replicas as servers, or the next more, else the most; at the highest rate."""
    assert [part_of(summary, servers).replicas for servers in (1, 2, 3)] == [1, 2, 2]
    assert (part_of(summary, 1).rate_rps, part_of(summary, 1).latency_rate_rps) == (40.0, 20.0)
    assert measured("r1", Summary((), (), (), None), 1) is None


def test_a_cost_is_over_the_control(summary: Summary) -> None:
    """650 us against 400: 250 us, 1.625 times; with p99, store operations and bytes of a read."""
    cost = part_of(summary, 1).cost(SCHEMES["redis-session"])
    assert cost.cpu_us is not None
    assert cost.cpu_ratio is not None
    assert cost.p99_ms is not None
    assert cost.cpu_us.value == pytest.approx(250, rel=0.02)
    assert cost.cpu_ratio.value == pytest.approx(1.625, rel=0.01)
    assert cost.p99_ms.value == pytest.approx(2.5)
    assert (cost.store_operations, cost.bytes_up, cost.bytes_down) == (1.0, 300, 500)
    assert cost.cell == "redis-session-1.cpu-40"


def test_findings_name_their_cells(summary: Summary) -> None:
    """The ratio, the percentile and the store that is asked, each with the run and the cell."""
    part, spec = part_of(summary, 1), SCHEMES["redis-session"]
    found = dict(part.findings(spec, part.cost(spec)))
    assert {name: one.source for name, one in found.items()} == {
        "cpu_ratio": "run r1, redis-session-1.cpu-40",
        "p99_ms": "run r1, redis-session-1.latency-20",
        "redis_used": "run r1, redis-session-1.latency-20",
    }
    assert found["cpu_ratio"].words.startswith("1.6")
    assert found["cpu_ratio"].words.endswith("x)")
    assert found["p99_ms"].words.startswith("2.5 ms (")
    assert found["redis_used"].words == "1 command a read"


def test_memory_counts_only_where_it_was_sticky(summary: Summary) -> None:
    """On several replicas that is how somebody runs it; on one, balancing does not matter."""
    spec = SCHEMES["memory-session"]
    assert part_of(summary, 2).cost(spec).cell == "memory-session-2.cpu-40"
    dealt = [one for one in summary.cells if one.cell.scheme == "redis-session"]
    turned = Summary(tuple(dealt), (), (), None)
    assert part_of(turned, 2).cost(spec) == declared_cost(spec)
    assert dict(part_of(turned, 2).findings(spec, declared_cost(spec))) == {}


def test_what_was_not_compared_has_no_ratio(summary: Summary) -> None:
    """Without a control, or with one block alone, nothing is made up."""
    alone = Summary(summary.cells, (), (), None)
    cost = part_of(alone, 1).cost(SCHEMES["redis-session"])
    assert (cost.cpu_us, cost.cpu_ratio, cost.shown) == (None, None, False)


def test_without_an_interval_none_is_told(synthetic: SimpleNamespace) -> None:
    """One block alone knows no spread."""
    records = [synthetic.record(synthetic.cell(scheme), cpu_us={"replicas/r1": us}) for scheme, us in COSTS_US.items()]
    part, spec = part_of(summarise(records, []), 1), SCHEMES["redis-session"]
    cost = part.cost(spec)
    assert dict(part.findings(spec, cost))["cpu_ratio"].words == "1.50x the control"
    assert cost.p99_ms is None


def test_what_would_tell_is_said() -> None:
    """Costs are never claimed; sticky balancing has to be asked for."""
    found = dict(unmeasured(SCHEMES["redis-session"], 2))
    assert not any(one.is_known or one.is_measured for one in found.values())
    assert "authbench run" in found["p99_ms"].source
    assert "sticky" not in found["p99_ms"].source
    assert "sticky" in dict(unmeasured(SCHEMES["memory-session"], 2))["cpu_ratio"].source
