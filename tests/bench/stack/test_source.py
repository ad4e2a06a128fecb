"""Where services run from: a tree comes first, and what comes after it is what would have been found without."""

import os
import sys
from pathlib import Path

import pytest

from bench.stack.replicas import ARGV, gunicorn
from bench.stack.source import OURS, Source


def test_ours_is_what_is_installed_here() -> None:
    """Nothing is put before it."""
    assert OURS.environment() == {}
    assert gunicorn(OURS) == ARGV
    assert ARGV[0] == sys.executable


@pytest.mark.parametrize(("inherited", "after"), [("", []), ("a::/b", ["a", "/b"])])
def test_a_tree_comes_before_what_was_asked_for_already(
    monkeypatch: pytest.MonkeyPatch, inherited: str, after: list[str]
) -> None:
    """Wherever it is started; a plugin that lies on the path is found as before."""
    monkeypatch.setenv("PYTHONPATH", inherited)
    found = Source(Path("/python"), Path("tree")).environment()["PYTHONPATH"].split(os.pathsep)
    assert found == [str(Path(path).absolute()) for path in ("tree", *after)]


def test_a_tree_brings_its_own_python_and_its_own_way_to_be_served() -> None:
    """The configuration is found as a module, so it is the tree's as well."""
    assert gunicorn(Source(Path("/python"), Path("/tree"))) == (
        *("/python", "-m", "gunicorn"),
        *("--config", "python:services.gunicorn_conf"),
    )
