"""Locust's FastHttpUser as Locust's own documentation would have it: headless, paced by constant_throughput."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.generator.contender import Contender, Load, Told, Values, spread
from bench.generator.loading import carry_out
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

LOCUSTFILE = Path(__file__).parent / "locustfile.py"
LEAD_S, TAIL_S = 1, 1
"""All users are started at once; so long after that they have logged in and begin, one after the other. Locust's own
clock ends the run: so much later, that nothing is cut off."""


@dataclass(frozen=True, slots=True)
class FastHttp:
    """Locust, started."""

    process: Process
    load: Load
    report: Path

    def finish(self) -> Told:
        """See Running."""
        carry_out(self.process, LEAD_S + self.load.seconds + TAIL_S)
        said = json.loads(self.report.read_text(encoding="utf-8"))
        values_ms: Values = np.array(said["response_ms"])
        return Told(spread(values_ms) if len(values_ms) else None, said["failed"])


@contextmanager
def start(supervisor: Supervisor, load: Load) -> Iterator[FastHttp]:
    """One process; Locust's statistics run as they always do."""
    folder = supervisor.folder("fasthttp")
    report = folder / "report.json"
    env = {
        "LOAD_PATH": load.path,
        "LOAD_RATE": str(load.rate_rps),
        "LOAD_VISITORS": str(load.visitors),
        "LOAD_LEAD_S": str(LEAD_S),
        "LOAD_REPORT": str(report),
    }
    process = supervisor.start(Command("fasthttp", _argv(load), folder, env))
    try:
        yield FastHttp(process, load, report)
    finally:
        process.stop()


def _argv(load: Load) -> tuple[str, ...]:
    users = str(load.visitors)
    return (
        *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless", "--only-summary"),
        *("--host", load.url.removesuffix(load.path), "--users", users, "--spawn-rate", users),
        *("--run-time", f"{LEAD_S + load.seconds + TAIL_S}s", "--exit-code-on-error", "0", "--loglevel", "WARNING"),
    )


CONTENDER = Contender(
    name="fasthttp",
    summary="Locust FastHttpUser, constant_throughput",
    install="make setup",
    is_paced=True,
    is_installed=lambda: True,
    start=start,
)
