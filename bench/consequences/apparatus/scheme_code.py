"""How much code a scheme is: the modules of the services that run for it, and their lines of code.

Schemes are handed their stores, so imports alone would not tell: one is built, and what it is made of is looked at.
"""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from services.contract import SchemeSpec
from services.parts import open_parts
from services.settings import Settings

SERVICES = "services"
REGISTRIES = frozenset({"services.catalogue", "services.parts"})
"""They name every scheme and every store, whoever needs them."""
EVERYBODY = frozenset({"services.app", "services.users", "services.database", "services.keys", "services.clock"})
"""What serves any scheme: every process finds users, opens the key ring and has a clock."""
FRONTS: Mapping[Literal["api", "bff"], frozenset[str]] = {
    "api": EVERYBODY,
    "bff": EVERYBODY | {"services.bff"},
}
SILENT = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.DEDENT, tokenize.ENDMARKER})
"""Tokens that are no code, or stand behind some."""


def modules(spec: SchemeSpec, settings: Settings) -> frozenset[str]:
    """Those that a process imports to serve `spec`, as far as they are the services' or the scheme's own package."""
    own = spec.build.__module__
    rooms = {SERVICES, own.partition(".")[0]}
    with closing(open_parts(settings)) as parts:
        running = {type(one).__module__ for one in _within(spec.build(parts), {})}
    roots = {name for name in running if name.partition(".")[0] in rooms}
    return frozenset(_closure(roots | FRONTS[spec.front] | {own}, rooms))


@cache
def lines(module: str) -> int:
    """Lines of code of `module`: neither blank, comment nor docstring."""
    text = _source(module)
    silent = {line for node in ast.walk(ast.parse(text)) for line in _told(node)}
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    code = {line for token in tokens if token.type not in SILENT for line in range(token.start[0], token.end[0] + 1)}
    return len(code - silent)


def _told(node: ast.AST) -> range:
    """The lines of a text that stands for itself: a docstring, of whatever."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return range(node.lineno, (node.end_lineno or node.lineno) + 1)
        case _:
            return range(0)


def _within(one: object, seen: dict[int, object]) -> Iterator[object]:
    """`one` and every object that it is made of, however deep."""
    if id(one) in seen:
        return
    seen[id(one)] = one
    yield one
    for part in getattr(one, "__dict__", {}).values():
        yield from _within(part, seen)


def _closure(names: set[str], rooms: set[str]) -> set[str]:
    """`names` and all they import, transitively, within `rooms`."""
    found: set[str] = set()
    waiting = set(names)
    while waiting:
        name = waiting.pop()
        found.add(name)
        waiting |= {one for one in _imported(name) if one.partition(".")[0] in rooms}
        waiting -= found | REGISTRIES
    return found


@cache
def _imported(module: str) -> frozenset[str]:
    return frozenset(_imports(ast.parse(_source(module)).body))


def _imports(body: list[ast.stmt]) -> Iterator[str]:
    """What a module imports when it is imported; what a function imports is for those alone who run it."""
    for statement in body:
        match statement:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=str(module), names=names):
                inside = [f"{module}.{name.name}" for name in names]
                yield from (one if _is_module(one) else module for one in inside)
            case ast.If(test=ast.Name(id="TYPE_CHECKING"), orelse=orelse):
                yield from _imports(orelse)


def _is_module(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


def _source(module: str) -> str:
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        message = (
            f"found no source of module {module!r}, expected a file; install the package it belongs to from source"
        )
        raise FileNotFoundError(message)
    return Path(spec.origin).read_text(encoding="utf-8")
