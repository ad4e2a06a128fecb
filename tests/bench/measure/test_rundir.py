"""A run directory is readable at every moment, and says in one line when it is none."""

import json
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.measure.block import refused_record
from bench.measure.rundir import RUN, RunDirectory, RunDirectoryError, create, create_at
from bench.stack.errors import NotReadyError
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import RecordError

ARM = ArmPlan("none", "none", "bearer", 1, "roundrobin", "steady", 24)
BLOCK = BlockPlan(0, 1, (ARM,), (SlicePlan("cpu", 30, 1, pinned=False),))
(CELL,) = BLOCK.cells(BLOCK.slices[0])
RECORD = refused_record(CELL, BLOCK, {}, ("because",))
DOCUMENT_WHOLE = dict.fromkeys((name for name in RUN.told if name != "id"), 1)


@contextmanager
def full_disk() -> Iterator[None]:
    """No file of this process may grow."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_records_come_back_block_by_block(tmp_path: Path) -> None:
    """What was kept is what is read, in the order of the blocks."""
    directory = create_at(tmp_path / "run")
    for block in (10, 2):
        directory.keep(block, CELL, RECORD)
    assert list(directory.records()) == [RECORD, RECORD]
    assert [path.parent.name for path in sorted(tmp_path.rglob("*.gz"))] == ["b02", "b10"]


def test_a_refused_record_holds_its_reasons_and_nothing_timed() -> None:
    """INVALID, with the company it would have had."""
    assert RECORD.footer is not None
    assert (RECORD.footer.verdict, RECORD.footer.reasons, RECORD.samples) == ("INVALID", ("because",), ())
    assert RECORD.header.company == ("none",)


def test_the_document_is_replaced_whole(tmp_path: Path) -> None:
    """The last description stands, under the directory's name, and nothing unfinished beside it."""
    directory = create_at(tmp_path / "run")
    for status in ("running", "complete"):
        directory.describe({**DOCUMENT_WHOLE, "status": status})
    assert (directory.document()["status"], directory.document()["id"]) == ("complete", "run")
    assert [path.name for path in directory.path.iterdir()] == [RUN.file]


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """One line with the file, what was found and what to do; what stood there stands."""
    directory = create_at(tmp_path / "run")
    directory.describe({**DOCUMENT_WHOLE, "status": "running"})
    directory.keep(0, CELL, RECORD)
    with full_disk():
        with pytest.raises(NotReadyError, match=r"run\.json: found 'File too large' on writing it, expected room"):
            directory.describe({**DOCUMENT_WHOLE, "status": "complete"})
        with pytest.raises(NotReadyError, match=r"free some space or choose another directory with -o"):
            directory.keep(1, CELL, RECORD)
    assert directory.document()["status"] == "running"
    assert list(directory.records()) == [RECORD]
    assert list(directory.path.rglob("*.part")) == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, "No such file"),
        ('{"format": "authbench-r', "broken JSON"),
        ("[]", "another format or version"),
        ('{"format": "authbench-run", "version": 99}', "another format or version"),
        (json.dumps({"format": "authbench-run", "version": 1, "id": "x", "status": "complete"}), "no started_at, "),
    ],
)
def test_what_is_no_run_is_refused_in_one_line(tmp_path: Path, text: str | None, found: str) -> None:
    """Missing, half-written, foreign or incomplete: the file, what was found, what was expected, what to do."""
    if text is not None:
        (tmp_path / RUN.file).write_text(text)
    with pytest.raises(RunDirectoryError) as refusal:
        RunDirectory(tmp_path).document()
    message = str(refusal.value)
    assert found in message
    assert "expected an authbench-run of version 1; name a directory" in message
    assert "\n" not in message


def test_a_record_that_is_none_is_refused(tmp_path: Path) -> None:
    """RecordError from the record's own reader."""
    directory = create_at(tmp_path / "run")
    directory.keep(0, CELL, RECORD)
    (path,) = tmp_path.rglob("*.gz")
    path.write_bytes(b"not gzip at all")
    with pytest.raises(RecordError):
        list(directory.records())


def test_two_runs_get_two_directories(tmp_path: Path) -> None:
    """Also within one second."""
    assert len({create(tmp_path).id for _ in range(20)}) == 20


def test_only_a_new_or_empty_directory_is_taken(tmp_path: Path) -> None:
    """An empty one is; a file or a directory with something in it is refused before anything is written."""
    (tmp_path / "empty").mkdir()
    assert create_at(tmp_path / "empty").logs == tmp_path / "empty" / "logs"
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file"):
        with pytest.raises(RunDirectoryError, match="expected a new or empty directory; choose another with -o"):
            create_at(path)


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    """NotReadyError with the reason, not a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(NotReadyError, match="expected a place to write to"):
        create_at(tmp_path / "file" / "run")


def test_where_everything_is(tmp_path: Path) -> None:
    """The page and the logs stand in the directory itself."""
    directory = RunDirectory(tmp_path)
    assert (directory.report.parent, directory.logs.parent, directory.id) == (tmp_path, tmp_path, tmp_path.name)
