"""A gate run as files: each holds what its own module renders."""

import json
from pathlib import Path

import pytest

from bench.gates.model import GateRun
from reports.gate_benchmark import smaller_is_better
from reports.gate_files import write_all
from reports.gate_json import from_document
from reports.gate_junit import junit
from reports.gate_markdown import comment, markdown
from tests.reports import made_up_gates as made_up


@pytest.mark.parametrize("run", [made_up.RUN, made_up.hostile()], ids=["all", "hostile"])
def test_all_forms_are_written(run: GateRun, tmp_path: Path) -> None:
    """Into a directory that need not exist; the same run gives the same files, and gate.json the run again."""
    directory = tmp_path / "runs" / "1"
    write_all(run, directory)
    write_all(run, directory)
    texts = {path.name: path.read_text("utf-8") for path in directory.iterdir()}
    assert (texts.pop("junit.xml"), texts.pop("summary.md"), texts.pop("comment.md")) == (
        junit(run), markdown(run), comment(run),
    )  # fmt: skip
    assert from_document(json.loads(texts.pop("gate.json"))) == run
    assert json.loads(texts.pop("benchmark.json")) == smaller_is_better(run)
    assert texts == {}
