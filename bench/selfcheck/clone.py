"""This installation once more at another place, whole and made of links: for another user, or below a private home."""

import os
import shutil
import sys
import sysconfig
from pathlib import Path

from bench.selfcheck.subject import Installation

SOURCES = Path(__file__).parents[2]
ROOMS = ("services", "loadtests", "bench", "reports", "authbench", "deploy")
NOT_COPIED = shutil.ignore_patterns("site-packages", "dist-packages", "test", "tests", "idlelib", "config-*")


def clone(folder: Path, uid: int | None = None) -> Installation:
    """Interpreter, environment and sources below `folder`, which is new; to be run by `uid`. OSError.

    Nothing in it leads back to where it came from, so it works for whom our own home is closed.
    """
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    base, environment, sources = folder / "base", folder / ".venv", folder / "sources"
    _copy_interpreter(base, version)
    (environment / "bin").mkdir(parents=True)
    (environment / "bin" / "python").symlink_to(base / "bin" / version)
    (environment / "pyvenv.cfg").write_text(f"home = {base / 'bin'}\n", encoding="utf-8")
    _link_tree(Path(sysconfig.get_path("purelib")), environment / "lib" / version / "site-packages")
    for room in ROOMS:
        _link_tree(SOURCES / room, sources / room)
    paths = {"PYTHONPATH": str(sources), "LD_LIBRARY_PATH": str(base / "lib")}
    return Installation(str(environment / "bin" / "python"), paths, uid)


def _copy_interpreter(base: Path, version: str) -> None:
    """The executable, its shared library where it has one, and the standard library."""
    (base / "bin").mkdir(parents=True)
    (base / "lib").mkdir()
    _link(Path(sys.executable).resolve(), base / "bin" / version)
    for library in Path(sysconfig.get_config_var("LIBDIR")).glob(f"lib{version}*.so*"):
        _link(library.resolve(), base / "lib" / library.name)
    shutil.copytree(
        sysconfig.get_path("stdlib"), base / "lib" / version, ignore=NOT_COPIED, copy_function=_link, symlinks=True
    )


def _link_tree(source: Path, target: Path) -> None:
    shutil.copytree(source, target, copy_function=_link, symlinks=True)


def _link(source: str | Path, target: str | Path) -> None:
    """A second name for the same file where the file system allows it, else a copy."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
