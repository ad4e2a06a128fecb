"""The base of a comparison: checked out, built only where it must be, gone afterwards; and why it cannot be had."""

import subprocess
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from bench.gates import tree
from bench.gates.errors import UnknownRefError
from bench.gates.git import ABOUT_ANOTHER, Clone, GitError
from bench.gates.model import Tree
from bench.gates.tree import GateTreeError, Trees, base_of, candidate

PYPROJECT = '[project]\nname = "x"\nversion = "{version}"\ndependencies = ["{needs}"]\n'
SETUP = 'mkdir -p "$1/bin"; echo "$PYTHON" > "$1/bin/python"\n'
NAME = ("-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")


def git(folder: Path, *words: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", folder, *NAME, *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(autouse=True)
def _own_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No setting of whoever runs the tests, and temporary folders below the test's own."""
    for name in ABOUT_ANOTHER:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    private = tmp_path / "tmp"
    private.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(private))


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository whose `main` has a lock, what it needs and a way to build; `v1` is its first commit."""
    root = tmp_path / "clone"
    (root / "deploy").mkdir(parents=True)
    write(root, {"requirements.lock": "a==1", "deploy/setup.sh": SETUP, "code.py": "1"})
    write(root, {"pyproject.toml": PYPROJECT.format(version="1", needs="a")})
    git(root, "init", "--quiet", "--initial-branch", "main")
    commit(root)
    git(root, "tag", "v1")
    return root


def write(root: Path, texts: dict[str, str]) -> None:
    """Files by name."""
    for name, text in texts.items():
        (root / name).write_text(text)


def commit(root: Path) -> None:
    """Everything there is."""
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "m")


def worktrees(root: Path) -> int:
    """How many the repository knows of beside its own."""
    return git(root, "worktree", "list", "--porcelain").count("worktree ") - 1


def test_a_candidate_is_named_by_its_commit_and_by_being_dirty(clone: Path) -> None:
    """A change and a new file alike make it so; the Python is the one that runs this."""
    clean = candidate(clone)
    assert clean.commit == git(clone, "rev-parse", "--short", "HEAD")
    (clone / "new.py").touch()
    assert candidate(clone) == Tree(clone, clean.python, f"{clean.commit}+")


def test_a_candidate_needs_no_git(tmp_path: Path) -> None:
    """It can be measured, only not be compared."""
    assert candidate(tmp_path).commit == tree.NO_COMMIT


def test_a_base_has_its_own_files_and_shares_what_is_installed(clone: Path, tmp_path: Path) -> None:
    """Of a dirty tree's parent too; equal needs are one environment, and nothing is left of it anywhere."""
    write(clone, {"code.py": "2", "pyproject.toml": PYPROJECT.format(version="2", needs="a")})
    ours = candidate(clone)
    with base_of("HEAD", ours) as base:
        assert (base.path / "code.py").read_text() == "1"
        assert (base.commit, f"{base.commit}+") == (git(clone, "rev-parse", "--short", "HEAD"), ours.commit)
        assert Trees(base, ours).share_environment
        assert worktrees(clone) == 1
    assert (worktrees(clone), list((tmp_path / "tmp").iterdir())) == (0, [])


@pytest.mark.parametrize(
    "changed", [{"requirements.lock": "a==2"}, {"pyproject.toml": PYPROJECT.format(version="1", needs="b")}]
)
def test_a_base_with_other_needs_is_built_by_the_same_python(clone: Path, changed: dict[str, str]) -> None:
    """Else two Pythons would be compared, or the base would run on what the candidate needs."""
    write(clone, changed)
    commit(clone)
    ours = candidate(clone)
    with base_of("v1", ours) as base:
        assert not Trees(base, ours).share_environment
        assert base.python.read_text().strip() == str(ours.python)


def test_a_base_below_the_root_of_its_repository_is_found(clone: Path) -> None:
    """As the candidate is."""
    (clone / "part").mkdir()
    (clone / "part" / "code.py").write_text("part")
    commit(clone)
    with base_of("main", candidate(clone / "part")) as base:
        assert [path.name for path in base.path.iterdir()] == ["code.py"]


@pytest.mark.parametrize("stopped", [RuntimeError, KeyboardInterrupt])
def test_nothing_is_left_after_an_error(clone: Path, tmp_path: Path, stopped: type[BaseException]) -> None:
    """Whatever it is, Ctrl-C included, and whatever was written there."""
    with suppress(stopped), base_of("main", candidate(clone)) as base:
        (base.path / "written").touch()
        raise stopped
    assert (worktrees(clone), list((tmp_path / "tmp").iterdir())) == (0, [])


