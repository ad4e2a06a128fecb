"""What a clone says of its commits, and worktrees of them; git's own words where it refuses."""

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ABOUT_ANOTHER = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")
"""What a hook of some repository has set would send us there."""


class GitError(Exception):
    """Git refused, or is not there; the message is its reason, one line."""


@dataclass(frozen=True, slots=True)
class Clone:
    """The repository that `path` lies in, as git sees it from there. Everything raises GitError."""

    path: Path

    def short(self, ref: str = "HEAD") -> str:
        """The abbreviated name of a commit."""
        words = self._ask("rev-parse", "--verify", "--short", "--end-of-options", f"{ref}^{{commit}}")
        return words.split()[-1]  # git 2.29 and older repeat --end-of-options

    def knows(self, ref: str) -> bool:
        """Whether `ref` names a commit that is here."""
        try:
            self.short(ref)
        except GitError:
            return False
        return True

    def is_dirty(self) -> bool:
        """Whether anything differs from the commit, new files that are not ignored included."""
        return bool(self._ask("status", "--porcelain"))

    def is_shallow(self) -> bool:
        """Whether history was cut off when it was cloned."""
        return self._ask("rev-parse", "--is-shallow-repository") == "true"

    def prefix(self) -> str:
        """Where `path` lies below the root of the repository: "" or "a/b/"."""
        return self._ask("rev-parse", "--show-prefix")

    def add_worktree(self, folder: Path, commit: str) -> None:
        """Check `commit` out into `folder`, which is new; no hook of the user's runs."""
        self._ask("-c", "core.hooksPath=/dev/null", "worktree", "add", "--quiet", "--detach", str(folder), commit)

    def remove_worktree(self, folder: Path) -> None:
        """Take `folder` and what the repository knows of it away, whatever is in it or if it is gone."""
        self._ask("worktree", "remove", "--force", str(folder))

    def lost_worktrees(self) -> Iterator[Path]:
        """Folders that the repository takes for worktrees of its own, and that are gone."""
        for line in self._ask("worktree", "list", "--porcelain").splitlines():
            kind, _, path = line.partition(" ")
            if kind == "worktree" and not Path(path).exists():
                yield Path(path)

    def _ask(self, *words: str) -> str:
        environment = {name: value for name, value in os.environ.items() if name not in ABOUT_ANOTHER}
        argv = ("git", "-C", str(self.path), *words)
        try:
            done = subprocess.run(argv, env=environment, capture_output=True, text=True, errors="replace", check=False)
        except FileNotFoundError as error:
            message = "no git on PATH"
            raise GitError(message) from error
        if done.returncode:
            raise GitError(_reason(done.stderr) or f"git ended with exit code {done.returncode}")
        return done.stdout.strip()


def _reason(said: str) -> str:
    """The first complaint: what follows is advice, or what came of it."""
    complaints = (line for line in said.splitlines() if line.startswith(("fatal: ", "error: ")))
    return next(complaints, said.strip().rpartition("\n")[2]).strip()
