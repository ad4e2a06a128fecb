"""Our own generator, as a block of the harness runs it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from bench.generator.bare_app import SCHEME
from bench.generator.contender import Contender, Load, Spread, Told, Values, spread
from bench.measure.generator import GeneratorProcess
from bench.stack.errors import ProcessDiedError
from bench.stack.listening import LOOPBACK
from bench.stack.process import Process
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Assignment, Target
from loadtests.orders import Loaded
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Sample

NS_PER_MS = 1_000_000
GOOD = (200, 201)
UNUSED = "nobody checks it"


@dataclass(frozen=True, slots=True)
class Ours:
    """Its visitors are logged in."""

    generator: GeneratorProcess

    @property
    def process(self) -> Process:
        """See Running."""
        return self.generator.process

    def finish(self) -> Told:
        """See Running."""
        return told(self.load()[1])

    def load(self) -> tuple[Loaded, tuple[Sample, ...]]:
        """As `finish`, but the raw record. ProcessDiedError."""
        return self.generator.load(0), self.generator.samples(0, SCHEME)


def told(samples: tuple[Sample, ...]) -> Told:
    """From its raw record. Response time is done - intended, lateness sent - intended of what the schedule intended."""
    response = [sample.done_ns - sample.intended_ns for sample in samples if sample.status]
    late = [sample.sent_ns - sample.intended_ns for sample in samples if is_scheduled(sample)]
    return Told(_spread(response), sum(sample.status not in GOOD for sample in samples), _spread(late))


def is_scheduled(sample: Sample) -> bool:
    """Whether an arrival intended it: a login follows its logout, in its own time."""
    return sample.step != "login"


def _spread(times_ns: list[int]) -> Spread | None:
    values_ms: Values = np.array(times_ns) / NS_PER_MS
    return spread(values_ms) if times_ns else None


def assignment(load: Load) -> Assignment:
    """`load` as a block of one arm and one slice, on an even schedule."""
    arm = ArmPlan(SCHEME, SCHEME, load.carrier, 1, "roundrobin", "browse", load.visitors)
    piece = SlicePlan("cpu", load.rate_rps, load.seconds, pinned=True)
    plan = BlockPlan(0, load.seed, (arm,), (piece,), arrivals="constant")
    return Assignment(plan, (Target(LOOPBACK, load.port),), UNUSED)


@contextmanager
def start(supervisor: Supervisor, load: Load) -> Iterator[Ours]:
    """Logs its visitors in. ProcessDiedError when one of them could not."""
    with GeneratorProcess(supervisor, "ours", assignment(load)) as generator:
        logged_in = generator.log_in()
        if logged_in.failures:
            message = f"ours: found logins refused ({', '.join(logged_in.failures)}), expected all granted; see the log"
            raise ProcessDiedError(message)
        yield Ours(generator)


CONTENDER = Contender(
    name="ours",
    summary="authbench: an open loop in Locust",
    install="make setup",
    is_paced=True,
    is_installed=lambda: True,
    start=start,
)
