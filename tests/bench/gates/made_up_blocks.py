"""Records of blocks as a run of gates leaves them, of cells whose cost and response time are known."""

from dataclasses import dataclass, replace

from bench.analysis.model import Verdict
from loadtests.plan import ArmPlan, SlicePlan, cell
from loadtests.record import Record, Resource
from tests.bench.measure.made_up_runs import record

ARRIVALS = 300
NS_PER_US = 1000
VALID = Verdict("VALID")
DISTURBED = Verdict("INVALID", ("other programs used 60 % of the machine",), disturbed=True)
FAULTY = Verdict("INVALID", ("900 of 1000 scheduled requests were sent",))


@dataclass(frozen=True, slots=True)
class Level:
    """What every request of a cell costs and takes, and what the verdict on it was."""

    cost_us: float = 600
    response_ms: float = 5
    told: Verdict = VALID


def block(arm: ArmPlan, load: SlicePlan, number: int, level: Level) -> Record:
    """One block of a cell at this level."""
    made = record(cell(arm, load), number, level.response_ms, ARRIVALS)
    assert made.footer
    spent_ns, told = round(level.cost_us * NS_PER_US * len(made.samples)), level.told
    return replace(
        made,
        resources=tuple(Resource(at, "replicas/1", at * spent_ns, 0) for at in (0, 1)),
        footer=replace(made.footer, verdict=told.status, reasons=told.reasons, disturbed=told.disturbed),
    )


def refused(whole: Record, count: int) -> Record:
    """As `whole`, but for `count` requests that were answered 401."""
    first = tuple(replace(sample, status=401) for sample in whole.samples[:count])
    return replace(whole, samples=(*first, *whole.samples[count:]))
