"""Seeding: tables and users from nothing, as often as one likes."""

from contextlib import closing
from pathlib import Path

import pytest

from services.parts import open_parts
from services.passwords import Passwords
from services.seed import ADMIN, main, seed, user_name
from services.settings import Settings, to_environment
from services.users import User

HARNESS = Passwords("harness")


@pytest.fixture
def empty(database, keys_file: Path) -> Settings:  # noqa: ANN001 - the type lives in a conftest
    """Settings on an empty database."""
    return Settings(
        database_url=database.url,
        database_password_file=database.password_file,
        keys_file=keys_file,
        password_profile="harness",
    )


def found(settings: Settings, name: str) -> User | None:
    """The user called `name`, read by a service."""
    with closing(open_parts(settings)) as parts:
        return parts.users.by_name(name)


def test_seeding_makes_the_admin_and_numbered_users(empty: Settings) -> None:
    """Everyone has the password, the admin has the role."""
    seed(empty, users=3, password="secret")
    admin, last = found(empty, ADMIN), found(empty, user_name(2))
    assert admin is not None
    assert last is not None
    assert (admin.role, last.role, last.name) == ("admin", "user", "user-000002")
    assert HARNESS.matches(last.password_hash, "secret")
    assert found(empty, user_name(3)) is None


def test_seeding_again_resets_passwords_and_bans(empty: Settings) -> None:
    """A run starts from the same state whatever the last one did."""
    seed(empty, users=1, password="old")
    before = found(empty, user_name(0))
    assert before is not None
    with closing(open_parts(empty)) as parts:
        parts.users.ban(before.id)
    seed(empty, users=2, password="new")
    after = found(empty, user_name(0))
    assert after is not None
    assert (after.id, after.banned) == (before.id, False)
    assert HARNESS.matches(after.password_hash, "new")


def test_the_command_seeds_from_its_environment(
    empty: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password comes from a file, never from the command line."""
    for name, value in to_environment(empty).items():
        monkeypatch.setenv(name, value)
    file = tmp_path / "password"
    file.write_text("secret\n")
    assert main(["--users", "1", "--password-file", str(file), "--profile", "harness"]) == 0
    assert main(["--users", "1", "--password-file", str(file)]) == 0
    user = found(empty, user_name(0))
    assert user is not None
    assert HARNESS.matches(user.password_hash, "secret")


def test_a_missing_password_file_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 and the file's name."""
    assert main(["--users", "1", "--password-file", str(tmp_path / "missing")]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_database_that_is_away_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 3 and what was expected."""
    monkeypatch.setenv("AUTHBENCH_DATABASE_URL", "postgresql://authbench@127.0.0.1:1/authbench")
    file = tmp_path / "password"
    file.write_text("secret")
    assert main(["--users", "1", "--password-file", str(file)]) == 3
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "AUTHBENCH_DATABASE_URL" in error
