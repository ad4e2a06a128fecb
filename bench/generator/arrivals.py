"""What the server's stamps say of a load: how much arrived, when it began, and how far from an even pace it came."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bench.generator.contender import Values
from bench.generator.stamps import CODES

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000

Instants = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Arrivals:
    """Marks in the order they were made: CLOCK_MONOTONIC ns and a code of `stamps.CODES`."""

    at_ns: Instants
    codes: Instants

    @property
    def refused(self) -> int:
        """How many requests the server refused."""
        return int(np.count_nonzero(self.codes == CODES["refused"]))

    @property
    def requests_ns(self) -> Instants:
        """When requests came."""
        requests_ns: Instants = self.at_ns[self.codes != CODES["refused"]]
        return requests_ns

    @property
    def firsts_ns(self) -> Instants:
        """When iterations of the journey began, ascending: not with a login, which comes first or after a logout."""
        is_first = (self.codes != CODES["refused"]) & (self.codes != CODES["login"])
        firsts_ns: Instants = np.sort(self.at_ns[is_first])
        return firsts_ns

    def count(self, begin_ns: int, end_ns: int) -> int:
        """Requests that came after `begin_ns` and not after `end_ns`."""
        came_ns = self.requests_ns
        return int(np.count_nonzero((came_ns > begin_ns) & (came_ns <= end_ns)))


def lateness_ms(firsts_ns: Instants, rate_rps: float) -> Values:
    """How far arrivals are behind an even pace: l_n = (a_n - n/r) - min over m of (a_m - m/r), in ms.

    a_n is the n-th of the ascending `firsts_ns`, r the rate. The phase of the pace is set by the arrival that is
    earliest against it, so the least lateness is 0 and what all have in common, the way to the server, is in none. An
    iteration that was left out makes all after it late by 1/r: a generator that forgets is behind.
    """
    pace_ns = np.arange(len(firsts_ns)) * (NS_PER_S / rate_rps)
    behind_ns = (firsts_ns - firsts_ns[0]) - pace_ns
    late: Values = (behind_ns - behind_ns.min()) / NS_PER_MS
    return late
