"""Visitors on a service clock that is moved: asked one request at a time, each written down in a record.

Locust's visitors count the life of a credential on the clock of their own machine, which nothing moves. Where the
clock of the services jumps over minutes, whoever keeps the schedule knows what was still good, and says so.
"""

import math
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from bench.analysis.model import Verdict
from bench.consequences.lab import Lab
from bench.consequences.reconciling import disagreements
from bench.measure.client import follow
from bench.measure.laboratory import ArmBench
from bench.stack.arm import RunningArm
from loadtests.assignment import USERNAME
from loadtests.exchange import Call, Response, sampled
from loadtests.plan import ArmPlan, SlicePlan, cell
from loadtests.record import Counts, Event, Footer, Header, Record, Sample
from loadtests.visitor import Flow, Visitor

AT_ONCE = 3
"""Arms that are asked side by side: as many as keep two cores busy."""
AFTER_SECOND_S, STALE_S = 0.05, 0.9
STOOD_STILL = (
    "{late} requests were answered more than {bar:g} s after the clock was set, expected none as it passes on; "
    "stop other programs and run it again"
)
NS_PER_S = 1_000_000_000

Work = TypeVar("Work")
Result = TypeVar("Result")


class ServiceClock:
    """The clocks of one arm: they jump where they are told, and pass by themselves in between.

    Time counts from the beginning, which is just after a full second: lifetimes of tokens are rounded up to the next
    one, so what is asked soon after a jump by whole seconds finds one that ends then still alive.
    """

    def __init__(self, arm: RunningArm) -> None:
        self._arm = arm
        self.restart()

    def restart(self) -> None:
        """Begin anew, close to system time."""
        self._began_s = math.floor(time.time()) + AFTER_SECOND_S
        self.jump(0)

    def jump(self, at_s: float, ahead_s: float = 0.0) -> None:
        """To `at_s` after the beginning; the last replica, and the BFF beside it, to `ahead_s` more than that."""
        self._jumped_s = time.monotonic()
        offset_s = self._began_s + at_s - time.time()
        for crew in (self._arm.replicas, self._arm.bffs):
            for one in crew[:-1]:
                one.skew(offset_s)
            for one in crew[-1:]:
                one.skew(offset_s + ahead_s)

    @property
    def age_s(self) -> float:
        """How long ago it jumped: by so much it may have passed on when a request that is now answered was met."""
        return time.monotonic() - self._jumped_s


@dataclass(frozen=True, slots=True)
class Chapter:
    """What was asked of one arm, and where it is kept."""

    samples: tuple[Sample, ...]
    verdict: Verdict
    record: str


class Diary:
    """Everything asked of one arm through its load balancer while this is open, by nobody else.

    `plan` stands in for the arm's own where it serves several schemes.
    """

    def __init__(self, bench: ArmBench, plan: ArmPlan | None = None) -> None:
        self.bench = bench
        self.plan = plan or bench.plan
        self.clock = ServiceClock(bench.arm)
        self.samples: list[Sample] = []
        self._late = 0
        self._opened = Event(time.monotonic_ns(), "slice-start", self.plan.id)
        self._answers, self._requests = bench.arm.haproxy.answers(), bench.arm.haproxy.requests() or 0

    def visitor(self, number: int) -> Visitor:
        """A visitor that is not logged in."""
        return Visitor(number, self.plan, self.bench.address.authority, USERNAME.format(number), self.bench.password)

    def ask(self, visitor: Visitor, flow: Callable[[Visitor], Flow], *, was_good: bool = True) -> Response:
        """Carry a flow to its end; the last answer. `was_good`: whether what the visitor holds should be accepted."""
        response = follow(self.bench.address, self._written_down(visitor.number, flow(visitor), was_good=was_good))
        self._late += self.clock.age_s >= STALE_S
        return response

    def close(self, lab: Lab, folder: str) -> Chapter:
        """Keep what was asked as a record below `folder`, held against what the load balancer counted."""
        samples, haproxy = tuple(self.samples), self.bench.arm.haproxy
        events = (self._opened, Event(time.monotonic_ns(), "slice-end", self.plan.id))
        record = Record(self._header(lab, events[1].at_ns), samples, events=events)
        faults = disagreements(record, self._answers, haproxy.answers())
        late = (STOOD_STILL.format(late=self._late, bar=STALE_S),) if self._late else ()
        verdict = Verdict("INVALID" if faults or late else "VALID", faults + late, disturbed=bool(late) and not faults)
        footer = _footer(len(samples), (haproxy.requests() or 0) - self._requests, verdict)
        return Chapter(samples, verdict, lab.keep(replace(record, footer=footer), folder))

    def _written_down(self, number: int, flow: Flow, *, was_good: bool) -> Flow:
        call: Call | None = next(flow, None)
        while call is not None:
            sent_ns = time.monotonic_ns()
            response = yield call
            meant = replace(call, had_valid_credential=was_good and call.step != "login")
            self.samples.append(sampled(number, meant, response, (sent_ns, sent_ns, time.monotonic_ns())))
            try:
                call = flow.send(response)
            except StopIteration:
                return

    def _header(self, lab: Lab, closed_ns: int) -> Header:
        lasted_s = math.ceil((closed_ns - self._opened.at_ns) / NS_PER_S)
        piece = SlicePlan("latency", math.ceil(len(self.samples) / lasted_s), lasted_s, pinned=False)
        return Header(cell(self.plan, piece), 0, (self.plan.id,), lab.facts)


def _footer(asked: int, balanced: int, verdict: Verdict) -> Footer:
    return Footer(
        Counts(asked, asked, asked, balanced),
        verdict.status,
        verdict.reasons,
        disturbed=verdict.disturbed,
        idle_cpu_ns_per_s={},
        store_commands=None,
        generator_cpu_ratio=None,
        loop_lag_ns=None,
    )


def side_by_side(work: Callable[[Work], Result], pieces: Sequence[Work]) -> list[Result]:
    """`work` done with each of `pieces`, AT_ONCE of them at a time; the results in their order."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(work, pieces))


def last_good(is_good: Callable[[int], bool], good_s: int, bad_s: int) -> tuple[float, float]:
    """The last whole second known to be good and the first known not to be, by bisection; infinite: there is none.

    `good_s` is known to be good; `bad_s` is where to look first.
    """
    if is_good(bad_s):
        return bad_s, math.inf
    while bad_s - good_s > 1:
        middle_s = (good_s + bad_s) // 2
        if is_good(middle_s):
            good_s = middle_s
        else:
            bad_s = middle_s
    return good_s, bad_s
