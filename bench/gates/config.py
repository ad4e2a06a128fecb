"""The gates a project has written down, read and validated: whatever is wrong is one line."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench.gates.config_rules import WHOLE, MistakeError, gate
from bench.gates.config_values import shown, unknown
from bench.gates.errors import ConfigError
from bench.gates.model import Config, Gate

PLACES: Mapping[str, tuple[str, ...]] = {"gates.toml": (), "pyproject.toml": ("tool", "authbench")}
"""The files that may hold gates, and below which tables."""

TABLE = "gates"
NAME = re.compile(r"[\w.-]+")
EXAMPLE = 'gates.one-hop = { kind = "count", figure = "store-operations", scheme = "redis-session", most = 1 }'
"""The least that `gates.toml` can hold."""


def load(start: Path) -> Config:
    """The gates in `gates.toml` of the folder `start`, or in its `pyproject.toml`. ConfigError."""
    found = {start / name: table for name in PLACES if (table := _table_in(start / name)) is not None}
    if len(found) > 1:
        message = f"{' and '.join(PLACES)} both hold gates, expected one of them to; move them into one"
        raise ConfigError(message)
    for source, table in found.items():
        if (config := _config(source, table)).gates:
            return config
    message = f"no gates in {start}, expected some in {' or '.join(PLACES)}; write into gates.toml, say: {EXAMPLE}"
    raise ConfigError(message)


def _table_in(source: Path) -> Mapping[str, Any] | None:
    """The table of all gates in a file, None where there is none."""
    holder: Any = _document(source)
    for name in PLACES[source.name]:
        holder = holder.get(name, {})
        if not isinstance(holder, dict):
            raise _error(source, f"{name} = {shown(holder)}, expected a table")
    for key in holder:
        if key != TABLE:
            raise _error(source, unknown("table", key, (TABLE,)))
    table = holder.get(TABLE)
    if table is None or isinstance(table, dict):
        return table
    raise _error(source, f"{TABLE} = {shown(table)}, expected a table")


def _document(source: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(source.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _error(source, f"cannot be read: {error.strerror}; expected a file") from error
    except (ValueError, RecursionError) as error:
        raise _error(source, f"found no TOML: {error}; correct it") from error


def _config(source: Path, table: Mapping[str, Any]) -> Config:
    whole = {key: value for key, value in table.items() if key in WHOLE}
    for key, value in whole.items():
        if mistake := WHOLE[key].mistake(key, value):
            raise _error(source, mistake)
    gates = tuple(_gate(source, name, given) for name, given in table.items() if name not in WHOLE)
    return Config(gates, source, **whole)


def _gate(source: Path, name: str, given: object) -> Gate:
    if not isinstance(given, dict):
        message = f"expected a table, [{TABLE}.NAME], or a key of all gates: {unknown('key', name, WHOLE)}"
        raise _error(source, message)
    if not NAME.fullmatch(name):
        raise _error(source, f"gate {shown(name)}: expected a name of letters, digits, '-', '_' and '.'")
    try:
        return gate(name, given)
    except MistakeError as mistake:
        raise _error(source, f"gate {name!r}: {mistake}") from None


def _error(source: Path, message: str) -> ConfigError:
    return ConfigError(f"{source.name}: {message}")
