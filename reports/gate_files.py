"""A gate run as files: gate.json, junit.xml, summary.md, comment.md and benchmark.json, each for another reader."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from bench.gates.model import GateRun
from reports.gate_benchmark import smaller_is_better
from reports.gate_json import document
from reports.gate_junit import junit
from reports.gate_markdown import comment, markdown

FILES: Mapping[str, Callable[[GateRun], str]] = {
    "gate.json": lambda run: _json(document(run)),
    "junit.xml": junit,
    "summary.md": markdown,
    "comment.md": comment,
    "benchmark.json": lambda run: _json(smaller_is_better(run)),
}


def write_all(run: GateRun, directory: Path) -> None:
    """Write every file into `directory`, which is made where it is missing. OSError when the disk will not."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, told in FILES.items():
        (directory / name).write_text(told(run), encoding="utf-8")


def _json(values: object) -> str:
    return json.dumps(values, indent=1, allow_nan=False) + "\n"
