"""One replica of the services, API, BFF or hop: a gunicorn master with one worker, and the ways a replica can fail."""

import signal
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from bench.stack.haproxy_config import Server
from bench.stack.janitor import look
from bench.stack.listening import listen, port_of
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.source import OURS, Source
from bench.stack.supervisor import Supervisor
from services.clock import set_offset
from services.settings import Settings, to_environment
from services.spans import SpanName, Spent, read_spans

Role = Literal["replica", "bff", "hop"]
FRONTS: Mapping[Role, str] = {"replica": "api", "bff": "bff", "hop": "hop"}
"""The application that each serves, as `services.gunicorn_conf` calls it."""
PROCESSES = 2


def gunicorn(source: Source) -> tuple[str, ...]:
    """What serves the services of `source`, configured as they themselves say."""
    return (str(source.python), "-m", "gunicorn", "--config", "python:services.gunicorn_conf")


ARGV = gunicorn(OURS)


class Replica:
    """One replica of `arm`. Names repeat from arm to arm, so that X-Replica costs every arm the same bytes.

    Starting it does not wait for it. Its port is its own for life: while it is dead, connections are refused. One
    whose `settings` have a `spans_file` keeps its account in a file of that name in its own folder.
    """

    def __init__(  # noqa: PLR0913 - who it is, what it is started from and who owns it
        self,
        supervisor: Supervisor,
        arm: str,
        number: int,
        settings: Settings,
        role: Role = "replica",
        *,
        source: Source = OURS,
    ) -> None:
        self.name = f"{role}-{number}"
        self.source = source
        self.port = 0
        self._members: tuple[int, ...] = ()
        self._front = FRONTS[role]
        self._supervisor = supervisor
        self._process_name = f"{arm}.{self.name}"
        self._folder = supervisor.folder(self._process_name)
        self._clock = self._folder / "clock"
        set_offset(self._clock, 0.0)
        self._spans = self._folder / settings.spans_file.name if settings.spans_file else None
        self._settings = replace(settings, replica=self.name, clock_file=self._clock, spans_file=self._spans)
        self.process = self._start()

    @property
    def server(self) -> Server:
        """As the load balancer knows it."""
        return Server(self.name, self.port)

    def wait_ready(self) -> None:
        """Return when it answers a request."""
        self.process.wait_ready(lambda: answers(self.port))

    def processes(self) -> Mapping[str, int]:
        """Pids by name, of the master and of its worker; empty while it is dead."""
        if not self._is_complete():  # else nothing has changed, and a search through all processes is saved
            self._members = self.process.members() if self.process.alive else ()
        pid = self.process.pid
        workers = [member for member in self._members if member != pid]
        return {f"{self.name}-master": pid, self.name: workers[0]} if workers else {}

    def spans(self) -> Mapping[SpanName, Spent]:
        """What its worker has spent on what; nothing where it keeps no account. OSError, ValueError."""
        return read_spans(self._spans) if self._spans else {}

    def skew(self, offset_s: float) -> None:
        """Move its clock to `offset_s` from system time, while it runs."""
        set_offset(self._clock, offset_s)

    def kill(self) -> None:
        """SIGKILL master and worker at once."""
        self.process.kill()

    def stop(self) -> None:
        """Let it finish its requests and end."""
        self.process.stop()

    def start(self) -> None:
        """Serve again on the same port, with nothing remembered; returns when it answers."""
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """As `start`, but do not wait: several start side by side."""
        self.process = self._start()

    def freeze(self) -> None:
        """SIGSTOP: connections are still accepted by the kernel, nobody answers."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where `freeze` stopped it."""
        self.process.signal(signal.SIGCONT)

    def _is_complete(self) -> bool:
        """Whether the master and the worker known so far are still the ones."""
        seen = [look(pid) for pid in self._members]
        return len(seen) == PROCESSES and all(one and one.session == self.process.pid for one in seen)

    def _start(self) -> Process:
        with listen(self.port) as listener:
            self.port = port_of(listener)
            own = {"AUTHBENCH_BIND": f"fd://{listener.fileno()}", "AUTHBENCH_FRONT": self._front}
            env = {**self.source.environment(), **to_environment(self._settings), **own}
            command = Command(self._process_name, gunicorn(self.source), self._folder, env, (listener.fileno(),))
            return self._supervisor.start(command)
