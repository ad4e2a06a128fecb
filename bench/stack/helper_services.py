"""What plugins need beside the replicas: each helper service is started once per arm and answers before a replica."""

import sys
from collections.abc import Iterable, Mapping, Sequence

from bench.stack.errors import NotReadyError
from bench.stack.listening import LOOPBACK, free_port, settle
from bench.stack.probe import status
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from services.contract import HelperService, SchemeSpec
from services.settings import Settings, to_environment


class RunningHelper:
    """One helper service of `arm`. Starting it does not wait for it, and it may move until it is ready."""

    def __init__(self, supervisor: Supervisor, arm: str, service: HelperService, settings: Settings) -> None:
        self.name = service.name
        self.port = free_port()
        self._service = service
        self._supervisor = supervisor
        self._process_name = f"{arm}.{service.name}"
        self._folder = supervisor.folder(self._process_name)
        self._settings = to_environment(settings)
        self.process = self._start()

    @property
    def address(self) -> str:
        """As one of `Settings.helpers`."""
        return f"{self.name}=http://{LOOPBACK}:{self.port}"

    def wait_ready(self) -> None:
        """Return when it answers; it moves to another port when somebody else took the guessed one first."""
        settle(self)

    def move(self) -> None:
        """Start on another port."""
        self.port = free_port()
        self.process = self._start()

    def answers(self) -> bool:
        """Whether it answers at all."""
        return status(self.port, self._service.ready_path) > 0

    def processes(self) -> Mapping[str, int]:
        """Pids by name, of what its command started and of all that came of it; empty while it is dead."""
        members = self.process.members() if self.process.alive else ()
        return {f"{self.name}-{number}" if number else self.name: pid for number, pid in enumerate(members)}

    def _start(self) -> Process:
        program, *arguments = self._service.command
        argv = (sys.executable if program == "python" else program, *arguments)
        env = {**self._settings, "PORT": str(self.port)}
        try:
            return self._supervisor.start(Command(self._process_name, argv, self._folder, env))
        except OSError as error:
            message = (
                f"helper service {self.name!r}: found {program!r} not to start ({error.strerror}), expected a command; "
                "correct the plugin or install what it needs"
            )
            raise NotReadyError(message) from error


def start_helpers(
    supervisor: Supervisor, arm: str, specs: Iterable[SchemeSpec], settings: Settings
) -> tuple[RunningHelper, ...]:
    """Every helper service of `specs`, answering. NotReadyError, too when two differ under one name."""
    running = [RunningHelper(supervisor, arm, service, settings) for service in distinct(specs)]
    for helper in running:
        helper.wait_ready()
    return tuple(running)


def distinct(specs: Iterable[SchemeSpec]) -> Sequence[HelperService]:
    """The helper services of `specs`; equal ones are shared. NotReadyError when two differ under one name."""
    owners: dict[str, tuple[str, HelperService]] = {}
    for spec in specs:
        for service in spec.helpers:
            owner, first = owners.setdefault(service.name, (spec.name, service))
            if first != service:
                message = (
                    f"helper service {service.name!r}: found two that differ, of schemes {owner!r} and {spec.name!r}, "
                    "expected one; rename one of them or do not mount both"
                )
                raise NotReadyError(message)
    return [service for _, service in owners.values()]
