"""How many requests one generator process can send and have answered, by a server that is faster than it."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from jinja2 import StrictUndefined, Template

from bench.generator.bare_app import LIFE_S
from bench.generator.contender import Load
from bench.generator.ours import GOOD, is_scheduled, start
from bench.stack.binaries import HAPROXY, find
from bench.stack.listening import listen, port_of
from bench.stack.pinning import apart
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from loadtests.record import Sample
from services.contract import Carrier
from services.endpoints import PROFILE

SENT_RATIO = 0.99
TEMPLATE = Path(__file__).with_name("peak.cfg.j2")
CREDENTIAL = "c" * 43


@dataclass(frozen=True, slots=True)
class Peak:
    """What became of one offered rate: the share that was answered in time, and requests without a good answer."""

    rate_rps: int
    answered_ratio: float
    failed: int

    @property
    def is_reached(self) -> bool:
        """Whether the generator kept up: all but a hundredth answered before the end, and every answer good."""
        return self.answered_ratio >= SENT_RATIO and not self.failed


def offer(supervisor: Supervisor, carrier: Carrier, rates_rps: Sequence[int], seconds: int) -> Iterator[Peak]:
    """One process of ours at each of the rates. NotReadyError, ProcessDiedError."""
    with answering(supervisor) as (server, port):
        for rate_rps in rates_rps:
            yield _load(supervisor, server, Load(port, carrier, rate_rps, seconds))


def _load(supervisor: Supervisor, server: Process, load: Load) -> Peak:
    harness = (os.getpid(),)
    with ExitStack() as ending:
        with apart(server.members(), harness):  # what is started meanwhile inherits the generators' half
            ours = ending.enter_context(start(supervisor, load))
        with apart((*server.members(), *harness), ()):
            loaded, samples = ours.load()
    return judge(load, loaded.end_ns, samples)


def judge(load: Load, end_ns: int, samples: Sequence[Sample]) -> Peak:
    """What of `load` was answered before its end, and what never well."""
    answered = sum(is_scheduled(sample) and sample.done_ns <= end_ns for sample in samples)
    return Peak(load.rate_rps, answered / load.target, sum(sample.status not in GOOD for sample in samples))


@contextmanager
def answering(supervisor: Supervisor) -> Iterator[tuple[Process, int]]:
    """HAProxy that answers every request of a journey by itself, and its port. NotReadyError, ProcessDiedError."""
    folder = supervisor.folder("peak")
    config = folder / "haproxy.cfg"
    with listen() as listener:
        port = port_of(listener)
        config.write_text(_config(f"fd@{listener.fileno()}"), encoding="utf-8")
        argv = (str(find(HAPROXY)), "-db", "-q", "-f", str(config))
        process = supervisor.start(Command("peak", argv, folder, descriptors=(listener.fileno(),)))
    try:
        process.wait_ready(lambda: answers(port))
        yield process, port
    finally:
        process.stop()


def _config(bind: str) -> str:
    template = Template(TEMPLATE.read_text(encoding="utf-8"), undefined=StrictUndefined, keep_trailing_newline=True)
    text: str = template.render(bind=bind, profile=PROFILE.decode(), credential=CREDENTIAL, life_s=LIFE_S)
    return text
