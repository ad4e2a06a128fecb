"""`authbench doctor`: whether this machine can measure, and with what."""

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from authbench.exits import Exit
from bench.measure import environment
from bench.stack import binaries
from bench.stack.errors import NotReadyError
from services.catalogue import CatalogueError, schemes

MEMINFO = Path("/proc/meminfo")

CORES_MIN = 2
MEMORY_MIN_BYTES = 2 * 2**30
DISK_MIN_BYTES = 1 * 2**30
FILES_MIN = 4096
OTHERS_MAX_RATIO = 0.25
LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at and found; `todo` says what is expected and how to get there, "" when it is fine.

    `blocks`: a run would fail; otherwise it would be worse than it could be.
    """

    what: str
    found: str
    todo: str = ""
    blocks: bool = False


def command(_: argparse.Namespace) -> int:
    """Print every finding; 3 when one of them would stop a run."""
    findings = [*_servers(), _catalogue(), *_machine(), _others()]
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for _column in ("mark", "what", "found"):
        table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(_mark(finding), finding.what, finding.found + (f"\n{finding.todo}" if finding.todo else ""))
    Console(file=sys.stdout, highlight=False, markup=False).print(table)
    return Exit.NOT_READY if any(finding.blocks for finding in findings) else Exit.OK


def _mark(finding: Finding) -> str:
    return "no" if finding.blocks else "weak" if finding.todo else "ok"


def _servers() -> Iterator[Finding]:
    for wanted in binaries.WANTED.values():
        try:
            binary = binaries.describe(wanted)
        except NotReadyError as error:
            yield Finding(wanted.name, "missing", str(error), blocks=True)
        else:
            yield Finding(wanted.name, f"{binary.version} ({binary.path})")


def _catalogue() -> Finding:
    try:
        return Finding("schemes", ", ".join(schemes()))
    except CatalogueError as error:
        return Finding("schemes", "a plugin cannot be loaded", str(error), blocks=True)


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0))
    todo = f"expected {CORES_MIN} or more: servers and load generator would share one" if cores < CORES_MIN else ""
    yield Finding("cores", str(cores), todo)
    yield _amount("memory", _available_bytes(MEMINFO.read_text(encoding="ascii")), MEMORY_MIN_BYTES)
    folder = tempfile.gettempdir()
    disk = os.statvfs(folder)
    yield _amount("disk", disk.f_bavail * disk.f_frsize, DISK_MIN_BYTES, f" in {folder}")
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = files != resource.RLIM_INFINITY and files < FILES_MIN
    todo = f"expected {FILES_MIN} or more; raise the hard limit (ulimit -Hn)" if few else ""
    yield Finding("open files", "no limit" if files == resource.RLIM_INFINITY else str(files), todo, blocks=few)


def _available_bytes(meminfo: str) -> int:
    """What programs can have without swapping; the page cache counts as free, because it gives way."""
    line = next(line for line in meminfo.splitlines() if line.startswith("MemAvailable:"))
    return int(line.split()[1]) * 1024


def _amount(what: str, available_bytes: int, least_bytes: int, where: str = "") -> Finding:
    found = f"{available_bytes / 2**30:.1f} GiB free{where}"
    if available_bytes >= least_bytes:
        return Finding(what, found)
    return Finding(what, found, f"expected {least_bytes / 2**30:.0f} GiB or more; free some", blocks=True)


def _others() -> Finding:
    """How busy the machine is while we do nothing."""
    before_ns = environment.read_busy_ns()
    time.sleep(LOOK_S)
    busy_ns = environment.read_busy_ns() - before_ns
    ratio = environment.other_load_ratio(busy_ns, 0, LOOK_S * 1e9, os.cpu_count() or 1)
    todo = "stop other programs: cells measured beside them would be invalid" if ratio > OTHERS_MAX_RATIO else ""
    return Finding("other load", f"{100 * ratio:.0f} % of the machine", todo)
