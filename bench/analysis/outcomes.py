"""How requests ended, and how many theory expects to be refused although their credential was valid."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from bench.analysis.intervals import proportion
from bench.analysis.model import Refusals
from loadtests.plan import Balancing, CellPlan
from loadtests.record import Record, Sample

UNAUTHORIZED = 401

KEEPS_AFFINITY: dict[Balancing, bool] = {"roundrobin": False, "sticky": True, "source": True}
"""Policies under which theory says where a visitor's next request goes; of the others none is known."""


def succeeded(sample: Sample) -> bool:
    """Answered with a 2xx status."""
    return 200 <= sample.status < 300  # noqa: PLR2004 - the class of HTTP statuses that mean success


def refused(sample: Sample) -> bool:
    """Answered 401 although the client knew its credential to be valid: from where it stands, logged out."""
    return sample.status == UNAUTHORIZED and sample.had_valid_credential


def predicted_refused_ratio(cell: CellPlan, *, needs_affinity: bool) -> float | None:
    """1 - 1/N where a credential works on one of N replicas and requests go round all; None: no theory known."""
    if not needs_affinity or cell.replicas == 1:
        return 0.0
    keeps = KEEPS_AFFINITY.get(cell.balancing)
    if keeps is None:
        return None
    return 0.0 if keeps else 1 - 1 / cell.replicas


def refusals(cell: CellPlan, records: Sequence[Record], *, needs_affinity: bool) -> Refusals:
    """Exact counts over all requests of the cell's records; a visitor of another block is another visitor."""
    sent = Counter((record.header.block, sample.visitor) for record, sample in _all(records))
    hits = [(record.header.block, sample.visitor) for record, sample in _all(records) if refused(sample)]
    predicted = predicted_refused_ratio(cell, needs_affinity=needs_affinity)
    return Refusals(
        ratio=proportion(len(hits), sent.total()),
        predicted_ratio=predicted,
        visitors=len(sent),
        logged_out=len(set(hits)),
        predicted_logged_out=None if predicted is None else _predicted_logged_out(sent.values(), predicted),
    )


def _all(records: Sequence[Record]) -> Iterable[tuple[Record, Sample]]:
    return ((record, sample) for record in records for sample in record.samples)


def _predicted_logged_out(requests: Iterable[int], refused_ratio: float) -> float:
    """Sum over visitors of 1 - (1-p)^k after the k requests of each, p one's chance: 1 - N^-k if p = 1 - 1/N."""
    return math.fsum(1 - (1 - refused_ratio) ** k for k in requests)
