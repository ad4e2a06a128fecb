"""What master and workers compare before they speak: there is always something to compare."""

import re
from pathlib import Path

import pytest

from loadtests.locust_ import protocol


def test_versions_name_whose_they_are() -> None:
    """Both libraries, in one line that can be read by people."""
    assert re.fullmatch(r"authbench \S+, locust \S+", protocol.versions())


def test_a_library_that_is_not_installed_has_no_version() -> None:
    """As where authbench is run from its sources: equal to another such place, and to no other."""
    assert protocol._version("no-such-library-of-ours") == "not installed"


def test_a_machine_that_does_not_tell_is_none_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is empty, and on one that does it is the same each time."""
    assert protocol.machine() == protocol.machine() != ""
    monkeypatch.setattr(protocol, "BOOT_ID", tmp_path / "none")
    assert protocol.machine() == ""
