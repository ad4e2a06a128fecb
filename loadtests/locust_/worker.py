"""A worker's process: connects to a master, loads its share of each block and ships what it recorded, run after run.

`python -m loadtests.locust_.worker HOST PORT [--once]`: it waits for a master as long as it takes, ends after a run
with `--once`, and at SIGINT or SIGTERM. It does what whoever answers there says, on Locust's own channel.
"""

import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple
from itertools import islice
from socket import gethostname
from tempfile import TemporaryFile
from typing import Any

import gevent
from gevent.queue import Queue
from locust.env import Environment
from locust.rpc import Message

from loadtests.assignment import from_json
from loadtests.locust_.crowd import Crowd
from loadtests.locust_.protocol import MESSAGE, REFUSED, machine, versions
from loadtests.record import Sample
from loadtests.shares import Share

SAMPLES_PER_BATCH = 2_000
LOOK_S = 1.0
SILENCE_S = 15.0
PAUSE_S = 1.0
"""After a run: its master may still be there for a moment, and would be taken for the next."""

Said = dict[str, Any]


class RefusedError(Exception):
    """The master will not have this worker; the message says why and what to do."""


class Worker:
    """One connection to one master, from its welcome to the end of its run."""

    def __init__(self, host: str, port: int) -> None:
        self._orders = Queue()
        self._environment = Environment()
        self._runner = self._environment.create_worker_runner(host, port)
        self._runner.register_message(MESSAGE, self._hear)
        self._crowd: Crowd | None = None
        self._cpu_ns = 0

    def serve(self) -> None:
        """Do as the master says until it ends the run or is gone. RefusedError."""
        ending = gevent.spawn(self._await_end)
        try:
            self._say({"did": "hello", "speaks": versions(), "machine": machine(), "host": gethostname()})
            while (order := self._orders.get()) is not None:
                for said in OBEYS[order["do"]](self, order):
                    self._say(said)
        finally:
            ending.kill()
            self._environment.events.quitting.fire(environment=self._environment)
            self._runner.quit()
            self._runner.client.close(linger=200)

    def _await_end(self) -> None:
        """The master's `quit` ends the runner's greenlets; so do we when it is silent, where Locust waits a minute."""
        came = time.time()
        while not self._runner.greenlet.join(timeout=LOOK_S):
            if time.time() - (self._runner.last_heartbeat_timestamp or came) > SILENCE_S:
                self._runner.quit()
        self._orders.put(None)

    def _hear(self, environment: Environment, msg: Message) -> None:  # noqa: ARG002 - called by these names
        """Answer a ping at once, whatever is under way; all else in its turn."""
        if msg.data["do"] == "ping":
            self._say({"did": "ping", "at_ns": time.monotonic_ns()})
        else:
            self._orders.put(msg.data)

    def _say(self, said: Said) -> None:
        self._runner.send_message(MESSAGE, said)

    def welcome(self, order: Said) -> Iterator[Said]:
        """The master has a place for us."""
        _tell(f"serving {order['name']}")
        return iter(())

    def refuse(self, order: Said) -> Iterator[Said]:
        """The master has none."""
        raise RefusedError(order["why"])

    def log_in(self, order: Said) -> Iterator[Said]:
        """Become the visitors of a share of a block, in the place of those before."""
        self._runner.stop()
        self._crowd = Crowd(from_json(order["assignment"]), Share(order["number"], order["of"]))
        self._environment.user_classes = [self._crowd.visitor_class]
        self._runner.start_worker({self._crowd.visitor_class.__name__: self._crowd.size})
        yield {"did": "login", **asdict(self._crowd.logged_in())}

    def prepare(self, order: Said) -> Iterator[Said]:
        """Draw the schedule of a slice."""
        self._cpu_ns = time.process_time_ns()
        self._present().prepare(order["slice"], lambda _: TemporaryFile())  # noqa: SIM115 - closed with the tape
        yield {"did": "prepare"}

    def start(self, order: Said) -> Iterator[Said]:
        """Follow it from an instant of our clock on."""
        yield {"did": "start", "loaded": asdict(self._present().load(order["at_ns"]))}

    def collect(self, _: Said) -> Iterator[Said]:
        """Ship every sample in numbered batches, then their number."""
        batches = 0
        for arm, samples in self._recorded():
            yield {"did": "batch", "number": batches, "arm": arm, "samples": [astuple(sample) for sample in samples]}
            batches += 1
        yield {"did": "collect", "batches": batches, "cpu_ns": time.process_time_ns() - self._cpu_ns}

    def release(self, _: Said) -> Iterator[Said]:
        """Let the visitors go."""
        self._runner.stop()
        self._crowd = None
        yield {"did": "release"}

    def _present(self) -> Crowd:
        if self._crowd is None:
            message = "ordered to load before anybody was logged in"
            raise ValueError(message)
        return self._crowd

    def _recorded(self) -> Iterator[tuple[int, Sequence[Sample]]]:
        for place, arm in enumerate(self._present().arms):
            samples = arm.samples()
            while batch := list(islice(samples, SAMPLES_PER_BATCH)):
                yield place, batch


OBEYS: Mapping[str, Callable[[Worker, Said], Iterator[Said]]] = {
    "welcome": Worker.welcome,
    "refuse": Worker.refuse,
    "login": Worker.log_in,
    "prepare": Worker.prepare,
    "start": Worker.start,
    "collect": Worker.collect,
    "release": Worker.release,
}


def main(argv: Sequence[str] = sys.argv) -> int:
    """Serve until told to end; the exit code."""
    host, port, *rest = argv[1:]
    serving = gevent.spawn(_serve, host, int(port), once=rest == ["--once"])
    for number in (signal.SIGINT, signal.SIGTERM):
        gevent.signal_handler(number, serving.kill)
    ended = serving.get()
    return ended if isinstance(ended, int) else 0  # killed: told to end


def _serve(host: str, port: int, *, once: bool) -> int:
    while True:
        _tell(f"waiting for a master at {host}:{port}")
        try:
            Worker(host, port).serve()
        except ConnectionError:  # Locust gives up after five minutes; we do not
            continue
        except RefusedError as refusal:
            _tell(str(refusal))
            return REFUSED
        _tell("the run is over")
        if once:
            return 0
        gevent.sleep(PAUSE_S)


def _tell(text: str) -> None:
    print(f"authbench worker: {text}", file=sys.stderr, flush=True)  # noqa: T201 - its only way to be heard


if __name__ == "__main__":
    sys.exit(main())
