"""The figures a run comes to, as values: what the table, the page and a diff are made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from loadtests.plan import CellPlan

if TYPE_CHECKING:
    from bench.analysis.ledger_model import Ledger

Status = Literal["VALID", "INVALID", "UNPROVEN"]
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its 95 % interval, in the unit its field names. `low` <= `value` <= `high`; `value` is finite.

    An end is infinite where the data say nothing about it: one block alone knows no spread.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a cell may be compared, and if not why, in plain words with the next thing to do.

    `disturbed`: INVALID for the machine's sake alone, so that other blocks may stand in for this one. A VALID cell
    of several blocks may have reasons too: those of the blocks that were set aside.
    """

    status: Status
    reasons: tuple[str, ...] = ()
    disturbed: bool = False


@dataclass(frozen=True, slots=True)
class Refusals:
    """Requests and visitors refused although their credential was valid, beside what theory predicts.

    `ratio`: refused / sent, exact count with a Wilson interval. `predicted_ratio`: 1 - 1/N for in-memory sessions
    under roundrobin, 0 otherwise; None where no theory is known. `logged_out` visitors met at least one refusal;
    `predicted_logged_out` is the sum over visitors of 1 - N^-k after each one's k requests.
    """

    ratio: Estimate
    predicted_ratio: float | None
    visitors: int
    logged_out: int
    predicted_logged_out: float | None


@dataclass(frozen=True, slots=True)
class CellSummary:
    """One cell over all its blocks.

    `cpu_us`: CPU microseconds per successful request by component (`haproxy`, `bff`, `replicas`, ...) and
    `total`, idle consumption subtracted, mean over blocks with a t interval. `response_ms`, `service_ms`: by
    percentile name (`p50`, `p90`, `p95`, `p99`, `p99.9`), None where there are too few samples.
    `store_operations`: server commands per request by store, None where they were not measured. Per-request bytes
    are HTTP bytes.
    `sent_ratio`: sent / scheduled. `lateness_p99_ms`: sent - intended where a visitor was idle;
    infinite when nothing was sent.
    """

    id: str
    cell: CellPlan
    verdict: Verdict
    blocks: int
    requests: int
    succeeded: int
    cpu_us: Mapping[str, Estimate]
    response_ms: Mapping[str, Estimate | None]
    service_ms: Mapping[str, Estimate | None]
    store_operations: Mapping[str, float] | None
    bytes_up: float
    bytes_down: float
    refusals: Refusals
    sent_ratio: float
    lateness_p99_ms: float
    generator_cpu_ratio: float | None
    spectrum_ms: tuple[tuple[float, float], ...] = ()
    """The response-time distribution for plotting: (quantile in (0, 1), milliseconds), ascending."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One cell against another of the same slice: total CPU us per successful request.

    `ratio` is candidate / baseline from per-block log-ratios; `difference_us` the same interval in microseconds of
    the baseline. `shown`: the interval of the ratio clears +/- max(A/A half-width, 2 %); else "no difference shown".
    """

    candidate: str
    baseline: str
    ratio: Estimate
    difference_us: Estimate
    shown: bool


@dataclass(frozen=True, slots=True)
class Control:
    """The A/A pair: one scheme entered twice. `half_width_ratio` is half the 95 % interval of its log-ratio.

    `differs` is a false alarm: the interval of two identical arms excludes 1.
    """

    pair: tuple[str, str]
    ratio: Estimate
    half_width_ratio: float
    differs: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """A whole run.

    `to_control` compares every comparable cell with the control of its slice and replica count; `to_each_other`
    compares schemes pairwise at equal replicas. INVALID cells and cells with refusals are in neither. Twins are cells
    of no summary: they are in `ledgers` alone.
    """

    cells: tuple[CellSummary, ...]
    to_control: tuple[Comparison, ...]
    to_each_other: tuple[Comparison, ...]
    control: Control | None
    ledgers: "tuple[Ledger, ...]" = ()
