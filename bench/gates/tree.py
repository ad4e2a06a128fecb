"""The candidate and the base it is held against, as trees with a Python each."""

import sys
import tempfile
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bench.gates.errors import UnknownRefError
from bench.gates.git import Clone, GitError
from bench.gates.model import Tree
from bench.stack.errors import NotReadyError
from bench.stack.process import Command
from bench.stack.supervisor import Supervisor

NO_COMMIT = "no git"
"""What stands for the commit of a tree that git knows nothing of."""
WORKTREE = "authbench-base"
LOCK, DECLARED, SETUP = Path("requirements.lock"), Path("pyproject.toml"), Path("deploy/setup.sh")
BUILD_LIMIT_S = 900.0


class GateTreeError(NotReadyError):
    """There is no base to compare with here; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True, slots=True)
class Trees:
    """What a relative gate compares."""

    base: Tree
    candidate: Tree

    @property
    def share_environment(self) -> bool:
        """Whether one Python with the same installed packages runs both."""
        return self.base.python == self.candidate.python


def candidate(path: Path) -> Tree:
    """The checkout at `path`, run by the Python that runs this; its changes need not be committed."""
    clone = Clone(path)
    try:
        commit = clone.short() + ("+" if clone.is_dirty() else "")
    except GitError:
        commit = NO_COMMIT
    return Tree(path.absolute(), Path(sys.executable), commit)


@contextmanager
def base_of(ref: str, candidate: Tree) -> Iterator[Tree]:
    """The tree of commit `ref` in a private folder, with its environment, for as long as the `with` lasts.

    Where both ask for the same packages the candidate's Python serves, with the base's folder first on its path; else
    the base gets an environment of its own, which takes a minute. Nothing is left of it, even after a kill: the
    folder goes at once, and what the repository knows of it at the next start. GateTreeError; UnknownRefError.
    """
    clone = Clone(candidate.path)
    commit, prefix = _found(clone, ref)
    with tempfile.TemporaryDirectory(prefix="authbench-logs-") as logs, Supervisor(Path(logs)) as supervisor:
        root = supervisor.directory / WORKTREE
        with _checked_out(clone, commit, root):
            path = root / prefix
            yield Tree(path, _python(path, candidate, supervisor), commit)


def _found(clone: Clone, ref: str) -> tuple[str, str]:
    """The commit that is meant, and where in its tree we are."""
    try:
        prefix = clone.prefix()
        if clone.knows(ref):
            return clone.short(ref), prefix
        is_shallow, remote = clone.is_shallow(), f"origin/{ref}"
        hint = f"did you mean {remote!r}?" if clone.knows(remote) else "see: git branch --all"
    except GitError as error:
        message = (
            f"base {ref!r}: found {error}, expected a git clone at {clone.path}; run it in one, with git installed"
        )
        raise GateTreeError(message) from error
    if is_shallow:
        message = (
            f"base {ref!r}: found a shallow clone without it, expected its commit; fetch it, or set fetch-depth: 0"
        )
        raise GateTreeError(message)
    message = f"base {ref!r}: found no such commit, expected a branch, tag or commit of this repository; {hint}"
    raise UnknownRefError(message)


@contextmanager
def _checked_out(clone: Clone, commit: str, root: Path) -> Iterator[None]:
    try:
        _check_out(clone, commit, root)
        yield
    finally:
        with suppress(GitError):  # its folder goes anyway, and the next start forgets it
            clone.remove_worktree(root)


def _check_out(clone: Clone, commit: str, root: Path) -> None:
    """Killed runs have left the repository with worktrees that are gone; only ours are forgotten."""
    try:
        for lost in clone.lost_worktrees():
            if lost.name == WORKTREE:
                clone.remove_worktree(lost)
        clone.add_worktree(root, commit)
    except GitError as error:
        message = f"base {commit}: found {error!s}, expected its files in {root.parent}; make room or set TMPDIR"
        raise GateTreeError(message) from error


def _python(path: Path, candidate: Tree, supervisor: Supervisor) -> Path:
    """What runs the tree at `path`: the candidate's Python where it would be built the same."""
    try:
        if _needs(path) == _needs(candidate.path):
            return candidate.python
    except ValueError as error:
        message = f"base: found {DECLARED} that is no TOML ({error}), expected one; name a base that builds"
        raise GateTreeError(message) from error
    folder = supervisor.directory / f"{WORKTREE}.venv"
    command = Command("base", ("sh", str(SETUP), str(folder)), path, {"PYTHON": str(candidate.python)})
    process = supervisor.start(command)
    process.wait_ended(BUILD_LIMIT_S)
    if process.popen.returncode:
        message = f"base: found {process.last_line()!r}, expected {SETUP} to build it; name a base that builds"
        raise GateTreeError(message)
    return folder / "bin" / "python"


def _needs(path: Path) -> tuple[bytes, tuple[object, ...]]:
    """Everything that decides what is installed for a tree; of what it declares, as it was read."""
    lock, declared = (path / LOCK, path / DECLARED)
    document = tomllib.loads(declared.read_text(encoding="utf-8")) if declared.exists() else {}
    project = document.get("project", {})
    sections = ("requires-python", "dependencies", "optional-dependencies", "scripts", "entry-points")
    stated = (document.get("build-system"), *(project.get(section) for section in sections))
    return lock.read_bytes() if lock.exists() else b"", stated
