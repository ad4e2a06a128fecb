"""The prune job: a command that does its work or says in one line why not."""

import os
import subprocess
import sys

import pytest

from services.prune import main
from services.settings import Settings, to_environment


def test_the_command_prunes(settings: Settings) -> None:
    """On a database that is there."""
    environment = {**os.environ, **to_environment(settings)}
    subprocess.run([sys.executable, "-m", "services.prune"], env=environment, check=True)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("LEEWAY_S", "x", 2), ("DATABASE_URL", "postgresql://authbench@127.0.0.1:1/authbench", 3)],
)
def test_a_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, code: int
) -> None:
    """With the variable to look at."""
    monkeypatch.setenv(f"AUTHBENCH_{name}", value)
    assert main() == code
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"AUTHBENCH_{name}" in error
