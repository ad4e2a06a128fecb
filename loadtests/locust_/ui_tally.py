"""Counts what the Auth tab shows, request by request; what workers counted adds up on the master."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from loadtests.exchange import Response
from loadtests.record import Sample
from loadtests.visitor import NEW_LIFE_HEADER

UNAUTHORIZED = 401
FIRST_SUCCESS, FIRST_REDIRECT = 200, 300
NOBODY = "no replica"

BY_REFRESH, IN_ANSWER = "by a refresh", "in an answer"
"""How a token is renewed: asked for, or as one that slides."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the tab: a figure, what it is counted by, its value, and how much of all that is."""

    figure: str
    counted_by: str
    value: str
    share: str = ""


@dataclass(slots=True)
class Tally:
    """What happened since the last reset. `logged_out`: users who met a 401 though their credential was valid.

    `refusals`: 401s by reason; `requests`: by the replica that answered; bytes are HTTP's, without TCP/IP.
    """

    requests: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    renewals: Counter[str] = field(default_factory=Counter)
    logged_out: set[str] = field(default_factory=set)
    bytes_up: int = 0
    bytes_down: int = 0

    def add(self, sample: Sample, response: Response) -> None:
        """Count one request."""
        self.requests[sample.replica or NOBODY] += 1
        self.bytes_up += sample.bytes_up
        self.bytes_down += sample.bytes_down
        if sample.status == UNAUTHORIZED:
            self._refused(sample)
        elif FIRST_SUCCESS <= sample.status < FIRST_REDIRECT:
            self._granted(sample, response)

    def _refused(self, sample: Sample) -> None:
        self.refusals[sample.reason] += 1
        if sample.had_valid_credential and sample.step != "login":
            self.logged_out.add(str(sample.visitor))

    def _granted(self, sample: Sample, response: Response) -> None:
        if sample.step == "refresh":
            self.renewals[BY_REFRESH] += 1
        elif NEW_LIFE_HEADER in response.headers:
            self.renewals[IN_ANSWER] += 1

    def clear(self) -> None:
        """Begin anew."""
        for counted in (self.requests, self.refusals, self.renewals, self.logged_out):
            counted.clear()
        self.bytes_up = self.bytes_down = 0

    def take(self) -> dict[str, Any]:
        """What was counted, as plain values for the wire, and begin anew."""
        taken = {
            "requests": dict(self.requests),
            "refusals": dict(self.refusals),
            "renewals": dict(self.renewals),
            "logged_out": sorted(self.logged_out),
            "bytes_up": self.bytes_up,
            "bytes_down": self.bytes_down,
        }
        self.clear()
        return taken

    def merge(self, worker: str, taken: Mapping[str, Any]) -> None:
        """Add what a worker took; visitors of two workers are two users though they have one number."""
        self.requests.update(taken["requests"])
        self.refusals.update(taken["refusals"])
        self.renewals.update(taken["renewals"])
        self.logged_out.update(f"{worker}/{visitor}" for visitor in taken["logged_out"])
        self.bytes_up += taken["bytes_up"]
        self.bytes_down += taken["bytes_down"]

    def figures(self) -> dict[str, Any]:
        """Every figure of the tab by name, for JSON."""
        sent = self.requests.total()
        return {
            "refusals_by_reason": dict(self.refusals),
            "users_logged_out": len(self.logged_out),
            "tokens_renewed": dict(self.renewals),
            "requests_by_replica": dict(self.requests),
            "bytes_up_per_request": self.bytes_up / sent if sent else None,
            "bytes_down_per_request": self.bytes_down / sent if sent else None,
        }

    def rows(self) -> Iterator[Row]:
        """The tab from top to bottom."""
        sent = self.requests.total()
        yield from _counted("401 answers", self.refusals, sent, otherwise="any reason")
        yield Row("users logged out", "valid credential refused", str(len(self.logged_out)))
        yield from _counted("tokens renewed", self.renewals, sent, otherwise="any way")
        yield from _counted("requests", self.requests, sent, otherwise="any replica")
        for way, total in (("up", self.bytes_up), ("down", self.bytes_down)):
            yield Row("bytes per request", way, f"{total / sent:.1f}" if sent else "")


def _counted(figure: str, counts: Mapping[str, int], sent: int, *, otherwise: str) -> Iterator[Row]:
    """A line for each that was counted, by name; one that says 0 where there was none."""
    for name, number in sorted(counts.items()):
        yield Row(figure, name, str(number), f"{number / sent:.1%}")
    if not counts:
        yield Row(figure, otherwise, "0")