def test_what_a_killed_run_left_is_forgotten_and_nobody_elses(clone: Path, tmp_path: Path) -> None:
    """Its folder is gone, and the repository does not know; a worktree of the user's may be on a disk that is away."""
    for name in (tree.WORKTREE, "users-own"):
        git(clone, "worktree", "add", "--detach", str(tmp_path / "killed" / name))
        (tmp_path / "killed" / name).rename(tmp_path / f"away-{name}")
    with base_of("main", candidate(clone)):
        assert worktrees(clone) == 2
    assert "users-own" in git(clone, "worktree", "list")


def test_hooks_do_not_run_and_do_not_mislead(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkout hook of the user's is none of ours; a hook that runs us has set which repository it is about."""
    hook = clone / ".git" / "hooks" / "post-checkout"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    with base_of("main", candidate(clone)) as base:
        assert (base.path / "code.py").exists()


def refuse(clone: Path, ref: str = "main") -> str:
    """Why there is no base: one line."""
    with pytest.raises((GateTreeError, UnknownRefError)) as caught, base_of(ref, candidate(clone)):
        pass
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("ref", ["nowhere", "", "--all", "main:code.py"])
def test_a_base_that_is_no_commit_is_the_users_mistake(clone: Path, ref: str) -> None:
    """A typo, an option and a file are told apart from an environment that is not ready."""
    with pytest.raises(UnknownRefError, match=r"found no such commit, expected a branch, tag or commit"):
        base_of(ref, candidate(clone)).__enter__()


def test_a_branch_that_only_the_remote_has_is_named(clone: Path) -> None:
    """What CI checks out often has no branch but its own."""
    git(clone, "update-ref", "refs/remotes/origin/stable", "HEAD")
    assert refuse(clone, "stable").endswith("did you mean 'origin/stable'?")


def no_repository(clone: Path) -> None:
    """The sources without their history."""
    (clone / ".git").rename(clone.parent / "elsewhere")


def shallow(clone: Path) -> None:
    """As CI checks out."""
    (clone / "later.py").touch()
    commit(clone)
    full = clone.rename(clone.with_name("full"))
    subprocess.run(["git", "clone", "--quiet", "--depth=1", "--no-tags", full.as_uri(), clone], check=True)


def does_not_build(clone: Path) -> None:
    """Its setup ends with a message."""
    write(clone, {"deploy/setup.sh": "echo first; echo no such wheel >&2; exit 1", "requirements.lock": "a==0"})
    _tagged_as_before(clone)


def no_toml(clone: Path) -> None:
    """It says nothing of what it needs."""
    write(clone, {"pyproject.toml": "project"})
    _tagged_as_before(clone)


def _tagged_as_before(clone: Path) -> None:
    commit(clone)
    git(clone, "tag", "--force", "v1")
    git(clone, "checkout", "--quiet", "HEAD~")


@pytest.mark.parametrize(
    ("broken", "found"),
    [
        (no_repository, r"found fatal: not a git repository.*, expected a git clone at .*; run it in one"),
        (shallow, r"found a shallow clone without it, expected its commit; .* fetch-depth: 0"),
        (does_not_build, r"base: found 'no such wheel', expected deploy/setup.sh to build it; name a base that builds"),
        (no_toml, r"found pyproject.toml that is no TOML \(.*\), expected one; name a base that builds"),
    ],
)
def test_a_base_that_cannot_be_had_is_the_environments_fault(
    clone: Path, broken: Callable[[Path], None], found: str
) -> None:
    """One line each: what git or the build said last, what was expected, what to do."""
    broken(clone)
    with pytest.raises(GateTreeError, match=found):
        base_of("v1", candidate(clone)).__enter__()


def test_files_that_cannot_be_written_are_one_line(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that is full is git's to notice, and ours to tell."""

    def full(_clone: Clone, _folder: Path, _commit: str) -> None:
        message = "error: unable to write file code.py: No space left on device"
        raise GitError(message)

    monkeypatch.setattr(Clone, "add_worktree", full)
    assert "No space left on device, expected its files in" in refuse(clone)


def test_no_git_is_said(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There the candidate has no commit, and no base can be had."""
    monkeypatch.setenv("PATH", str(clone))
    assert candidate(clone).commit == tree.NO_COMMIT
    assert "found no git on PATH, expected a git clone" in refuse(clone)
