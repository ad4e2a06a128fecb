"""`authbench list`: every scheme and what it claims about itself."""

import argparse
import json
import sys
from collections.abc import Mapping

from rich.console import Console
from rich.table import Table

from authbench.exits import Exit
from services.catalogue import schemes
from services.contract import Bound, SchemeSpec

NARROWEST = 80


def command(chosen: argparse.Namespace) -> int:
    """Print the catalogue."""
    if chosen.json:
        print(json.dumps([_claims(spec) for spec in schemes().values()], indent=1))  # noqa: T201 - the result
        return Exit.OK
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.width = max(console.width, NARROWEST)
    console.print(_table())
    return Exit.OK


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("scheme", "carriers", "state", "revoked", "what it is"):
        table.add_column(name, overflow="fold")
    for spec in schemes().values():
        claims = _claims(spec)
        table.add_row(*(str(claims[key]) for key in ("name", "carriers", "stores", "revoked", "summary")))
    return table


def _claims(spec: SchemeSpec) -> Mapping[str, str | bool]:
    traits = spec.traits
    return {
        "name": spec.name,
        "carriers": ", ".join(_default_first(spec)),
        "stores": ", ".join(traits.stores) or "none",
        "revoked": _revoked(traits.revoked_within.get("logout")),
        "needs_affinity": traits.needs_affinity,
        "can_limit_sessions": traits.can_limit_sessions,
        "antipattern": traits.antipattern,
        "summary": spec.summary,
    }


def _default_first(spec: SchemeSpec) -> list[str]:
    default = spec.traits.default_carrier
    return [default, *(carrier for carrier in spec.traits.carriers if carrier != default)]


def _revoked(bound: Bound | None) -> str:
    if bound is None:
        return "never"
    when = "at expiry" if bound.seconds is None else f"in {bound.seconds:g} s" if bound.seconds else "at once"
    return when if bound.scope == "everywhere" else f"{when}, {bound.scope}"
