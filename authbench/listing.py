"""`authbench list`: every scheme, what it claims about itself and what it cannot do."""

import argparse
import json
import sys
from collections.abc import Mapping

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from authbench.exits import Exit
from services.catalogue import schemes
from services.contract import SchemeSpec
from services.schemes import none

NARROWEST = 80
WIDEST = 120
COLUMNS: Mapping[str, tuple[str, int]] = {
    "carriers": ("carriers", 8),
    "stores": ("state", 8),
    "revoked": ("revoked", 12),
    "can_list_sessions": ("lists logins", 6),
    "can_limit_sessions": ("limits logins", 6),
}
"""What the table shows of a scheme's claims: under which heading, and in how many characters a line."""


def command(chosen: argparse.Namespace) -> int:
    """Print the catalogue."""
    if chosen.json:
        print(json.dumps([_claims(spec) for spec in schemes().values()], indent=1))  # noqa: T201 - the result
        return Exit.OK
    console = Console(file=sys.stdout, highlight=False, markup=False)
    console.width = min(max(console.width, NARROWEST), WIDEST)
    console.print(_table())
    return Exit.OK


def _table() -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), expand=True)
    table.add_column("scheme", overflow="fold")
    for heading, width in COLUMNS.values():
        table.add_column(heading, width=width, overflow="fold")
    for spec in schemes().values():
        claims = _claims(spec)
        table.add_row(_named(spec), *(_cell(claims[name]) for name in COLUMNS))
    return table


def _named(spec: SchemeSpec) -> Group:
    """The name, below it what the scheme is and what is wrong with it."""
    wrong = f"\nANTI-PATTERN: {spec.traits.antipattern}" if spec.traits.antipattern else ""
    return Group(Text(spec.name), Padding(Text(spec.summary + wrong), (0, 0, 0, 2)))


def _cell(claim: str | bool) -> str:  # noqa: FBT001 - a claim is text or yes or no
    return claim if isinstance(claim, str) else "yes" if claim else "no"


def _claims(spec: SchemeSpec) -> Mapping[str, str | bool]:
    traits = spec.traits
    return {
        "name": spec.name,
        "carriers": ", ".join(_default_first(spec)),
        "stores": ", ".join(traits.stores) or "none",
        "revoked": _revoked(spec),
        "needs_affinity": traits.needs_affinity,
        "can_list_sessions": traits.can_list_sessions,
        "can_limit_sessions": traits.can_limit_sessions,
        "antipattern": traits.antipattern,
        "summary": spec.summary,
    }


def _default_first(spec: SchemeSpec) -> list[str]:
    default = spec.traits.default_carrier
    return [default, *(carrier for carrier in spec.traits.carriers if carrier != default)]


def _revoked(spec: SchemeSpec) -> str:
    bound = spec.traits.revoked_within.get("logout")
    if spec.name == none.SPEC.name:
        return "nothing to end"
    if bound is None:
        return "never"
    if bound.seconds is None:
        return "at expiry, renewal at once" if spec.traits.can_renew else "at expiry"
    when = f"in {bound.seconds:g} s" if bound.seconds else "at once"
    return when if bound.scope == "everywhere" else f"{when}, {bound.scope}"
