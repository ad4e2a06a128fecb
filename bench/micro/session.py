"""Measures every scheme and store by call: starts the stores, has the suites run in a process of their own, and reads.

pytest and pytest-benchmark run with nothing but what is in `suites`: no plugin, option or cache of where they happen to
be started. What they wrote is kept whole, so that figures can be made of it again.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path

from bench.measure.block import Progress
from bench.measure.run import PASSWORD_PROFILE
from bench.micro.document import figures_of
from bench.micro.effort import EFFORTS, Effort, Equipment, write_equipment
from bench.micro.figures import Figure
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.helper_services import start_helpers
from bench.stack.pinning import apart
from bench.stack.postgres import start_postgres
from bench.stack.process import Command, Process
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import Valkey, start_valkey
from services.catalogue import schemes
from services.settings import Settings, to_environment

__all__ = ["EFFORTS", "Effort", "figures_of", "measure"]

DOCUMENT = "benchmark.json"
"""pytest-benchmark's own format."""
SUITES = Path(__file__).parent / "suites"
FILES = ("schemes.py", "stores.py", "passwords.py", "tokens.py")
POLL_S = 0.2
TOLD = ("FAILED", "ERROR", "INTERNALERROR")
NAME = "micro"
PATIENCE_S = 30.0
"""A bound costs the same however long it is; a machine that stalls is not to end the suites."""

ALONE = {
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    "PYTEST_ADDOPTS": "",
    "PYTEST_PLUGINS": "",
    "PYTEST_XDIST_WORKER": "",
    "PYTHONDONTWRITEBYTECODE": "1",
}
"""What keeps pytest to what is here."""


def measure(supervisor: Supervisor, effort: Effort, keep: Path, progress: Progress) -> tuple[Figure, ...]:
    """A figure of every call that `effort` selects; `keep` gets DOCUMENT. NotReadyError when a suite fails."""
    progress.stage("starting Valkey and PostgreSQL")
    folder = supervisor.folder(NAME)
    valkey, foundation = start_valkey(supervisor, f"{NAME}.valkey", on_socket=True), _founded(supervisor)
    stores = (valkey.process.pid, foundation.cluster.process.pid)
    settings = _settings(foundation, valkey)
    equipment = Equipment(effort, valkey.socket_url, valkey.process.pid, folder / "told")
    write_equipment(folder / "equipment.json", equipment)
    document = keep.absolute() / DOCUMENT
    process = supervisor.start(_command(effort, folder, document, settings))
    # who shares a core with his store meets it hot and never waits, or not, as the scheduler pleases
    with apart(stores, (process.pid,)):
        _follow(process, equipment, progress)
    if process.popen.returncode or not document.exists():
        message = f"microbenchmarks: found {_failure(process)!r}, expected every suite to pass; see {process.log}"
        raise NotReadyError(message)
    return figures_of(json.loads(document.read_text(encoding="utf-8")))


def _settings(foundation: Foundation, valkey: Valkey) -> Settings:
    """Whom the suites ask, plugins' helper services included."""
    settings = replace(foundation.settings, redis_url=valkey.url, redis_password_file=valkey.password_file)
    helpers = start_helpers(foundation.supervisor, NAME, schemes().values(), settings)
    return replace(settings, helpers=tuple(helper.address for helper in helpers))


def _founded(supervisor: Supervisor) -> Foundation:
    """Keys, and the tables; the suites bring their own people."""
    settings = Settings(password_profile=PASSWORD_PROFILE, store_timeout_s=PATIENCE_S)
    return lay_foundation(supervisor, start_postgres(supervisor), settings, users=1)


def _command(effort: Effort, folder: Path, document: Path, settings: Settings) -> Command:
    argv = (
        *(sys.executable, "-m", "pytest", "-c", str(SUITES / "pytest.ini"), "--rootdir", str(SUITES)),
        *("-p", "pytest_benchmark.plugin", "-p", "no:cacheprovider"),
        *("--benchmark-timer", "time.thread_time", "--benchmark-json", str(document)),
        *(("-k", effort.select) if effort.select else ()),
        *(str(SUITES / file) for file in FILES),
    )
    env = {**to_environment(settings), **ALONE, "AUTHBENCH_MICRO_EQUIPMENT": str(folder / "equipment.json")}
    return Command(NAME, argv, folder, env)


def _follow(process: Process, equipment: Equipment, progress: Progress) -> None:
    """Until it ends, hand on what it says it is at."""
    said = ""
    progress.stage("measuring calls", seconds=equipment.effort.takes_s)
    while process.alive:
        time.sleep(POLL_S)
        now = equipment.told.read_text(encoding="utf-8") if equipment.told.exists() else said
        if now != said:
            said = now
            progress.stage(f"measuring {said}")


def _failure(process: Process) -> str:
    """The first test that failed, or the last thing it said."""
    lines = process.log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line for line in lines if line.startswith(TOLD)), process.last_line())
