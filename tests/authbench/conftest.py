"""The front door as a user meets it: called with words, answering with an exit code and two streams."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from authbench.cli import main
from bench.measure.rundir import RunDirectory
from loadtests.record import SUFFIX, Record, read, write

OPTIONS = ("none", "jwt-hs256", "--replicas", "1", "--blocks", "2", "--seconds", "1", "--seed", "7")
MISLAID = re.compile(r"Traceback|\n.")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command came to."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """What it said to standard error, which must be one line."""
        assert self.err.endswith("\n")
        assert not MISLAID.search(self.err), self.err
        return self.err.strip()


Ask = Callable[..., Answer]


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine decides."""
    for name in [name for name in os.environ if name.startswith("AUTHBENCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def ask(capsys: pytest.CaptureFixture[str]) -> Ask:
    """Call `authbench` with these words."""

    def call(*argv: object) -> Answer:
        capsys.readouterr()
        try:
            code = int(main([str(word) for word in argv]))
        except SystemExit as end:
            code = int(end.code or 0)
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture
def place() -> Iterator[Path]:
    """A short directory (a socket's path has at most 107 bytes) that PostgreSQL's own user may pass through."""
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


@dataclass(frozen=True, slots=True)
class Measured:
    """One tiny run, made once for all tests: `kept` is not to be changed."""

    kept: Path
    answer: Answer

    @property
    def directory(self) -> RunDirectory:
        """What it wrote."""
        return RunDirectory(self.kept)


@pytest.fixture(scope="session")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """`authbench run` on real servers; on a machine that others use its cells may well be INVALID."""
    folder = tmp_path_factory.mktemp("run")
    argv = [sys.executable, "-m", "authbench", "run", *OPTIONS, "-o", "first"]
    ended = subprocess.run(
        argv, cwd=folder, capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "80"}
    )
    return Measured(folder / "first", Answer(ended.returncode, ended.stdout, ended.stderr))


@pytest.fixture
def copied(measured: Measured, tmp_path: Path) -> RunDirectory:
    """The run again, to be broken."""
    return RunDirectory(shutil.copytree(measured.kept, tmp_path / "copied"))


def rewrite(directory: RunDirectory, change: Callable[[Record], Record]) -> RunDirectory:
    """Put something else in the place of every record."""
    for path in (directory.path / "records").glob(f"b*/*{SUFFIX}"):
        write(path, change(read(path)))
    return directory


def _believed(record: Record) -> Record:
    assert record.footer is not None
    return replace(record, footer=replace(record.footer, verdict="VALID", reasons=()))


@pytest.fixture
def believed(copied: RunDirectory) -> RunDirectory:
    """The run as it would be on a machine of our own: every cell VALID."""
    return rewrite(copied, _believed)
