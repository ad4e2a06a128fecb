"""The rules of the house, held against every file: who imports whom, how long, how told, and what never appears."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeGuard

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("services", "loadtests", "bench", "reports", "authbench")
"""From the measured to the front door: each imports only those before it."""

FILE_LINES_MAX, FUNCTION_LINES_MAX, FUNCTION_LINES_MEDIAN, SCHEME_LINES_MAX = 300, 40, 8, 80
SCHEME_METHODS = ["__init__", "issue", "verify", "renew", "revoke", "revoke_user", "sessions"]
# the last is what Locust itself opens, where ours is held against it
LOCUST_ROOMS = ("loadtests/locust_/", "loadtests/locustfile.py", "bench/generator/locustfile.py")
HEAVY = {"locust", "gevent", "matplotlib", "numpy", "scipy"}
# locust's home is where its operator mounts what a LocustTest names, in every cluster
OF_A_MACHINE = re.compile(r"(?<![\w.])/(?:work|home(?!/locust/)|root|Users)/\w")
REGISTRY = re.compile(r"(?:pypi|pythonhosted|npmjs)\.(?:org|com)|(?:docker|ghcr|quay|gcr)\.io")

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules(*folders: str) -> list[Path]:
    """Every Python file below the folders, as paths from the root."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found)


def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def lines_of(path: Path) -> int:
    """How long a file is."""
    return len((ROOT / path).read_text(encoding="utf-8").splitlines())


def functions(tree: ast.AST) -> Iterator[Function]:
    """Every function and method, however deep."""
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def length_of(function: Function) -> int:
    """From its first line to its last, decorators apart."""
    return (function.end_lineno or 0) - function.lineno + 1


def imported(tree: ast.AST) -> set[str]:
    """Top-level packages that a file imports anywhere, also inside functions and for type checking."""
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module), level=0):
                found.add(module.partition(".")[0])
    return found


def configuration() -> dict[str, Any]:
    """pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("room", ROOMS)
def test_imports_only_point_up(room: str) -> None:
    """No file imports a room that stands below its own, wherever in the file it does so."""
    below = set(ROOMS[ROOMS.index(room) + 1 :])
    offenders = {str(path): sorted(imported(parsed(path)) & below) for path in modules(room)}
    assert {path: rooms for path, rooms in offenders.items() if rooms} == {}


def test_no_file_imports_relatively() -> None:
    """A relative import would hide from the rule above; there is none."""
    relative = [
        str(path)
        for path in modules(*ROOMS)
        if any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(parsed(path)))
    ]
    assert relative == []


def test_only_the_locust_room_imports_locust() -> None:
    """Locust patches the standard library when it is imported: nobody else may."""
    offenders = [str(path) for path in modules(*ROOMS) if imported(parsed(path)) & {"locust", "gevent"}]
    assert [path for path in offenders if not path.startswith(LOCUST_ROOMS)] == []


def test_no_import_loads_a_library_under_our_name() -> None:
    """No module outside a package is called like a library we use, so that none is shadowed."""
    libraries = {"redis", "jwt", "locust", "falcon", "gunicorn", "psycopg", "argon2", "jinja2", "numpy", "rich"}
    assert [str(path) for path in modules(*ROOMS) if path.stem in libraries] == []


def test_every_module_promises_something_in_one_sentence() -> None:
    """A module's docstring begins with one sentence on one line; more stands in paragraphs of its own."""
    offenders = []
    for path in modules(*ROOMS, "tests"):
        first, *_ = (ast.get_docstring(parsed(path)) or "").split("\n\n")
        if not re.fullmatch(r"(?:(?![.!?] [A-Z]).)+\.", first):
            offenders.append(f"{path}: {first!r}")
    assert offenders == []


