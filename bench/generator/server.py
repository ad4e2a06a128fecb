"""The server all are held against, as the service's replicas run: gunicorn with one worker of threads."""

from http.client import HTTPConnection

import numpy as np

from bench.generator.arrivals import Arrivals
from bench.generator.stamps import BITS, MASK
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.probe import PATIENCE_S, answers
from bench.stack.process import Command
from bench.stack.replicas import ARGV
from bench.stack.supervisor import Supervisor
from services.key_file import generate
from services.settings import Settings, to_environment

APP = "bench.generator.bare_app:create_app()"


class BareServer:
    """Serves until the supervisor ends. ProcessDiedError when it does not come up."""

    def __init__(self, supervisor: Supervisor) -> None:
        folder = supervisor.folder("bare")
        keys = folder / "keys.json"
        generate(keys, ["HS256"])
        env = to_environment(Settings(schemes=("none",), keys_file=keys))
        with listen() as listener:
            self.port = port_of(listener)
            env["AUTHBENCH_BIND"] = f"fd://{listener.fileno()}"
            command = Command("bare", (*ARGV, APP), folder, env, descriptors=(listener.fileno(),))
            self.process = supervisor.start(command)
        self.process.wait_ready(lambda: answers(self.port))

    @property
    def pids(self) -> tuple[int, ...]:
        """Master and worker."""
        return self.process.members()

    def arrivals(self) -> Arrivals:
        """What arrived since it was asked last. OSError, HTTPException."""
        connection = HTTPConnection(LOOPBACK, self.port, timeout=PATIENCE_S)
        connection.request("GET", "/stamps", headers={"Connection": "close"})
        marks = np.frombuffer(connection.getresponse().read(), np.int64)
        connection.close()
        return Arrivals(marks >> BITS, marks & MASK)
