"""What a ledger comes to, as values: where CPU time goes, what a scheme adds there, and what nobody can explain."""

from collections.abc import Mapping
from dataclasses import dataclass

from bench.analysis.model import Estimate

PROCESS = "process"
"""The part that is a whole component: what is known of it is the clock of its processes."""
BETWEEN = "between"
"""The part of a service that lies outside every span: its master, its thread pool, the switching between threads."""
LEAST_JUDGED_US = 20.0
"""A smaller extra is noise to a large part."""
CLOSING_RATIO = 0.15
"""How much of the extra may stay unexplained."""
AGREEING_RATIO = 0.02
"""By how much what a client asked and what its server counted may be apart."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of one request: CPU us per successful request. `name`: a span's, or PROCESS, or BETWEEN.

    `calls` per successful request: of a span how often it ran, of a store the commands it counted; None: not counted.
    """

    component: str
    name: str
    us: Estimate
    calls: float | None

    @property
    def call_us(self) -> float | None:
        """CPU us of one call; None without calls."""
        return self.us.value / self.calls if self.calls else None


@dataclass(frozen=True, slots=True)
class Request:
    """A whole request in a twin: its parts and the instrumentation are the total, which is the twin's own.

    `instrumentation_us`: what the reading of clocks took. What it takes to write the account down is not known, and
    in BETWEEN.
    """

    parts: tuple[Part, ...]
    instrumentation_us: Estimate
    total_us: Estimate


@dataclass(frozen=True, slots=True)
class Entry:
    """What a scheme adds to one part: us per call x calls per request in its twin, less the same in the control's."""

    component: str
    name: str
    extra_us: Estimate
    calls: float | None
    call_us: float | None
    control_calls: float | None
    control_call_us: float | None


@dataclass(frozen=True, slots=True)
class StoreCalls:
    """Round trips a twin's services made to a store beside the commands the store counted, per request.

    `counted` None: not known. A script's inner commands and the statements around a transaction count with the store.
    """

    store: str
    asked: float
    counted: float | None

    @property
    def agree(self) -> bool:
        """Whether both are the same but for a stray one."""
        most = max(self.asked, self.counted or 0.0)
        return self.counted is None or abs(self.asked - self.counted) <= AGREEING_RATIO * most


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a cell's scheme adds to its control, entry by entry; `cell` and `control` are ids of cells without spans.

    `extra_us`: the one's total less the other's. `residual_us`: the extra less all entries, each block for itself;
    `residuals_us` the same by component. `is_judged`: the extra is at least LEAST_JUDGED_US. `closes`: the residual's
    interval includes 0, or it is at most CLOSING_RATIO of the extra. `unexplained`: in which component most of it
    lies, in words; "" where it closes.
    """

    cell: str
    control: str
    blocks: int
    extra_us: Estimate
    entries: tuple[Entry, ...]
    residual_us: Estimate
    residuals_us: Mapping[str, Estimate]
    request: Request
    control_request: Request
    store_calls: tuple[StoreCalls, ...]
    is_judged: bool
    closes: bool
    unexplained: str

    @property
    def explained_us(self) -> float:
        """The sum of all entries."""
        return self.extra_us.value - self.residual_us.value