def test_no_file_and_no_function_is_long() -> None:
    """Files have at most 300 lines and functions at most 40, their median at most 8."""
    trees = {path: parsed(path) for path in modules(*ROOMS)}
    assert [str(path) for path in trees if lines_of(path) > FILE_LINES_MAX] == []
    lengths = {f"{path}:{one.name}": length_of(one) for path, tree in trees.items() for one in functions(tree)}
    assert [name for name, length in lengths.items() if length > FUNCTION_LINES_MAX] == []
    assert sorted(lengths.values())[len(lengths) // 2] <= FUNCTION_LINES_MEDIAN


@pytest.mark.parametrize("path", [path for path in modules("services/schemes") if path.stem != "__init__"], ids=str)
def test_schemes_can_be_read_side_by_side(path: Path) -> None:
    """A scheme is one short file: traits, one class with the methods in the order of the contract, the spec."""
    assert lines_of(path) <= SCHEME_LINES_MAX
    tree = parsed(path)
    (scheme,) = (node for node in tree.body if isinstance(node, ast.ClassDef))
    public = [one.name for one in scheme.body if isinstance(one, Function)]
    assert public[: len(SCHEME_METHODS)] == SCHEME_METHODS
    assert all(name.startswith("_") for name in public[len(SCHEME_METHODS) :])
    named = [name.id for node in tree.body if isinstance(node, ast.Assign) for name in node.targets if _is_name(name)]
    assert named[-2:] == ["TRAITS", "SPEC"]
    assert tree.body.index(scheme) == len(tree.body) - 2


def _is_name(target: ast.expr) -> TypeGuard[ast.Name]:
    return isinstance(target, ast.Name)


def test_every_test_states_the_property_it_holds() -> None:
    """Every test function has a docstring of at least one sentence."""
    silent = [
        f"{path}:{one.name}"
        for path in modules("tests")
        for one in functions(parsed(path))
        if one.name.startswith("test") and not (ast.get_docstring(one) or "").split("\n")[0].endswith(".")
    ]
    assert silent == []


@pytest.mark.parametrize(
    "argv", [["--help"], ["run", "--help"], ["consequences", "--help"], ["up", "--help"]], ids=" ".join
)
def test_help_is_quick(argv: list[str]) -> None:
    """Asking for help imports neither Locust nor gevent nor anything that computes or draws."""
    asked = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "authbench", *argv],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={"COLUMNS": "80"},
    )
    told = re.findall(r"^import time: +\d+ \| +\d+ \| +([\w.]+)$", asked.stderr, re.MULTILINE)
    assert "authbench.cli" in told
    assert {name.partition(".")[0] for name in told} & HEAVY == set()


def test_the_lock_pins_everything_by_hash_and_by_nothing_else() -> None:
    """Every package of requirements.lock has one exact version and a sha256; no line names a place to fetch it from."""
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    packages = re.split(r"^(?=[\w.-]+(?:\[[\w,]+\])?==)", text, flags=re.MULTILINE)
    assert packages[0].strip() == ""
    assert len(packages) > 20
    unpinned = [one.split("\n")[0] for one in packages[1:] if not re.search(r"--hash=sha256:[0-9a-f]{64}\b", one)]
    assert unpinned == []
    assert not re.search(r"://| @ |^-", text, re.MULTILINE)


def test_every_dependency_is_locked() -> None:
    """What pyproject.toml asks for, for use and for development, stands in requirements.lock."""
    locked = set(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==", _lock(), re.MULTILINE))
    wanted = [*configuration()["project"]["dependencies"], *configuration()["dependency-groups"]["dev"]]
    assert {re.match(r"[\w.-]+", one)[0].lower() for one in wanted} - locked == set()  # type: ignore[index]


def _lock() -> str:
    return (ROOT / "requirements.lock").read_text(encoding="utf-8").lower()


def ours() -> list[Path]:
    """Every file that is, or is about to be, in the repository. Skips where there is none."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def test_nothing_of_one_machine_or_registry_is_written_down() -> None:
    """No text file names a directory of somebody's machine or the host of a package registry."""
    offenders = []
    for path in ours():
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except UnicodeDecodeError:
            continue
        found = (line for line in lines if OF_A_MACHINE.search(line) or REGISTRY.search(line))
        offenders += [f"{path.relative_to(ROOT)}: {line.strip()[:80]}" for line in found]
    assert offenders == []


def test_the_package_holds_every_room() -> None:
    """The wheel, the types and the coverage are about the rooms, all of them; each is a package."""
    tools = configuration()["tool"]
    packaged = tools["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert tuple(packaged) == tuple(tools["mypy"]["packages"]) == tuple(tools["coverage"]["run"]["source"]) == ROOMS
    assert tools["ruff"]["lint"]["isort"]["known-first-party"] == packaged
    plain = [folder.parent for folder in modules(*ROOMS) if not (ROOT / folder).with_name("__init__.py").exists()]
    assert {str(folder) for folder in plain} <= {"bench/selfcheck/broken"}
