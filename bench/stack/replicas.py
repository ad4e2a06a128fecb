"""One replica of the services: a gunicorn master with one worker, and the ways a replica can fail."""

import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import services
from bench.stack.haproxy_config import Server
from bench.stack.listening import listen, port_of
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from services.clock import set_offset
from services.settings import Settings, to_environment

ROOM = Path(services.__file__).parent
ARGV = (sys.executable, "-m", "gunicorn", "--config", str(ROOM / "gunicorn_conf.py"))


class Replica:
    """One replica of `arm`. Names repeat from arm to arm, so that X-Replica costs every arm the same bytes.

    Starting it does not wait for it. Its port is its own for life: while it is dead, connections are refused.
    """

    def __init__(self, supervisor: Supervisor, arm: str, number: int, settings: Settings) -> None:
        self.name = f"replica-{number}"
        self.port = 0
        self._supervisor = supervisor
        self._process_name = f"{arm}.{self.name}"
        self._folder = supervisor.folder(self._process_name)
        self._clock = self._folder / "clock"
        set_offset(self._clock, 0.0)
        self._settings = replace(settings, replica=self.name, clock_file=self._clock)
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
        pid = self.process.pid
        workers = [member for member in self.process.members() if member != pid] if self.process.alive else []
        return {f"{self.name}-master": pid, **dict.fromkeys([self.name], workers[0])} if workers else {}

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
        self.process = self._start()
        self.wait_ready()

    def freeze(self) -> None:
        """SIGSTOP: connections are still accepted by the kernel, nobody answers."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where `freeze` stopped it."""
        self.process.signal(signal.SIGCONT)

    def _start(self) -> Process:
        with listen(self.port) as listener:
            self.port = port_of(listener)
            env = {**to_environment(self._settings), "AUTHBENCH_BIND": f"fd://{listener.fileno()}"}
            descriptors = (listener.fileno(),)
            return self._supervisor.start(Command(self._process_name, ARGV, self._folder, env, descriptors))
