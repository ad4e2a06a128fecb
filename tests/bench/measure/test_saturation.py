"""An arm near saturation: found again by its documents, its cost counted by the step."""

from pathlib import Path

import pytest

from bench.analysis.ladder import LADDER
from bench.measure.rate_search import Choices
from bench.measure.rundir import MAX_RATE, RunDirectory
from bench.measure.saturation import Saturated, mix, only_step, saturated, server_cores
from loadtests.plan import JOURNEYS, Journey
from tests.bench.measure.made_up_runs import LIMIT, RATE_RPS, rewritten, searched

CHOICES = Choices(20.0, schemes=("redis-session",), seed=3, journeys=("steady", "relogin", "browse"))


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Three journeys, a rung's difference between them."""
    limits = {"redis-session-cookie-1-browse": LIMIT - 1}
    return searched(tmp_path_factory.mktemp("run") / "run", CHOICES, limits)


@pytest.fixture(scope="module")
def found(directory: RunDirectory) -> dict[str, Saturated]:
    """Every arm by its id."""
    return {one.arm.id: one for one in saturated(directory)}


def test_every_arm_is_at_its_highest_rate(found: dict[str, Saturated]) -> None:
    """One record a verifying set, all at the rate that was met; the source names run, arm and rate."""
    assert len(found) == 6
    for name, one in found.items():
        rate_rps = LADDER[LIMIT - 1] if name == "redis-session-cookie-1-browse" else RATE_RPS
        assert {record.header.cell.rate_rps for record in one.records} == {rate_rps}
        assert [record.header.block for record in one.records] == [1, 2]
        assert one.rate_rps == pytest.approx(rate_rps)
        assert one.source == f"run run, highest rate of {name}, {rate_rps:,.4g}/s"


def test_costs_are_those_of_a_step(found: dict[str, Saturated]) -> None:
    """A read is one request; a relogin is two: 400 + 1,600 us, 2 x 100 at HAProxy, two commands, twice the bytes."""
    read = found["redis-session-cookie-1"].cost
    assert {name: round(one.value) for name, one in read.cpu_us.items()} == {"replicas": 500, "haproxy": 100}
    assert (read.operations["redis"].value, read.bytes_up.value, read.bytes_down.value) == (1, 200, 300)
    relogin = found["redis-session-cookie-1-relogin"].cost
    assert {name: round(one.value) for name, one in relogin.cpu_us.items()} == {"replicas": 2000, "haproxy": 200}
    assert (relogin.operations["redis"].value, relogin.bytes_up.value, relogin.bytes_down.value) == (2, 400, 600)
    assert found["none-bearer-1"].cost.operations == {}


def test_the_highest_rate_says_what_it_was_met_on(found: dict[str, Saturated]) -> None:
    """SLO, replicas, the cores servers shared, and the mix."""
    met = found["redis-session-cookie-1-browse"].max_rate
    assert (met.slo_p99_ms, met.replicas, met.server_cores) == (20.0, 1, 1)
    assert met.journey_steps == {"read": 0.9, "write": 0.08, "relogin": 0.02}


def test_what_is_not_believed_tells_nothing(tmp_path: Path) -> None:
    """An arm without a rate, an arm whose records are gone, and a document of before are left out."""
    choices = Choices(20.0, schemes=("jwt-hs256",))
    directory = searched(tmp_path / "run", choices, {"none-bearer-1": -1})
    assert [one.arm.id for one in saturated(directory)] == ["jwt-hs256-bearer-1"]
    for path in (directory.path / "records").rglob("*.gz"):
        path.unlink()
    assert list(saturated(directory)) == []
    rewritten(directory, MAX_RATE.file, {"outcomes": []})
    assert list(saturated(directory)) == []


@pytest.mark.parametrize("journey", JOURNEYS)
def test_every_journey_has_a_mix(journey: Journey) -> None:
    """Its shares add up; where it has one step, that is it."""
    assert sum(mix(journey).values()) == pytest.approx(1)
    assert (only_step(journey) is not None) == (len(mix(journey)) == 1)


@pytest.mark.parametrize(("cores", "servers"), [(1, 1), (2, 1), (3, 1), (8, 4)])
def test_servers_have_half_of_the_cores(cores: int, servers: int) -> None:
    """As they are pinned: the first half, or the only one."""
    assert server_cores(cores) == servers
