"""Owns every process and file of a run: whatever ends the harness, nothing of it is left."""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from secrets import token_hex, token_urlsafe
from types import TracebackType
from typing import Self

from bench.stack import janitor
from bench.stack.process import Command, Process, start, stop_all

JANITOR_LIMIT_S = 10.0


class Supervisor:
    """Starts processes and owns a private directory; leaving the `with` ends and removes them all.

    `logs` gets one file per process and is kept. What is to be closed before the processes end goes into `ending`.
    Two supervisors never share anything but the machine.
    """

    def __init__(self, logs: Path) -> None:
        self.logs = logs
        self.directory = Path()
        self.ending = ExitStack()
        self._processes: list[Process] = []
        self._registry = -1
        self._janitor: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.logs.mkdir(parents=True, exist_ok=True)
        self.directory = Path(os.path.realpath(tempfile.gettempdir())) / f"authbench-{token_hex(6)}"
        reader, self._registry = os.pipe()
        self._janitor = _start_janitor(self.directory, reader)
        os.close(reader)
        self.directory.mkdir(mode=0o700)
        self.directory.chmod(0o711)  # another uid reaches its own folder below, and can list nothing
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self.ending.close()
            stop_all(self._processes)
        finally:
            os.close(self._registry)
            if self._janitor is not None:
                self._janitor.wait(JANITOR_LIMIT_S)

    def start(self, command: Command) -> Process:
        """Start `command`, its output appended to `logs/<name>.log`. See `process.start` for which thread may."""
        process = start(command, self.logs / f"{command.name}.log", self._registry)
        self._processes.append(process)
        return process

    def folder(self, name: str) -> Path:
        """A new folder of our own below the private directory; its name begins with `name`."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.directory))

    def secret(self, name: str) -> Path:
        """A new file holding a random password, readable only by us; its name begins with `name`."""
        descriptor, path = tempfile.mkstemp(prefix=f"{name}-", dir=self.directory)
        with os.fdopen(descriptor, "w") as file:
            file.write(token_urlsafe(24))
        return Path(path)


def _start_janitor(directory: Path, reader: int) -> subprocess.Popen[bytes]:
    harness = os.pidfd_open(os.getpid())
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", janitor.__file__, str(harness), str(directory)],
            stdin=reader,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
            pass_fds=(harness,),
        )
    finally:
        os.close(harness)
