"""The walk-through for a scheme of one's own: what it shows is what the example holds, what it tells to do works."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from textwrap import indent

import pytest

from authbench.exits import Exit
from bench.measure.rundir import RunDirectory

EXAMPLES = Path(__file__).parents[2] / "examples"
PLUGIN = Path("examples", "opaque_token")
GUIDE = EXAMPLES / "add_a_scheme.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)\n```$", GUIDE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
SHOWN = [text for language, text in BLOCKS if language != "sh"]
INSTALL, LIST, TEST, RUN = [line for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
BUILD = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
SCHEME_LINES_MAX = 80

Ran = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A short directory (a socket's path has at most 107 bytes) with a copy of the examples, the plugin installed.

    Not into the environment, which is shared: what an installer would unpack there is unpacked into `site`.
    """
    with tempfile.TemporaryDirectory(prefix="ab-") as folder:
        place = Path(folder)
        place.chmod(0o711)
        shutil.copytree(EXAMPLES, place / "examples", ignore=shutil.ignore_patterns("__pycache__", ".*"))
        subprocess.run([sys.executable, "-c", BUILD, place], cwd=place / PLUGIN, check=True, capture_output=True)
        (wheel,) = place.glob("*.whl")
        zipfile.ZipFile(wheel).extractall(place / "site")
        yield place


@pytest.fixture(scope="module")
def ran(place: Path) -> Callable[[str], Ran]:
    """What came of a command of the guide; run once, at full speed, as the user would in the tests' environment."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("AUTHBENCH_", "PYTEST_", "COVERAGE_"))
    }
    env = {**kept, "PATH": path, "PYTHONPATH": "site", "COLUMNS": "80"}

    @cache
    def run(command: str) -> Ran:
        argv = shlex.split(command)
        program = shutil.which(argv[0], path=path) or argv[0]
        return subprocess.run(
            [program, *argv[1:]], cwd=place, env=env, capture_output=True, text=True, check=False, timeout=170
        )

    return run


@pytest.mark.parametrize("block", SHOWN, ids=lambda block: block.strip().splitlines()[0])
def test_what_is_shown_is_what_the_example_holds(block: str) -> None:
    """Every block of code stands in a file of the example, word for word; a method may be shown without its class."""
    files = [path.read_text(encoding="utf-8") for path in (EXAMPLES.parent / PLUGIN).rglob("*") if _is_text(path)]
    spellings = [indent(block, " " * depth) for depth in (0, 4, 8)]
    assert any(f"{spelling}\n" in text for spelling in spellings for text in files)


def _is_text(path: Path) -> bool:
    return path.suffix in {".py", ".toml"}


def test_every_link_leads_somewhere() -> None:
    """Files that the guide names are there."""
    links = re.findall(r"\]\(([^)]+)\)", GUIDE.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if not (EXAMPLES / link).exists()] == []


def test_what_is_installed_is_the_plugin_and_nothing_else(place: Path) -> None:
    """The folder that the guide has installed makes one package and one entry point; authbench is not repacked."""
    assert shlex.split(INSTALL)[-1] == f"./{PLUGIN}"
    packed = {path.name for path in (place / "site").iterdir()}
    assert packed == {"opaque_token", "authbench_opaque_token-1.0.dist-info"}


def test_it_is_listed_after_ours(ran: Callable[[str], Ran]) -> None:
    """`authbench list` shows it without a change to authbench."""
    listed = ran(LIST)
    assert (listed.returncode, listed.stderr) == (Exit.OK, "")
    assert listed.stdout.index("refresh-token") < listed.stdout.index("opaque-token")


@pytest.mark.stack
def test_its_own_tests_pass_by_themselves(ran: Callable[[str], Ran]) -> None:
    """They need nothing of this suite."""
    tested = ran(TEST)
    assert tested.returncode == 0, tested.stdout
    assert re.search(r"\d+ passed", tested.stdout)


@pytest.mark.stack
def test_it_is_proven_measured_and_told(ran: Callable[[str], Ran], place: Path) -> None:
    """Every check of its proof holds, every cell has a record, table and page tell it; the machine may be too busy."""
    measured = ran(RUN)
    assert measured.returncode in {Exit.OK, Exit.NOTHING_VALID}, measured.stderr
    assert re.search(r"^opaque-token +1 ", measured.stdout, re.MULTILINE)
    directory = RunDirectory(place / "runs" / "opaque-token")
    (proof,) = [one for one in directory.document()["proofs"] if one["arm"].startswith("opaque-token")]
    assert [check for check in proof["checks"] if not check["holds"]] == []
    assert "a revoked credential is answered 401" in {check["claim"] for check in proof["checks"]}
    told = [record for record in directory.records() if record.header.cell.scheme == "opaque-token"]
    assert all(record.samples and record.footer for record in told)
    assert "helpers/opaque-token-server" in {one.process for record in told for one in record.resources}
    assert "opaque-token" in directory.report.read_text(encoding="utf-8")


def test_it_can_be_read_beside_ours() -> None:
    """A scheme is as short from outside as it is inside."""
    scheme = EXAMPLES.parent / PLUGIN / "opaque_token" / "scheme.py"
    assert len(scheme.read_text(encoding="utf-8").splitlines()) <= SCHEME_LINES_MAX
