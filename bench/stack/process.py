"""One server process of ours: its own session, dead when the harness dies, its output in a log file."""

import ctypes
import os
import pwd
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.stack import janitor
from bench.stack.errors import ProcessDiedError

PR_SET_PDEATHSIG = 1
OPEN_FILES_MAX = 65_536
POLL_S = 0.01
FOREIGN_SETTINGS = ("AUTHBENCH_", "GUNICORN_", "PG")

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Owner:
    """The user a server runs as where root may not."""

    uid: int
    gid: int


def unprivileged() -> Owner | None:
    """Whom to become before starting what refuses uid 0: `nobody`, or its customary id. None when we are not root."""
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError:
        return Owner(65_534, 65_534)
    return Owner(entry.pw_uid, entry.pw_gid)


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. `env` is added to ours; `descriptors` are inherited under their own numbers.

    `stop_signal` asks for the end the server would call orderly and quick.
    """

    name: str
    argv: tuple[str, ...]
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()
    owner: Owner | None = None
    stop_signal: signal.Signals = signal.SIGTERM


@dataclass(frozen=True, slots=True)
class Process:
    """A started server and the file its output goes to."""

    command: Command
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """Also the id of its session and process group."""
        return self.popen.pid

    @property
    def alive(self) -> bool:
        """Whether the process itself still runs (a stopped one does)."""
        return self.popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send `number` to the process group; a group that is gone is no error."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:
            return

    def stop(self, grace_s: float = 2.0) -> None:
        """Ask it to end; after `grace_s`, or if it is frozen beyond asking, kill it. Returns when it is gone."""
        stop_all([self], grace_s)
        self._empty()

    def kill(self) -> None:
        """SIGKILL the whole group; returns when its ports are free."""
        self.signal(signal.SIGKILL)
        self.popen.wait()
        self._empty()

    def members(self) -> tuple[int, ...]:
        """Pids of all live processes of its session, ascending."""
        return tuple(seen.pid for seen in janitor.live() if seen.session == self.pid)

    def last_line(self) -> str:
        """The last thing it wrote."""
        lines = self.log.read_text(errors="replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "nothing")

    def wait_ready(self, is_ready: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Return when `is_ready`. ProcessDiedError when the process ends first or `timeout_s` pass."""
        limit = time.monotonic() + timeout_s
        while not is_ready():
            if not self.alive:
                raise ProcessDiedError(self._end(f"ended with exit code {self.popen.returncode}"))
            if time.monotonic() > limit:
                raise ProcessDiedError(self._end(f"gave no answer for {timeout_s:g} s"))
            time.sleep(POLL_S)

    def wait_ended(self, timeout_s: float) -> None:
        """Return when it ended by itself; killed after `timeout_s`."""
        try:
            self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def _empty(self) -> None:
        """Wait for the leader's children, who may still hold its port; none is left to itself."""
        while self.members():
            self.signal(signal.SIGKILL)
            time.sleep(POLL_S)

    def _end(self, what: str) -> str:
        return f"{self.command.name} {what}, expected it to become ready; it said: {self.last_line()} (see {self.log})"


def start(command: Command, log: Path, registry: int) -> Process:
    """Start `command`; the child writes itself into `registry`, the janitor's pipe, before it becomes the server.

    The death signal follows the thread that called this: call it from one that lives as long as the harness.
    """
    parent, owner = os.getpid(), command.owner
    line_end = f" {os.path.realpath(command.argv[0])}\n".encode(errors="surrogateescape")

    def prepare() -> None:  # pragma: no cover - runs in the child, after the fork and before the server
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # it died before the death signal was set
            os._exit(1)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (_open_files(hard), hard))
        seen = janitor.look(os.getpid())
        os.write(registry, f"{os.getpid()} {seen.start if seen else 0}".encode() + line_end)

    with log.open("ab") as output:
        popen = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env=_environment(command.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            pass_fds=command.descriptors,
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            preexec_fn=prepare,  # noqa: PLW1509 - the death signal can only be set by the child itself
        )
    return Process(command, popen, log)


def _open_files(hard: int) -> int:
    return OPEN_FILES_MAX if hard == resource.RLIM_INFINITY else min(hard, OPEN_FILES_MAX)


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """Ours without what would configure a server behind our back; PYTHONPATH means in any folder what it does here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN_SETTINGS)}
    if paths := kept.get("PYTHONPATH"):
        kept["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    return kept | dict(extra)


def ask_all(processes: Sequence[Process]) -> None:
    """Ask all to end, the last started first, frozen ones included; does not wait."""
    for process in reversed(processes):
        if process.alive:
            process.popen.send_signal(process.command.stop_signal)
            process.signal(signal.SIGCONT)


def stop_all(processes: Sequence[Process], grace_s: float = 2.0) -> None:
    """End `processes` side by side, the last started asked first; those left after `grace_s` are killed."""
    ask_all(processes)
    await_all(processes, grace_s)


def await_all(processes: Sequence[Process], grace_s: float = 2.0) -> None:
    """Return when all that were asked have ended; those left after `grace_s` are killed."""
    limit = time.monotonic() + grace_s
    while any(process.alive for process in processes) and time.monotonic() < limit:
        time.sleep(POLL_S)
    _kill_all(process for process in processes if process.alive)


def _kill_all(processes: Iterable[Process]) -> None:
    left = list(processes)
    for process in left:
        process.signal(signal.SIGKILL)
    for process in left:
        process.popen.wait()
