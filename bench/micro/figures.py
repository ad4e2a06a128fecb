"""What a microbenchmark found, as values: one call, hot in a tight loop and cold at a pace, beside its floors."""

from dataclasses import dataclass
from typing import Literal

from bench.analysis.model import Estimate

FloorKind = Literal["library", "wire"]
"""The bare library or store call that does the same, or the bytes alone on a raw socket."""


@dataclass(frozen=True, slots=True)
class Floor:
    """What lies below a call.

    `ratio`: the call's CPU time over the floor's, measured in alternating turns of one process; 95 % interval.
    """

    kind: FloorKind
    name: str
    hot_us: Estimate
    ratio: Estimate


@dataclass(frozen=True, slots=True)
class Figure:
    """One call. Times are thread-CPU microseconds, over distinct credentials; 95 % intervals.

    `group`: calls that are to be read beside each other (`verify`, `store get`, `password hash`). `subject`: the
    scheme, store or algorithm; `case`: what is asked of it (`valid`, `expired`, `forged`, `10 claims`, `2048 bits`).
    `hot_us`: in a tight loop. `cold_us`: paced, other work in between, as a server under load meets it. `wall_us`:
    paced, by the wall clock, with the wait for a store's answer. `server_us`: what the store's own process spent on it,
    None where there is none.
    """

    group: str
    subject: str
    case: str
    hot_us: Estimate
    cold_us: Estimate
    wall_us: Estimate
    server_us: float | None = None
    floors: tuple[Floor, ...] = ()

    @property
    def cold_to_hot_ratio(self) -> float:
        """How much more a call costs when it comes now and then."""
        return self.cold_us.value / self.hot_us.value
