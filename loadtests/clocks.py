"""Pure: what another machine's monotonic clock shows, in terms of ours, and how far that may be off."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ping:
    """One exchange: sent and back by our clock, there by theirs, in ns."""

    sent_ns: int
    there_ns: int
    back_ns: int

    @property
    def round_trip_ns(self) -> int:
        """Ours from end to end."""
        return self.back_ns - self.sent_ns


@dataclass(frozen=True, slots=True)
class Anchor:
    """Their clock shows ours + `offset_ns`; the true offset is at most `uncertainty_ns` away."""

    offset_ns: int
    uncertainty_ns: int

    def theirs(self, ours_ns: int) -> int:
        """An instant of ours by their clock."""
        return ours_ns + self.offset_ns

    def ours(self, theirs_ns: int) -> int:
        """An instant of theirs by our clock."""
        return theirs_ns - self.offset_ns


def anchor(pings: Iterable[Ping]) -> Anchor:
    """The offset at the middle of the shortest round trip: however that was split, it is off by half of it at most."""
    best = min(pings, key=lambda ping: ping.round_trip_ns)
    return Anchor(best.there_ns - (best.sent_ns + best.back_ns) // 2, (best.round_trip_ns + 1) // 2)


def uncertainty_ns(before: Anchor, after: Anchor) -> int:
    """How far instants translated by `before` may be off by the time of `after`: drift the anchors prove included."""
    moved_ns = abs(after.offset_ns - before.offset_ns)
    drift_ns = max(0, moved_ns - before.uncertainty_ns - after.uncertainty_ns)
    return max(before.uncertainty_ns, after.uncertainty_ns) + drift_ns
