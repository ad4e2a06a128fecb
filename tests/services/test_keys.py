"""The key ring: read again without a restart, never lost to a bad file, and changed by commands."""

import logging
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services import keys
from services.key_file import read_ring
from services.key_kinds import KINDS
from services.keys import RECHECK_S, KeyRing, KeyRingError, add, generate, main, open_ring, promote, retire
from services.settings import Settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ring, made once."""
    path = tmp_path_factory.mktemp("made") / "keys.json"
    generate(path)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    """A ring of one's own whose last change is long ago."""
    path = Path(shutil.copy(made, tmp_path / "keys.json"))
    os.utime(path, (0, 0))
    return path


@pytest.mark.parametrize("alg", KINDS)
def test_a_ring_signs_with_every_algorithm(path: Path, alg: str) -> None:
    """One active key per algorithm, found by algorithm to sign and by name to verify."""
    ring = KeyRing(path)
    key = ring.signing(alg)
    assert key.alg == alg
    assert ring.verifying(key.kid) is key


def test_the_key_set_names_every_public_key(path: Path) -> None:
    """RFC 7517: kid, alg and use beside the public members, in the order of the ring; never a secret."""
    add(path, "ES256")
    ring = KeyRing(path)
    published = ring.jwks()["keys"]
    assert [key["alg"] for key in published] == ["RS256", "ES256", "EdDSA", "ES256"]
    for key in published:
        held = ring.verifying(key["kid"])
        assert held is not None
        assert (held.alg, key["use"]) == (key["alg"], "sig")
        assert key.keys() <= {"kty", "crv", "x", "y", "n", "e", "kid", "alg", "use"}


def test_secrets_do_not_show_in_a_repr(path: Path) -> None:
    """A key in a log or traceback tells its name alone."""
    key = KeyRing(path).signing("HS256")
    assert repr(key) == f"Key(kid={key.kid!r}, alg='HS256', state='active')"
    assert "csrf" not in repr(read_ring(path))


def test_an_unknown_name_verifies_nothing(path: Path) -> None:
    """A kid is looked up, never used as a path or statement."""
    assert KeyRing(path).verifying("../../etc/passwd") is None


def test_start_up_refuses_a_missing_file(tmp_path: Path) -> None:
    """The message says how to make one."""
    with pytest.raises(KeyRingError, match=r"No such file.*python -m services\.keys write PATH"):
        open_ring(Settings(keys_file=tmp_path / "missing"))


def test_start_up_refuses_to_be_told_of_no_file() -> None:
    """The message says what to set."""
    with pytest.raises(KeyRingError, match=r"AUTHBENCH_KEYS_FILE is unset.*services\.keys write PATH"):
        open_ring(Settings())


def test_a_file_that_went_away_between_look_and_read_is_refused(path: Path) -> None:
    """A directory can be looked at and not read."""
    with pytest.raises(KeyRingError, match="directory"):
        KeyRing(path.parent)


def test_no_active_key_of_an_algorithm_is_an_error(tmp_path: Path) -> None:
    """A ring that can only verify cannot issue; the message says how to change that."""
    generate(tmp_path / "keys.json", ["HS256"])
    add(tmp_path / "keys.json", "ES256")
    with pytest.raises(KeyRingError, match="no active ES256 key, expected one; add and promote one"):
        KeyRing(tmp_path / "keys.json").signing("ES256")


@pytest.mark.parametrize("alg", KINDS)
def test_a_rotation_is_seen_within_a_second(path: Path, alg: str) -> None:
    """Added, promoted and retired while the service runs: both keys verify during the overlap."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    old = ring.signing(alg).kid
    new = add(path, alg)
    assert ring.verifying(new) is None
    now_s[0] += RECHECK_S
    assert ring.verifying(new) is not None
    os.utime(path, (0, 0))
    promote(path, new)
    now_s[0] += RECHECK_S
    assert ring.signing(alg).kid == new
    assert ring.verifying(old) is not None
    retire(path, old)
    now_s[0] += RECHECK_S
    assert ring.verifying(old) is None


def test_nobody_uses_the_old_keys_while_new_ones_are_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes during the look waits for it: another replica may have signed with the new key already."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    new = add(path, "HS256")
    looking, looked = threading.Event(), threading.Event()

    def slowly(path: Path) -> object:
        looking.set()
        assert looked.wait(30)
        return read_ring(path)

    monkeypatch.setattr(keys, "read_ring", slowly)
    now_s[0] += RECHECK_S
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(ring.verifying(new))) for _ in range(4)]
    threads[0].start()
    assert looking.wait(30)
    for thread in threads[1:]:
        thread.start()
    threads[1].join(0.05)
    assert found == []
    looked.set()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert None not in found


def test_an_unchanged_file_is_not_read_again(path: Path) -> None:
    """A look costs a stat and no parsing: the key objects stay the same."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    key = ring.signing("RS256")
    now_s[0] += RECHECK_S
    assert ring.signing("RS256") is key


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("{")])
def test_a_bad_file_leaves_the_keys_in_force(
    path: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    """A slip during rotation logs a warning and logs nobody out."""
    now_s = [0.0]
    ring = KeyRing(path, lambda: now_s[0])
    key = ring.signing("HS256")
    spoil(path)
    now_s[0] += RECHECK_S
    with caplog.at_level(logging.WARNING):
        assert ring.signing("HS256") is key
    assert "stay in force" in caplog.text


def test_the_commands_rotate_a_key(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`list`, `add`, `promote`, `retire`: names and states are told, keys never."""
    assert main(["list", str(path)]) == 0
    old = next(line.split()[0] for line in capsys.readouterr().out.splitlines() if "ES256" in line)
    assert main(["add", str(path), "ES256"]) == 0
    new = capsys.readouterr().out.strip()
    os.utime(path, (0, 0))
    assert main(["promote", str(path), new]) == 0
    assert main(["list", str(path)]) == 0
    told = capsys.readouterr().out
    assert f"{old}  ES256  verify-only\n" in told
    assert f"{new}  ES256  active\n" in told
    assert main(["retire", str(path), old]) == 0
    assert all(key.text not in told for key in read_ring(path).by_kid.values())


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """`python -m services.keys write PATH` is all a deployment needs; a second time it is refused in one line."""
    path = tmp_path / "new.json"
    command = [sys.executable, "-m", "services.keys", "write", str(path)]
    subprocess.run(command, check=True)
    assert KeyRing(path).signing("HS256")
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr == f"{path}: File exists, expected a new file; name another path or remove it\n"


def test_an_error_of_a_command_is_one_line(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was found, what was expected, what to do."""
    kid = KeyRing(path).signing("RS256").kid
    assert main(["retire", str(path), kid]) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"{path}: found {kid} active, expected verify-only; promote another key in its place first\n"


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ([], "required: COMMAND"),
        (["write"], "required: PATH"),
        (["add", "ring.json", "none"], "invalid choice: 'none'"),
        (["ring.json"], "invalid choice: 'ring.json'"),
    ],
)
def test_a_command_that_is_none_gets_one_line(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and where to read on."""
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert found in line
    assert "--help" in line


def test_help_tells_how_to_rotate(capsys: pytest.CaptureFixture[str]) -> None:
    """The order matters, so it is told."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    told = capsys.readouterr().out
    assert ended.value.code == 0
    assert told.index("add PATH ALG") < told.index("promote PATH KID") < told.index("retire PATH KID")


def test_settings_name_the_ring(path: Path) -> None:
    """Where the ring is, a setting says."""
    assert open_ring(replace(Settings(), keys_file=path)).signing("EdDSA")
