"""`authbench selfcheck`: runs the project's checks on itself and prints each figure beside its bar."""

import argparse
import sys
from collections.abc import Iterable
from difflib import get_close_matches

from authbench.exits import Exit
from authbench.failures import UsageError
from bench.selfcheck.catalogue import SELFCHECKS
from bench.selfcheck.check import Selfcheck


def command(chosen: argparse.Namespace) -> int:
    """Run the checks named, or all; 1 when a bar is missed."""
    checks = [_find(name) for name in chosen.names] or list(SELFCHECKS.values())
    if chosen.list:
        for check in checks:
            _say(f"{check.name:<11} {check.claim} ({check.takes})")
        return Exit.OK
    held = [_run(check) for check in checks]
    return Exit.OK if all(held) else Exit.GATE_FAILED


def _run(check: Selfcheck) -> bool:
    """Run one check to its end; whether every bar holds."""
    _say(f"{check.name}: {check.claim} ({check.takes})")
    held = True
    for finding in check.run():
        _say(f"  {'ok    ' if finding.holds else 'MISSED'} {finding.figure}\n         bar: {finding.bar}")
        held = held and finding.holds
    return held


def _find(name: str) -> Selfcheck:
    if name not in SELFCHECKS:
        message = f"selfcheck {name!r} unknown; one of: {', '.join(SELFCHECKS)}{_nearest(name, SELFCHECKS)}"
        raise UsageError(message)
    return SELFCHECKS[name]


def _nearest(name: str, known: Iterable[str]) -> str:
    nearest = get_close_matches(name, list(known), n=1)
    return f"; did you mean {nearest[0]}?" if nearest else ""


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)  # noqa: T201 - standard output is the result
