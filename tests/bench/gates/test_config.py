"""Gates as a project writes them down: what is right becomes a value, whatever is wrong is one line."""

from pathlib import Path

import pytest

from bench.gates.config import EXAMPLE, load
from bench.gates.errors import ConfigError
from bench.gates.model import (
    MARGINS,
    CellGate,
    CellName,
    Config,
    CountGate,
    InstructionsGate,
    MicroGate,
    RatioGate,
    SloGate,
)

ALL = """
[gates]
budget_s = 120.5
[gates.micro]
kind = "relative"
scheme = "jwt-hs256"
step = "verify"
margin = 0.03
[gates.cell]
kind = "relative"
scheme = "redis-session"
metric = "p99"
replicas = 2
[gates.hop]
kind = "count"
figure = "store-operations"
scheme = "redis-session"
store = "redis"
step = "issue"
most = 1
[gates.kill]
kind = "count"
figure = "logged-out-users"
scheme = "redis-session"
experiment = "kill-a-replica"
most = 0
[gates.price]
kind = "ratio"
scheme = "redis-session"
most = 1.6
balancing = "sticky"
carrier = "cookie"
[gates.p99]
kind = "slo"
scheme = "jwt-rs256"
rate = 300
p99_ms = 50
machine = "ci-4core"
[gates.instr]
kind = "instructions"
scheme = "refresh-token"
step = "renew"
"""
CELL_OF_THE_PRICE = CellName("redis-session", balancing="sticky", carrier="cookie")
GATES = (
    MicroGate("micro", "jwt-hs256", "verify", 0.03),
    CellGate("cell", CellName("redis-session", replicas=2), "p99", MARGINS["p99"]),
    CountGate("hop", "store-operations", CellName("redis-session"), 1, "issue", "redis"),
    CountGate("kill", "logged-out-users", CellName("redis-session"), 0, experiment="kill-a-replica"),
    RatioGate("price", CELL_OF_THE_PRICE, CellName("none", balancing="sticky", carrier="cookie"), 1.6),
    SloGate("p99", CellName("jwt-rs256"), 300, 50, "ci-4core"),
    InstructionsGate("instr", "refresh-token", "renew"),
)

FILES = {
    "nothing": (
        {},
        "no gates in {start}, expected some in gates.toml or pyproject.toml; write into gates.toml, say: g",
    ),
    "an empty table": ({"gates.toml": "[gates]"}, "no gates in {start}, "),
    "no gate": ({"gates.toml": "[gates]\nbudget_s = 3"}, "no gates in {start}, "),
    "another tool's": ({"pyproject.toml": "[tool.ruff]"}, "no gates in {start}, "),
    "both": (
        {"gates.toml": EXAMPLE, "pyproject.toml": "[tool.authbench.gates]"},
        "gates.toml and pyproject.toml both hold gates, expected one of them to; move them into one",
    ),
    "no TOML": ({"gates.toml": "[gates"}, "gates.toml: found no TOML: Expected ']' at the end of a table declaration"),
    "no text": ({"gates.toml": "\udcff"}, "gates.toml: found no TOML: 'utf-8' codec can't decode byte 0xff"),
    "too deep": ({"gates.toml": "a=" + "[" * 9999}, "gates.toml: found no TOML: maximum recursion depth exceeded"),
    "another table": ({"gates.toml": "[gate.x]"}, "gates.toml: unknown table 'gate'; did you mean 'gates'?"),
    "another of ours": (
        {"pyproject.toml": "[tool.authbench.gate.x]"},
        "pyproject.toml: unknown table 'gate'; did you mean 'gates'?",
    ),
    "no table": ({"gates.toml": "gates = 1"}, "gates.toml: gates = 1, expected a table"),
    "no table above": ({"pyproject.toml": "tool = 1"}, "pyproject.toml: tool = 1, expected a table"),
    "no scalar of all": (
        {"gates.toml": "[gates]\nbudget = 1"},
        "gates.toml: expected a table, [gates.NAME], or a key of all gates: unknown key 'budget'; did you mean 'b",
    ),
    "no scalar at all": (
        {"gates.toml": '[gates]\n"a\\nb" = 1'},
        "gates.toml: expected a table, [gates.NAME], or a key of all gates: unknown key 'a\\nb'; one of: budget_s",
    ),
    "no budget": ({"gates.toml": "[gates]\nbudget_s = 0"}, "gates.toml: budget_s = 0, expected a number > 0"),
    "no gate of ours": (
        {"gates.toml": "[gates.it]\nmosst = 1"},
        "gates.toml: gate 'it': unknown key 'mosst'; did you mean 'most'?",
    ),
    "no name": (
        {"gates.toml": '[gates."a\\nb"]'},
        "gates.toml: gate 'a\\nb': expected a name of letters, digits, '-', '_' and '.'",
    ),
}


def write(folder: Path, name: str, text: str) -> None:
    """A file of the project; a lone surrogate is the byte it stands for."""
    (folder / name).write_bytes(text.encode("utf-8", "surrogateescape"))


def test_every_kind_is_read(tmp_path: Path) -> None:
    """Each becomes its value, the rest from the model's own defaults, in the order of the file."""
    write(tmp_path, "gates.toml", ALL)
    assert load(tmp_path) == Config(GATES, tmp_path / "gates.toml", 120.5)


def test_pyproject_holds_the_same(tmp_path: Path) -> None:
    """Below [tool.authbench] stands what gates.toml has at its top, beside other tools' tables."""
    write(tmp_path, "pyproject.toml", "[tool.ruff]\n" + ALL.replace("[gates", "[tool.authbench.gates"))
    assert load(tmp_path) == Config(GATES, tmp_path / "pyproject.toml", 120.5)


def test_gates_toml_stands_beside_a_pyproject_without_gates(tmp_path: Path) -> None:
    """A project that keeps them apart; a budget that is not given is the model's."""
    write(tmp_path, "pyproject.toml", "[project]\nname = 'x'")
    write(tmp_path, "gates.toml", EXAMPLE)
    assert load(tmp_path) == Config(
        (CountGate("one-hop", "store-operations", CellName("redis-session"), 1),), tmp_path / "gates.toml"
    )


@pytest.mark.parametrize("wrong", FILES)
def test_a_wrong_file_is_one_line(wrong: str, tmp_path: Path) -> None:
    """Missing, unreadable, empty or of another form: it says which file, and what to write."""
    files, expected = FILES[wrong]
    for name, text in files.items():
        write(tmp_path, name, text)
    with pytest.raises(ConfigError) as caught:
        load(tmp_path)
    assert str(caught.value).startswith(expected.format(start=tmp_path))
    assert "\n" not in str(caught.value)


def test_what_is_no_file_is_one_line(tmp_path: Path) -> None:
    """A folder by the name of the file is named with the system's reason."""
    (tmp_path / "gates.toml").mkdir()
    with pytest.raises(ConfigError, match=r"gates\.toml: cannot be read: Is a directory; expected a file"):
        load(tmp_path)
