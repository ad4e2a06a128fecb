"""One laboratory for all suites, and a gauge for each call."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from bench.micro.case import Case
from bench.micro.effort import Equipment, read_equipment
from bench.micro.gauge import Gauge
from bench.micro.laboratory import Laboratory, open_laboratory
from bench.micro.pacing import Pacer, calibrated
from services.settings import from_environment

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

EQUIPMENT = "AUTHBENCH_MICRO_EQUIPMENT"


@pytest.fixture(scope="session")
def equipment() -> Equipment:
    """What our parent started for us."""
    return read_equipment(Path(os.environ[EQUIPMENT]))


@pytest.fixture(scope="session")
def pacer(equipment: Equipment) -> Pacer:
    """Before anybody asks the stores anything."""
    return calibrated((equipment.valkey_pid,))


@pytest.fixture(scope="session")
def laboratory(equipment: Equipment, pacer: Pacer) -> Iterator[Laboratory]:  # noqa: ARG001 - it comes first
    """Real stores, an empty house."""
    with open_laboratory(from_environment(), equipment) as laboratory:
        yield laboratory


@pytest.fixture
def measure(equipment: Equipment, pacer: Pacer, benchmark: "BenchmarkFixture") -> Callable[[Case], None]:
    """Measures the one case of a test."""
    gauge = Gauge(equipment.effort, pacer, equipment.told)
    return lambda case: gauge.measure(case, benchmark)
