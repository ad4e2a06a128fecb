"""What a run ran on, how busy others kept it, and whether two runs are alike enough to be compared."""

import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

CPUINFO = Path("/proc/cpuinfo")
STAT = Path("/proc/stat")

GENERATING = ("locust", "gevent", "httptools")
LIBRARIES = (
    "falcon", "gunicorn", "pyjwt", "cryptography", "argon2-cffi", "redis", "hiredis", "psycopg", *GENERATING,
)  # fmt: skip
"""What is measured and what measures it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A machine and the software on it. `cores` are those this process may use; `servers`: version by binary.

    `target`: where the servers are that somebody else runs; then this is the machine that generates the load, and of
    theirs nothing is known. "": they run here.
    """

    cpu_model: str
    cores: int
    memory_bytes: int
    architecture: str
    system: str
    kernel: str
    python: str
    libraries: Mapping[str, str]
    servers: Mapping[str, str]
    target: str = ""


@dataclass(frozen=True, slots=True)
class Conditions:
    """What decides the level of a figure besides the scheme: the environment, and the arms loaded beside it."""

    environment: Environment
    company: tuple[str, ...]


def describe(servers: Mapping[str, str], *, target: str = "") -> Environment:
    """This machine as it is now; `servers` are the versions of the server binaries the run uses."""
    return Environment(
        cpu_model=cpu_model(_text(CPUINFO)) or platform.machine(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
        architecture=platform.machine(),
        system=_distribution(),
        kernel=f"{platform.system()} {platform.release()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        libraries=dict(_versions(GENERATING if target else LIBRARIES)),
        servers=dict(servers),
        target=target,
    )


def cpu_model(cpuinfo: str) -> str:
    """The first `model name` of a /proc/cpuinfo; "" where there is none, as on many ARM machines."""
    names = (line.partition(":")[2].strip() for line in cpuinfo.splitlines() if line.startswith("model name"))
    return next(names, "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def _versions(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        try:
            yield name, metadata.version(name)
        except metadata.PackageNotFoundError:
            continue


def to_jsonable(environment: Environment) -> dict[str, Any]:
    """What a record's header holds."""
    return asdict(environment)


def from_jsonable(values: Mapping[str, Any]) -> Environment:
    """The environment `to_jsonable` wrote. ValueError when it is not one."""
    try:
        return Environment(**values)
    except TypeError as error:
        message = f"found no environment ({error}), expected what this version of authbench writes; run it again"
        raise ValueError(message) from error


def likeness(a: Conditions, b: Conditions) -> list[str]:
    """Why figures of `a` and `b` must not be compared, one line each; empty when they may be.

    Compared are CPU model, cores, kernel (major version), Python (minor version), server versions and the company
    of arms. Library versions may differ: their effect is what two runs are often compared for.
    """
    ours, theirs = _traits(a), _traits(b)
    return [
        f"{name}: {ours.get(name, 'none')} against {theirs.get(name, 'none')}"
        for name in dict.fromkeys((*ours, *theirs))
        if ours.get(name) != theirs.get(name)
    ]


def _traits(conditions: Conditions) -> dict[str, str]:
    environment = conditions.environment
    return {
        "CPU": environment.cpu_model,
        "cores": str(environment.cores),
        "kernel": environment.kernel.split(".")[0],
        "Python": ".".join(environment.python.split(".")[:2]),
        "target": environment.target or "a stack of its own",
        **{f"server {name}": version for name, version in sorted(environment.servers.items())},
        "arms": ", ".join(sorted(conditions.company)),
    }


def read_busy_ns() -> int:
    """`machine_busy_ns` of this machine, now. ValueError where it does not tell."""
    return machine_busy_ns(_text(STAT), os.sysconf("SC_CLK_TCK"))


def machine_busy_ns(stat: str, ticks_per_s: int) -> int:
    """CPU time all cores together spent working since boot, from the text of /proc/stat.

    Time stolen by the hypervisor counts as busy: it was not ours. Guest time is part of user time already. ValueError
    when the text has no line of all cores.
    """
    for line in stat.splitlines():
        match line.split():
            case ["cpu", user, nice, system, _idle, _iowait, irq, softirq, steal, *_]:
                ticks = sum(map(int, (user, nice, system, irq, softirq, steal)))
                return ticks * 1_000_000_000 // ticks_per_s
    message = f"found {stat[:40]!r}, expected /proc/stat with a line of all cores; the machine's load is unknown here"
    raise ValueError(message)


def other_load_ratio(busy_ns: float, ours_ns: float, wall_ns: float, cores: int) -> float:
    """(busy - ours) / (wall x cores): the share of the machine's CPU time that went to anything but this run.

    Between two readings, `ours_ns` the CPU time of all servers, the generator and the harness; `cores` all the
    machine has, as /proc/stat counts them, not only those we may use. Ticks are coarser than process clocks, so a
    small negative remainder is none.
    """
    return max(0.0, (busy_ns - ours_ns) / (wall_ns * cores))
