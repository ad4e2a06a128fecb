"""A gate sees a commit that is slower and none that changes a document: end to end, in a clone of its own."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.slower import SCHEME, slow_down, verify_us

SOURCES = Path(__file__).parents[2]
GATE = "hs256-verify"
GATES = f"""[gates.{GATE}]
kind = "relative"
scheme = "{SCHEME}"
step = "verify"
margin = 0.05
"""
SLOWER_RATIO = 0.10
LIMIT_S = 300.0
AUTHOR = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}


def run() -> Iterator[Finding]:
    """A clone whose `main` is this commit, then one commit on top of it after the other."""
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        clone = Path(folder) / "clone"
        _git(Path(folder), "clone", "--quiet", str(SOURCES), str(clone))
        _git(clone, "checkout", "--quiet", "-B", "main")
        (clone / "gates.toml").write_text(GATES, encoding="utf-8")
        _commit(clone, "gates")
        _git(clone, "checkout", "--quiet", "-b", "change")
        yield from _documented(clone)
        yield from _slowed(clone)


def _documented(clone: Path) -> Iterator[Finding]:
    (clone / "README.md").write_text("changed\n", encoding="utf-8")
    _commit(clone, "a document")
    ended = _gate(clone, "documented")
    figure = f"a commit that changes a document: exit code {ended.returncode}, {_judged(clone, 'documented')['status']}"
    yield Finding(figure, "0, pass", ended.returncode == 0)


def _slowed(clone: Path) -> Iterator[Finding]:
    slow_down(clone, SLOWER_RATIO * verify_us())
    _commit(clone, "slower")
    commit = _git(clone, "rev-parse", "--short=7", "HEAD")
    ended = _gate(clone, "slowed")
    figure = f"a commit that verifies {SLOWER_RATIO:.0%} slower: exit code {ended.returncode}"
    yield Finding(figure, "1", ended.returncode == 1)
    ratio = _judged(clone, "slowed")["ratio"]
    told = f"{ratio['value']:.3f}x ({ratio['low']:.3f}"
    line = next((line for line in ended.stdout.splitlines() if GATE in line and told in line), "none")
    named = all(word in " ".join(ended.stdout.split()) for word in (SCHEME, told, commit))
    yield Finding(f"its line: {line}", f"names {SCHEME}, {told}...) and {commit}", named)


def _gate(clone: Path, name: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "authbench", "gate", "--base", "main", "-o", f"runs/{name}"]
    env = {**os.environ, "PYTHONPATH": str(clone)}
    return subprocess.run(argv, cwd=clone, env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False)


def _judged(clone: Path, name: str) -> dict[str, Any]:
    """The only gate of a run, as gate.json has it."""
    document = json.loads((clone / "runs" / name / "gate.json").read_text(encoding="utf-8"))
    judged: dict[str, Any] = document["judged"][0]
    return judged


def _commit(clone: Path, message: str) -> None:
    _git(clone, "add", "--all")
    _git(clone, "commit", "--quiet", "--message", message)


def _git(folder: Path, *words: str) -> str:
    env = {**os.environ, **AUTHOR}
    return subprocess.run(
        ["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=True
    ).stdout.strip()  # fmt: skip


CHECK = Selfcheck("gate_change", "a commit that is slower turns the gate red, a document does not", "40 s", run)
