"""Nothing is left of a harness that ends in the middle of a fault: not even a store that it has frozen."""

import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.measure.rundir import CONSEQUENCES
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.subject import GONE_WITHIN_S, LIMIT_S, POLL_S, Subject, subject
from bench.stack.errors import ProcessDiedError

STOPPED = "T"
EXPERIMENT = "store-down"


@dataclass(frozen=True, slots=True)
class Ending:
    """A run of the experiment with `scheme` is sent `signal` while a process called `server` is frozen."""

    scheme: str
    server: str
    signal: signal.Signals
    code: int
    mark: str

    @property
    def name(self) -> str:
        """In words."""
        return f"{self.signal.name} while {self.server} is frozen"


ENDINGS = tuple(
    Ending(scheme, server, number, code, mark)
    for scheme, server in (("redis-session", "valkey-server"), ("postgres-session", "postgres"))
    for number, code, mark in (
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGKILL, 128 + signal.SIGKILL, "running"),
    )
)


def run() -> Iterator[Finding]:
    """Each store, each way to end."""
    for ending in ENDINGS:
        yield from ended(ending)


def ended(ending: Ending) -> Iterator[Finding]:
    """End a run while a store is frozen; look after 5 s what it left."""
    with subject("consequences", EXPERIMENT, ending.scheme, "--seed", "1") as started:
        _wait_frozen(started, ending.server)
        sockets = started.listening()
        started.process.send_signal(ending.signal)
        left = started.leftovers(sockets)
        told = f"{ending.name}: {', '.join(left) or 'nothing'} left"
        yield Finding(told, f"nothing after {GONE_WITHIN_S:g} s", not left)
        code = started.wait_ended()
        yield Finding(f"{ending.name}: exit code {code}", str(ending.code), code == ending.code)
        status = started.directory.document(CONSEQUENCES)["status"]
        yield Finding(f"{ending.name}: marked {status}", ending.mark, status == ending.mark)


def _wait_frozen(started: Subject, server: str) -> None:
    """Return when a process of that name does not run on. ProcessDiedError when the run ends before."""
    limit = time.monotonic() + LIMIT_S
    while not any(_is_frozen(pid, server) for pid in started.owned()):
        if started.process.poll() is not None or time.monotonic() > limit:
            message = f"{server} was never frozen; the run said: {started.said or 'nothing'}; run it by hand"
            raise ProcessDiedError(message)
        time.sleep(POLL_S)


def _is_frozen(pid: int, server: str) -> bool:
    try:
        name, _, rest = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")
    except OSError:  # it ended meanwhile
        return False
    return name.endswith(f"({server}") and rest.split()[0] == STOPPED


CHECK = Selfcheck("faulted", "nothing is left of a harness that ends while a store is frozen", "90 s", run)
