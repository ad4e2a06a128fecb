"""What the workflows, the action and GitLab's job say, and what their scripts do when a shell runs them."""

import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
CI = ROOT / ".github/workflows/ci.yml"
READY = ROOT / "deploy/ci"
WORKFLOWS = (CI, *sorted(READY.glob("github-*.yml")))
GITLAB = READY / "gitlab-gate.yml"
ACTION = ROOT / "action.yml"
SHELL = ("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c")
"""As GitHub runs a step whose shell is bash."""
RECORDER = '#!/bin/sh\nprintf "%s\\037" "$@" >> "$RECORD"; echo >> "$RECORD"\n{then}exit {code}\n'

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a job or of the action; `place` says where it stands."""

    place: str
    said: Document

    @property
    def script(self) -> str:
        """What a shell runs; "" where an action is used."""
        return str(self.said.get("run", ""))

    @property
    def uses(self) -> str:
        """The action, or ""."""
        return str(self.said.get("uses", ""))


@dataclass(frozen=True, slots=True)
class Ended:
    """What a script came to: its exit code, what it printed, the words of every command recorded, GitHub's outputs."""

    code: int
    printed: str
    calls: tuple[tuple[str, ...], ...]
    outputs: Mapping[str, str]


def load(path: Path) -> Document:
    """A YAML file; its key `on` is read as YAML 1.1 does, as true."""
    return dict(yaml.safe_load(path.read_text(encoding="utf-8")))


def steps_of(path: Path) -> Iterator[Step]:
    """Every step of a workflow or an action."""
    said = load(path)
    jobs = said["jobs"] if "jobs" in said else {"action": said["runs"]}
    for job, told in jobs.items():
        for place, step in enumerate(told["steps"]):
            yield Step(f"{path.name}:{job}[{place}]", step)


def step_named(path: Path, name: str) -> Step:
    """The step of that name or id."""
    (found,) = (step for step in steps_of(path) if name in (step.said.get("name"), step.said.get("id")))
    return found


def command(path: Path, *, code: int = 0, then: str = "") -> Path:
    """A command that writes down how it was called, does `then` and ends with `code`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RECORDER.format(code=code, then=then), encoding="utf-8")
    path.chmod(0o755)
    return path


def run(script: str, place: Path, environment: Mapping[str, str]) -> Ended:
    """Run a script in `place`, where `command`s stand; nothing else of ours is on the path."""
    record, output = place / "record", place / "output"
    for file in (record, output):
        file.write_text("", encoding="utf-8")
    known = {
        "PATH": f"{place / 'bin'}:/usr/bin:/bin",
        "RECORD": str(record),
        "GITHUB_OUTPUT": str(output),
        "GITHUB_STEP_SUMMARY": str(place / "summary"),
        "GITHUB_ACTION_PATH": str(place),
        "GITHUB_SHA": "0123456789abcdef",
        "GITHUB_RUN_ATTEMPT": "1",
        **environment,
    }
    ended = subprocess.run([*SHELL, script], cwd=place, env=known, capture_output=True, text=True, check=False)
    calls = (tuple(line.split("\x1f")[:-1]) for line in record.read_text(encoding="utf-8").splitlines())
    outputs = dict(line.split("=", 1) for line in output.read_text(encoding="utf-8").splitlines())
    return Ended(ended.returncode, ended.stdout + ended.stderr, tuple(calls), outputs)


def written_outputs(script: str) -> set[str]:
    """What a script tells the steps after it."""
    return set(re.findall(r'echo "(\w+)=.*>> "\$GITHUB_OUTPUT"', script))
