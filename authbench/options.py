"""Options that several commands share, and how their values are read."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from loadtests.plan import BALANCINGS

Number = TypeVar("Number", int, float)

RATE_MAX_RPS = 100_000.0
REPLICAS_MAX = 64
PORT_MAX = 65_535


def add_choices(parser: argparse.ArgumentParser) -> None:
    """What to measure."""
    group = parser.add_argument_group("what to measure")
    group.add_argument("schemes", nargs="*", metavar="SCHEME", help="schemes beside the control (default: by profile)")
    group.add_argument(
        "--profile", choices=("quick", "standard", "rigorous"), default="quick", help="how thoroughly (default: quick)"
    )
    group.add_argument("--replicas", type=whole_numbers, default=(), metavar="N,..", help="replica counts, e.g. 1,2,4")
    group.add_argument(
        "--balancing", type=balancings, default=("roundrobin",), metavar="POLICY,..", help=", ".join(BALANCINGS)
    )
    group.add_argument("--carrier", choices=("cookie", "bearer"), help="how credentials travel (default: the scheme's)")
    group.add_argument("--rate", type=positive, metavar="RPS", help="requests per second and arm")
    group.add_argument("--seconds", type=whole_number, metavar="S", help="length of each slice of load")
    group.add_argument("--blocks", type=whole_number, metavar="N", help="how often all arms are started afresh")
    group.add_argument("--seed", type=int, metavar="N", help="repeats a run's schedule and order (default: drawn)")


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    group = parser.add_argument_group("results")
    group.add_argument("-o", "--output", type=Path, metavar="DIR", help="run directory (default: runs/<time>-<id>)")
    group.add_argument("--json", action="store_true", help="print the summary as JSON instead of the table")
    group.add_argument("--strict", action="store_true", help="exit 4 when any cell is invalid")


def positive(text: str) -> float:
    """A rate."""
    return _checked(text, float, lambda value: 0 < value <= RATE_MAX_RPS, "a number of requests per second above 0")


def whole_number(text: str) -> int:
    """A count of at least one."""
    return _checked(text, int, lambda value: value >= 1, "a whole number of at least 1")


def port(text: str) -> int:
    """A TCP port to listen on."""
    return _checked(text, int, lambda value: 1 <= value <= PORT_MAX, f"a port from 1 to {PORT_MAX}")


def whole_numbers(text: str) -> tuple[int, ...]:
    """Replica counts, each once."""
    expected = f"whole numbers from 1 to {REPLICAS_MAX}, separated by commas"
    numbers = [_checked(part, int, lambda value: 1 <= value <= REPLICAS_MAX, expected) for part in text.split(",")]
    return tuple(dict.fromkeys(numbers))


def balancings(text: str) -> tuple[str, ...]:
    """Balancing policies, each once."""
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in BALANCINGS:
            message = f"found {name!r}, expected one of: {', '.join(BALANCINGS)}"
            raise argparse.ArgumentTypeError(message)
    return names


def _checked(text: str, kind: Callable[[str], Number], holds: Callable[[Number], bool], expected: str) -> Number:
    try:
        value = kind(text)
        if holds(value):
            return value
    except ValueError:
        pass
    message = f"found {text!r}, expected {expected}"
    raise argparse.ArgumentTypeError(message)
