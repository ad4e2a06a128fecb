"""wrk, which asks again as soon as it is answered: the least a request can cost a generator, without a schedule."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bench.generator.contender import Contender, Load, Told
from bench.generator.loading import carry_out
from bench.generator.logins import log_in
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Wrk:
    """wrk, started."""

    process: Process
    seconds: int

    def finish(self) -> Told:
        """See Running. At saturation its response times tell of the queue that it made itself, so they are not told."""
        carry_out(self.process, self.seconds)
        return Told(response=None, failed=failures(self.process.log.read_text(encoding="utf-8")))


def failures(said: str) -> int:
    """Requests without a good answer, as the last run in `said` counted them; it says nothing where there were none."""
    last = said.rpartition("Running ")[2]
    lines = re.findall(r"^ *(?:Socket errors|Non-2xx or 3xx responses): (.*)$", last, re.MULTILINE)
    return sum(int(number) for line in lines for number in re.findall(r"\d+", line))


@contextmanager
def start(supervisor: Supervisor, load: Load) -> Iterator[Wrk]:
    """One thread; every connection reads with the same login. FileNotFoundError where it is not installed."""
    (login,) = log_in(load, 1)
    headers = (word for name, value in login.items() for word in ("--header", f"{name}: {value}"))
    argv = (
        *("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{load.seconds}s"),
        *(*headers, f"{load.url}/profile"),
    )
    process = supervisor.start(Command("wrk", argv, supervisor.folder("wrk")))
    try:
        yield Wrk(process, load.seconds)
    finally:
        process.stop()


CONTENDER = Contender(
    name="wrk",
    summary="wrk, closed loop of reads, as fast as the server answers",
    install="apt-get install wrk",
    is_paced=False,
    is_installed=lambda: shutil.which("wrk") is not None,
    start=start,
)
