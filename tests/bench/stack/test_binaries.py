"""The right server is found, and a missing one is told with what to do."""

import re
import shutil
from pathlib import Path

import pytest

from bench.stack import binaries
from bench.stack.binaries import HAPROXY, POSTGRES, VALKEY, WANTED, Binary, Wanted, describe, find, found
from bench.stack.errors import NotReadyError


def _script(path: Path, text: str = "echo 1.0") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def _postgres(folder: Path, *, with_statements: bool) -> Path:
    _script(folder / "bin" / "initdb")
    if with_statements:
        (folder / "lib").mkdir()
        (folder / "lib" / "pg_stat_statements.so").touch()
    return _script(folder / "bin" / "postgres")


@pytest.mark.parametrize("wanted", WANTED.values(), ids=lambda wanted: wanted.name)
def test_without_settings_and_path_the_wheel_serves(wanted: Wanted) -> None:
    """Every server comes with the installation."""
    path = find(wanted, {"PATH": ""})
    assert wanted.in_wheel in str(path)


def test_a_setting_wins_over_path(tmp_path: Path) -> None:
    """A binary named by a setting is taken whatever PATH holds."""
    named = _script(tmp_path / "mine" / "haproxy")
    _script(tmp_path / "bin" / "haproxy")
    assert find(HAPROXY, {"PATH": str(tmp_path / "bin"), "AUTHBENCH_HAPROXY": str(named)}) == named


def test_path_wins_over_the_wheel(tmp_path: Path) -> None:
    """A user's own server is taken before ours, under either of its names."""
    server = _script(tmp_path / "redis-server")
    assert find(VALKEY, {"PATH": str(tmp_path)}) == server


def test_a_postgres_without_statistics_is_passed_over(tmp_path: Path) -> None:
    """A PostgreSQL that cannot count statements would leave the proof blind."""
    path = _postgres(tmp_path, with_statements=False).parent
    assert find(POSTGRES, {"PATH": str(path)}).parent != path


def test_a_complete_postgres_on_path_is_taken(tmp_path: Path) -> None:
    """One with initdb and pg_stat_statements serves, also behind a symbolic link."""
    _postgres(tmp_path / "real", with_statements=True)
    (tmp_path / "link").mkdir()
    (tmp_path / "link" / "postgres").symlink_to(tmp_path / "real" / "bin" / "postgres")
    assert find(POSTGRES, {"PATH": str(tmp_path / "link")}).resolve() == tmp_path / "real" / "bin" / "postgres"


@pytest.mark.parametrize("wanted", WANTED.values(), ids=lambda wanted: wanted.name)
def test_a_setting_that_leads_nowhere_is_an_error(wanted: Wanted, tmp_path: Path) -> None:
    """A wrong setting is told, not passed over in silence."""
    with pytest.raises(NotReadyError, match=f"{wanted.setting}: found .*expected .*; correct it or unset it"):
        find(wanted, {wanted.setting: str(tmp_path)})


def test_a_missing_server_is_told_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found, expected, do: in one line."""
    monkeypatch.setattr("sysconfig.get_path", lambda _kind: "/nowhere")
    with pytest.raises(NotReadyError, match=r"haproxy: found no usable .*expected one; run make setup, or set AUTHB"):
        find(HAPROXY, {"PATH": ""})


def test_everything_found_is_listed_with_versions() -> None:
    """The record's environment names each server, its path and its version."""
    listed = {binary.name: binary for binary in found({"PATH": ""})}
    assert set(listed) == set(WANTED)
    assert all(re.fullmatch(r"\d+(\.\d+)+", binary.version) for binary in listed.values())


def test_a_version_without_a_number_is_quoted(tmp_path: Path) -> None:
    """What a server says of itself is kept, whatever it is."""
    odd = _script(tmp_path / "haproxy", "echo from the trunk; echo more")
    assert describe(HAPROXY, {"PATH": str(tmp_path)}) == Binary("haproxy", odd, "from the trunk")


def test_a_binary_that_cannot_tell_its_version_is_told(tmp_path: Path) -> None:
    """A file that does not run is named before it is relied on."""
    broken = _script(tmp_path / "haproxy", "exit 1")
    with pytest.raises(NotReadyError, match=f"haproxy: found {broken}"):
        found({"PATH": "", "AUTHBENCH_HAPROXY": str(broken)})


def test_only_a_file_can_be_executed() -> None:
    """A folder of the right name is no server."""
    assert not binaries.is_postgres(Path(shutil.__file__).parent)
