"""Pure: what each worker of several was to send, sent and shipped of a slice, what is missing, and the sum of it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from loadtests.clocks import Anchor
from loadtests.orders import Loaded
from loadtests.record import Row

ADVICE = "look at the worker's log, then run it again"


@dataclass(slots=True)
class Delivery:
    """One worker's part of one slice. `scheduled`: arrivals by arm that fell to it, by the master's own reckoning.

    `loaded` is what the worker says it did; `batches` of its samples came by number, each for one arm, and `shipped`
    is how many it says there were. `cpu_ns`: what it took of the master's own machine.
    """

    worker: str
    scheduled: tuple[int, ...]
    anchor: Anchor
    loaded: Loaded | None = None
    shipped: int | None = None
    batches: dict[int, tuple[int, Sequence[Sequence[Any]]]] = field(default_factory=dict)
    clock_uncertainty_ns: int = 0
    cpu_ns: int = 0

    def rows(self, arm: int) -> Iterator[Row]:
        """The samples that arrived for an arm, by the master's clock."""
        ours = self.anchor.ours
        for of, rows in self.batches.values():
            if of == arm:
                for visitor, step, intended_ns, sent_ns, done_ns, *rest in rows:
                    yield visitor, step, ours(intended_ns), ours(sent_ns), ours(done_ns), *rest

    def received(self) -> tuple[int, ...]:
        """How many samples arrived, by arm."""
        arms = range(len(self.scheduled))
        return tuple(sum(len(rows) for of, rows in self.batches.values() if of == arm) for arm in arms)

    def shortfall(self) -> str:
        """What is missing, in words with what to do; empty when nothing is."""
        scheduled, received = sum(self.scheduled), sum(self.received())
        if self.loaded is None:
            return f"{self.worker} was to send {scheduled} requests and never told what it sent; {ADVICE}"
        if self._is_whole(self.loaded):
            return ""
        batches = f"{len(self.batches)} of {'an unknown number of' if self.shipped is None else self.shipped} batches"
        return (
            f"{self.worker}: {scheduled} requests scheduled, {sum(self.loaded.scheduled)} started, "
            f"{sum(self.loaded.sent)} sent, {received} received in {batches}; expected every one to arrive; {ADVICE}"
        )

    def _is_whole(self, loaded: Loaded) -> bool:
        has_all = self.shipped is not None and set(self.batches) == set(range(self.shipped))
        return has_all and loaded.scheduled == self.scheduled and loaded.sent == self.received()


def combined(deliveries: Sequence[Delivery], start_ns: int, end_ns: int, lost: tuple[str, ...]) -> Loaded:
    """What all workers did between two instants of the master's clock; where it is not a sum, the worst of them."""
    told = [delivery.loaded for delivery in deliveries if delivery.loaded is not None]
    shortfalls = [*map(worker_lost, lost), *(delivery.shortfall() for delivery in deliveries if told)]
    return Loaded(
        start_ns=start_ns,
        end_ns=end_ns,
        scheduled=_sums([delivery.scheduled for delivery in deliveries]),
        sent=_sums([loaded.sent for loaded in told]) or tuple(0 for _ in deliveries[0].scheduled),
        generator_cpu_ratio=max((loaded.generator_cpu_ratio for loaded in told), default=0.0),
        loop_lag_ns=max((loaded.loop_lag_ns for loaded in told), default=0),
        timer=", ".join(sorted({loaded.timer for loaded in told})),
        workers=len(deliveries),
        lost=lost,
        shortfalls=tuple(filter(None, shortfalls)),
        clock_uncertainty_ns=max(delivery.clock_uncertainty_ns for delivery in deliveries),
        workers_cpu_ns=sum(delivery.cpu_ns for delivery in deliveries),
    )


def worker_lost(lost: str) -> str:
    """Why a cell that lost a worker is not believed; `lost` says who, and how."""
    return f"{lost}, expected it to live through the run: its part of the load is missing; {ADVICE}"


def _sums(rows: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*rows, strict=True)))
