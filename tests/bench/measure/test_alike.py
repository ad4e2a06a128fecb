"""Runs that answer one question: the newest of each kind, from one machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.measure.alike import found, newest
from bench.measure.environment import to_jsonable
from bench.measure.rundir import CONSEQUENCES, RUN, RunDirectoryError
from tests.bench.measure.made_up_runs import HERE, arm, compared, rewritten, weighed


def test_the_newest_of_each_kind(tmp_path: Path) -> None:
    """By when they were started, whatever their names are."""
    for name, started_at in (("c", "2026-11-01"), ("a", "2026-11-03"), ("b", "2026-11-02")):
        rewritten(compared(tmp_path / name, [arm("none")]), RUN.file, {"started_at": started_at})
    rewritten(weighed(tmp_path / "w"), CONSEQUENCES.file, {"started_at": "2026-10-01"})
    assert newest(tmp_path) == (tmp_path / "a", tmp_path / "w")


def test_what_cannot_be_used_is_passed_over(tmp_path: Path) -> None:
    """Broken, unfinished, without an environment, of another machine than the newest: none of them."""
    usable = compared(tmp_path / "usable", [arm("none")])
    rewritten(usable, RUN.file, {"started_at": "2026-11-29"})
    for name, values in (
        ("unfinished", {"status": "running"}),
        ("strange", {"environment": {"cpu": 1}}),
        ("broken", {"version": 99}),
    ):
        rewritten(compared(tmp_path / name, [arm("none")]), RUN.file, {"started_at": "2026-12-01", **values})
    weighed(tmp_path / "elsewhere", replace(HERE, cpu_model="another"))
    (tmp_path / "a file").write_text("", encoding="utf-8")
    (tmp_path / "empty").mkdir()
    assert newest(tmp_path) == (usable.path,)
    assert newest(tmp_path / "nowhere") == ()


def test_a_directory_without_documents_is_refused(tmp_path: Path) -> None:
    """With what is looked for."""
    with pytest.raises(RunDirectoryError, match=r"found no document, expected one of max_rate\.json, run\.json, "):
        found(tmp_path)


def test_a_strange_environment_is_refused(tmp_path: Path) -> None:
    """With the directory it stands in."""
    directory = compared(tmp_path / "run", [arm("none")])
    rewritten(directory, RUN.file, {"environment": {**to_jsonable(HERE), "moons": 2}})
    with pytest.raises(RunDirectoryError, match="run: found no environment"):
        _ = found(directory.path)[0].environment
