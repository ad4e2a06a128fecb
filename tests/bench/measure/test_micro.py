"""Figures of microbenchmarks are read from pytest-benchmark's file, or it is said in one line why not."""

import json
from pathlib import Path

import pytest

from bench.measure.micro import measured
from bench.measure.rundir import MICRO, RunDirectory, RunDirectoryError
from bench.micro.document import figures_of
from bench.micro.session import DOCUMENT
from tests.reports import made_up_calls as made_up

TOLD = dict.fromkeys((name for name in MICRO.told if name != "id"), 1)


def _directory(path: Path, status: str, text: str | None) -> RunDirectory:
    directory = RunDirectory(path)
    directory.describe({**TOLD, "status": status}, MICRO)
    if text is not None:
        (path / DOCUMENT).write_text(text, encoding="utf-8")
    return directory


def test_figures_come_from_the_file_alone(tmp_path: Path) -> None:
    """Every one of them, in its order, whatever micro.json says."""
    document = made_up.document(made_up.all_of_them())
    found = measured(_directory(tmp_path, "complete", json.dumps(document)))
    assert found == figures_of(document)
    assert [one.subject for one in found] == [one.subject for one in made_up.all_of_them()]


@pytest.mark.parametrize("status", ["running", "interrupted", "failed"])
def test_what_ended_early_may_have_none(tmp_path: Path, status: str) -> None:
    """Without a file there are no figures, and nothing is wrong with it."""
    assert measured(_directory(tmp_path, status, None)) == ()


@pytest.mark.parametrize(
    ("text", "found"),
    [(None, "No such file"), ("{", "JSONDecodeError"), ("{}", "KeyError"), ('{"benchmarks": [{"stats": 1}]}', "Key")],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, text: str | None, found: str) -> None:
    """Missing, cut off or another's: the path, what was found and what to do, in one line."""
    with pytest.raises(RunDirectoryError) as refusal:
        measured(_directory(tmp_path, "complete", text))
    assert str(refusal.value).startswith(f"{tmp_path / DOCUMENT}: found ")
    assert found in str(refusal.value)
    assert "expected what authbench micro has pytest-benchmark write; measure it again" in str(refusal.value)
    assert "\n" not in str(refusal.value)
