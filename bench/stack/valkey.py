"""A Valkey (or Redis) of our own: loopback only, with a password, keeping nothing on disk unless asked to."""

import signal
from collections.abc import Mapping
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError
from redis.retry import Retry

from bench.stack.binaries import VALKEY, find
from bench.stack.listening import LOOPBACK, free_port, settle
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor

UNCOUNTED = ("auth", "config|get", "config|resetstat", "info", "ping")
"""Ours, a new connection's, and those the server gives itself when it starts: no work of a scheme."""


class Valkey:
    """One server and what is needed to reach it: `url` carries no password, that is in `password_file`.

    `persistent`: it logs every write and knows it again after `restart`, a kill included. `on_socket`: it listens on a
    Unix socket as well, at `socket_url`.
    """

    def __init__(self, supervisor: Supervisor, name: str, *, persistent: bool = False, on_socket: bool = False) -> None:
        self.name = name
        self.persistent = persistent
        self.on_socket = on_socket
        self.password_file = supervisor.secret(f"{name}.password")
        self._password = self.password_file.read_text()
        self.port = free_port()
        self._supervisor = supervisor
        self._folder = supervisor.folder(name)
        self._binary = find(VALKEY)
        self.process = self._start()

    @property
    def url(self) -> str:
        """As `Settings.redis_url` wants it."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        """As `Settings.redis_url` wants it, where it is `on_socket`."""
        return f"unix://{self._socket}"

    def wait_ready(self) -> None:
        """Return when it answers; it moves to another port when somebody else took the guessed one first."""
        settle(self)

    def move(self) -> None:
        """Start on another port."""
        self.port = free_port()
        self.process = self._start()

    def kill(self) -> None:
        """SIGKILL: no process, no port. `restart` brings it back."""
        self.process.kill()

    def freeze(self) -> None:
        """SIGSTOP: connections are still accepted by the kernel, nobody answers."""
        self.process.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on where `freeze` stopped it."""
        self.process.signal(signal.SIGCONT)

    def restart(self) -> None:
        """Start again on the same port, running or not, and return when it answers; empty unless it is persistent."""
        self.process.stop()
        self.process = self._start()
        self.process.wait_ready(self.answers)

    def answers(self) -> bool:
        """Whether it serves a client that knows the password; blocks at most a second."""
        try:
            with self.client() as client:
                return bool(client.ping())
        except (RedisConnectionError, RedisTimeoutError, ResponseError):
            return False

    def client(self) -> Redis:
        """A connection for observing; it sends nothing that was not asked for."""
        return Redis(
            host=LOOPBACK,
            port=self.port,
            password=self._password,
            protocol=2,
            driver_info=None,
            socket_timeout=1.0,
            socket_connect_timeout=1.0,
            retry=Retry(NoBackoff(), 0),
            decode_responses=True,
        )

    def command_counts(self) -> Mapping[str, int]:
        """Calls per command since the start or the last reset, inner commands of scripts included."""
        with self.client() as client:
            stats = client.info("commandstats")
        counts = {name.removeprefix("cmdstat_"): values["calls"] for name, values in stats.items()}
        return {name: calls for name, calls in counts.items() if name not in UNCOUNTED}

    def reset_counts(self) -> None:
        """Begin counting anew."""
        with self.client() as client:
            client.config_resetstat()

    @property
    def _socket(self) -> Path:
        return self._folder / "valkey.sock"

    def _start(self) -> Process:
        """The password goes into a file of ours: an argument could be read by every user of the machine."""
        config = self._folder / "valkey.conf"
        config.touch(mode=0o600)
        text = _CONFIG.format(port=self.port, folder=self._folder, password=self._password)
        text += _PERSISTENT if self.persistent else ""
        text += _ON_SOCKET.format(path=self._socket) if self.on_socket else ""
        config.write_text(text)
        return self._supervisor.start(Command(self.name, (str(self._binary), str(config)), cwd=self._folder))


_CONFIG = f"""\
bind {LOOPBACK}
port {{port}}
dir {{folder}}
requirepass {{password}}
save ""
appendonly no
daemonize no
tcp-backlog 511
"""

# `everysec`, which most deployments run: a write reaches the kernel before its answer is sent, so a killed process
# loses nothing but what a slow disk held back, two seconds at most. `always` would put a sync into each sliding read.
_PERSISTENT = """\
appendonly yes
appendfsync everysec
"""


# for us alone, as the folder is
_ON_SOCKET = """\
unixsocket {path}
unixsocketperm 700
"""


def start_valkey(supervisor: Supervisor, name: str, *, persistent: bool = False, on_socket: bool = False) -> Valkey:
    """A server that answers."""
    valkey = Valkey(supervisor, name, persistent=persistent, on_socket=on_socket)
    valkey.wait_ready()
    return valkey
