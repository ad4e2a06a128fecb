"""docs/gates_config.md says of every key of a gate what the rules say of it."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import pytest

from bench.gates import config_rules as rules
from bench.gates.config import load
from bench.gates.config_values import Name, Values
from bench.gates.model import MARGINS, CellName, Config, CountGate, InstructionsGate
from bench.measure.profiles import CONTROL

TEXT = (Path(__file__).parents[3] / "docs" / "gates_config.md").read_text(encoding="utf-8")
OPEN = {"scheme", "experiment"}
"""Nouns whose names are elsewhere: plugins add to them, or they are too many."""


@dataclass(frozen=True, slots=True)
class Row:
    """What the page says of a key."""

    values: str
    without: str


def told() -> dict[str, dict[str, Row]]:
    """The rows of each table, by the head of its first column and by key."""
    tables = [
        re.findall(r"^\| (.+) \|$", block, re.MULTILINE) for block in re.findall(r"(?:^\|.*\n)+", TEXT, re.MULTILINE)
    ]
    rows = [[row.split(" | ") for row in table] for table in tables]
    return {head[0]: {key.strip("`"): Row(*rest) for key, *rest in body} for head, *body in rows}


def held(shapes: Mapping[str, rules.Shape]) -> dict[str, Values]:
    """The keys that gates of a kind have of their own, as the first shape has them."""
    keys: dict[str, Values] = {}
    for shape in shapes.values():
        keys = {**shape.needs, **shape.takes, **keys}
    return {key: values for key, values in keys.items() if key not in rules.CELL}


TABLES: Mapping[str, Mapping[str, Values]] = {
    "key of `[gates]`": rules.WHOLE,
    "key of a cell": rules.CELL,
    "key of a count": held(rules.COUNTS),
    "key of a relative gate": held(rules.RELATIVES),
    "key of a ratio": held(rules.KINDS["ratio"]),
    "key of an slo": held(rules.KINDS["slo"]),
    "key of instructions": held(rules.KINDS["instructions"]),
}
"""By the head of the table that documents them."""
ROWS = [(head, key) for head, keys in TABLES.items() for key in keys]


def test_every_key_is_documented_and_every_documented_key_known() -> None:
    """One table a kind, one row a key, and `kind` itself in the headings."""
    assert {head: set(rows) for head, rows in told().items()} == {head: set(keys) for head, keys in TABLES.items()}
    assert all(f'"{kind}"' in TEXT for kind in rules.KINDS)
    assert {"kind", *(key for _, key in ROWS)} == {*rules.all_keys(), *rules.WHOLE}


@pytest.mark.parametrize(("head", "key"), ROWS)
def test_a_row_tells_the_values(head: str, key: str) -> None:
    """The range of a number in its words, and each name where the names are few."""
    values, row = TABLES[head][key], told()[head][key]
    if not isinstance(values, Name):
        assert row.values.startswith(str(values))
    elif values.noun in OPEN:
        assert values.noun in row.values or "consequences --list" in row.values
    else:
        assert re.findall(r"`([\w-]+)`", re.split("[;:]", row.values)[0]) == [*values.known()]


@pytest.mark.parametrize(
    ("head", "shapes"),
    [
        ("key of a count", rules.COUNTS),
        ("key of a relative gate", rules.RELATIVES),
        *(
            (f"key of {shape.title}", {kind: shape})
            for kind in ("ratio", "slo", "instructions")
            for shape in rules.KINDS[kind].values()
        ),
    ],
)
def test_a_row_tells_what_is_needed(head: str, shapes: Mapping[str, rules.Shape]) -> None:
    """`yes`, or the other key that would do, exactly where a gate that may have the key must have it."""
    for key, row in told()[head].items():
        having = [shape for shape in shapes.values() if key in shape.keys]
        assert row.without.startswith(("yes", "this or")) == all(key in shape.needs for shape in having)


def defaults(kind: type, *names: str) -> Iterable[str]:
    """What the model has for fields that are not given, as the page writes it."""
    known = {field.name: field.default for field in fields(kind)}
    return [f"{known[name]:g}" if isinstance(known[name], float) else f"{known[name]}" for name in names]


def test_a_row_tells_the_default() -> None:
    """What stands where nothing was given is the model's own."""
    page = told()
    written = [
        page[head][key].without.strip("`")
        for head, key in (
            ("key of `[gates]`", "budget_s"),
            ("key of a cell", "replicas"),
            ("key of a cell", "balancing"),
            ("key of a count", "step"),
            ("key of instructions", "step"),
            ("key of instructions", "margin"),
        )
    ]
    assert written == [
        *defaults(Config, "budget_s"),
        *defaults(CellName, "replicas", "balancing"),
        *defaults(CountGate, "step"),
        *defaults(InstructionsGate, "step", "margin_ratio"),
    ]
    margins = page["key of a relative gate"]["margin"].without
    assert margins == ", ".join(f"`{name.replace('micro', 'step')}` {margin:g}" for name, margin in MARGINS.items())
    assert page["key of a ratio"]["to"].without.startswith(f"`{CONTROL}`")


def test_the_example_is_one(tmp_path: Path) -> None:
    """What the page shows first can be copied."""
    (example,) = re.findall(r"```toml\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "gates.toml").write_text(example, encoding="utf-8")
    assert len(load(tmp_path).gates) == len(tomllib.loads(example)["gates"]) - 1


def test_the_page_is_short() -> None:
    """A reference that is read at a glance."""
    assert len(TEXT.splitlines()) <= 80
