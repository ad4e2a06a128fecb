"""Records made of chosen figures, so that every expected value can be worked out by hand."""

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from loadtests.plan import CellPlan
from loadtests.record import Counts, Footer, Header, Record, Resource, Sample

MS = 1_000_000
SLICE_NS = 2_000_000_000


def _cell(scheme: str = "none", *, arm: str = "", **changes: Any) -> CellPlan:  # noqa: ANN401 - any field
    defaults = {"carrier": "cookie", "replicas": 1, "balancing": "roundrobin", "journey": "steady", "visitors": 10}
    piece = {"purpose": "cpu", "rate_rps": 40.0, "seconds": 2, "pinned": True}
    fields = {**defaults, **piece, **changes}
    return CellPlan(arm=arm or f"{scheme}-{fields['replicas']}", scheme=scheme, **fields)


def _sample(number: int = 0, **changes: Any) -> Sample:  # noqa: ANN401 - any field
    """Intended every 10 ms, sent 0.5 ms later, done after 2 ms of service; 200, 300 bytes up and 500 down."""
    at = number * 10 * MS
    times = {"intended_ns": at, "sent_ns": at + MS // 2, "done_ns": at + MS // 2 + 2 * MS}
    outcome = {"status": 200, "reason": "", "replica": "r1", "had_valid_credential": True}
    fields = {"visitor": number % 10, "step": "read", **times, **outcome, "bytes_up": 300, "bytes_down": 500}
    return Sample(**{**fields, **changes})


def _footer(requests: int, **changes: Any) -> Footer:  # noqa: ANN401 - any field
    fields = {
        "counts": Counts(requests, requests, requests, requests),
        "verdict": "VALID",
        "reasons": (),
        "disturbed": False,
        "idle_cpu_ns_per_s": {},
        "store_commands": {},
        "generator_cpu_ratio": 0.4,
        "loop_lag_ns": 0,
    }
    return Footer(**{**fields, **changes})


def _record(
    cell: CellPlan,
    block: int = 0,
    *,
    cpu_us: Mapping[str, float] | None = None,
    samples: Sequence[Sample] | None = None,
    **footer: Any,  # noqa: ANN401 - any field of the footer
) -> Record:
    """A finished record whose processes consumed `cpu_us` per sample, by `component/name`, without idling."""
    samples = [_sample(number) for number in range(100)] if samples is None else samples
    used_ns = {process: round(us * 1000 * len(samples)) for process, us in (cpu_us or {"replicas/r1": 400}).items()}
    return Record(
        Header(cell, block, ("none-1",), {}),
        tuple(samples),
        tuple(
            Resource(at_ns, process, 10**9 + cpu_ns * at_ns // SLICE_NS, 0)
            for process, cpu_ns in used_ns.items()
            for at_ns in (0, SLICE_NS)
        ),
        (),
        _footer(len(samples), **footer),
    )


@pytest.fixture(scope="session")
def synthetic() -> SimpleNamespace:
    """Builders of cells, samples and records."""
    return SimpleNamespace(cell=_cell, sample=_sample, record=_record)
