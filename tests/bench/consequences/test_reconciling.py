"""Client and load balancer must tell the same story, class by class of answers."""

import pytest

from bench.consequences.reconciling import disagreements
from loadtests.plan import ArmPlan, SlicePlan, cell
from loadtests.record import Header, Record, Sample

CELL = cell(ArmPlan("a", "none", "bearer", 1, "roundrobin", "steady", 1), SlicePlan("latency", 1, 1, pinned=False))
BEFORE = {"2xx": 5, "4xx": 0, "5xx": 1}


def record(*statuses: int) -> Record:
    """One sample a status."""
    samples = tuple(
        Sample(0, "read", 0, 0, 1, status, "", "", had_valid_credential=True, bytes_up=1, bytes_down=1)
        for status in statuses
    )
    return Record(Header(CELL, 0, (), {}), samples)


@pytest.mark.parametrize(
    ("statuses", "after"),
    [
        ((200, 201, 503), {"2xx": 7, "4xx": 0, "5xx": 2}),
        ((200, 0), {"2xx": 6, "4xx": 0, "5xx": 2}),
        ((200, 0), {"2xx": 6, "4xx": 0, "5xx": 1}),
        ((200, 401), {}),
    ],
    ids=["the same", "given up and answered", "given up and lost", "layer 4 sees none"],
)
def test_what_agrees_is_silent(statuses: tuple[int, ...], after: dict[str, int]) -> None:
    """Equal counts by class agree; an answer nobody waited for may be one more."""
    assert disagreements(record(*statuses), BEFORE, after) == ()


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({"2xx": 8, "4xx": 0, "5xx": 1}, "received 2 answers 2xx, the load balancer gave 3"),
        ({"2xx": 6, "4xx": 0, "5xx": 1}, "received 2 answers 2xx, the load balancer gave 1"),
        ({"2xx": 7, "4xx": 4, "5xx": 1}, "received 0 answers 4xx, the load balancer gave 4"),
    ],
)
def test_what_differs_is_told(after: dict[str, int], told: str) -> None:
    """A lost sample and a request of somebody else are both seen, with both counts."""
    (line,) = disagreements(record(200, 200), BEFORE, after)
    assert told in line
