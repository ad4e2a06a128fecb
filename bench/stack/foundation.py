"""What all blocks of a run stand on and is made once: keys, users with a known password, a database to copy."""

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex

from bench.stack.errors import NotReadyError
from bench.stack.postgres import PostgresCluster
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from services.settings import Settings, to_environment

TEMPLATE_PREFIX = "seeded-"
LIMIT_S = 120.0


@dataclass(frozen=True, slots=True)
class Foundation:
    """`settings` are complete but for what is each arm's own; `users_password_file` opens every seeded account."""

    supervisor: Supervisor
    cluster: PostgresCluster
    settings: Settings
    users: int
    users_password_file: Path
    template: str


def lay_foundation(supervisor: Supervisor, cluster: PostgresCluster, settings: Settings, users: int) -> Foundation:
    """Generate keys and seed `users` users under `settings.password_profile`. NotReadyError."""
    folder = supervisor.folder("foundation")
    password_file = supervisor.secret("users.password")
    template = TEMPLATE_PREFIX + token_hex(4)
    cluster.create_database(template)
    settings = replace(
        settings,
        keys_file=folder / "keys.json",
        database_url=cluster.url(template),
        database_password_file=cluster.password_file,
    )
    foundation = Foundation(supervisor, cluster, settings, users, password_file, template)
    making = [_generate_keys(foundation, folder), _seed(foundation, folder)]
    for process in making:
        _finish(process)
    return foundation


def _generate_keys(foundation: Foundation, folder: Path) -> Process:
    argv = (sys.executable, "-m", "services.keys", "write", str(foundation.settings.keys_file))
    return foundation.supervisor.start(Command("keys", argv, folder))


def _seed(foundation: Foundation, folder: Path) -> Process:
    argv = (
        *(sys.executable, "-m", "services.seed", "--users", str(foundation.users)),
        *("--password-file", str(foundation.users_password_file)),
        *("--profile", foundation.settings.password_profile),
    )
    return foundation.supervisor.start(Command("seed", argv, folder, to_environment(foundation.settings)))


def _finish(process: Process) -> None:
    process.wait_ended(LIMIT_S)
    if process.popen.returncode:
        message = f"{process.command.name}: found {process.last_line()!r}, expected success; see {process.log}"
        raise NotReadyError(message)
