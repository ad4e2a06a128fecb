"""Options that several commands share, and how their values are read."""

import argparse
import os
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeVar

from loadtests.plan import BALANCINGS, JOURNEYS

Number = TypeVar("Number", int, float)

RATE_MAX_RPS = 100_000.0
REPLICAS_MAX = 64
PORT_MAX = 65_535
MASTER_PORT = 5557
"""Locust's own."""
SLO_MAX_MS = 5_000.0
"""Half of what a visitor waits for a piece of an answer."""
MS_PER = {"us": 0.001, "ms": 1.0, "s": 1000.0}
DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>us|ms|s)", re.ASCII)
WORKERS_MAX = 24
"""Every arm has at least so many visitors: one for each."""


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
    group.add_argument(
        "--ledger",
        action=argparse.BooleanOptionalAction,
        help="take the CPU time of a request apart, by twins of the arms (default: from standard on)",
    )


def add_max_rate(parser: argparse.ArgumentParser) -> None:
    """The other question of a run."""
    group = parser.add_argument_group("the highest rate under an SLO, instead of what a request costs")
    group.add_argument("--max-rate", action="store_true", help="search and verify it, one scheme after the other")
    group.add_argument(
        "--slo-p99", type=duration_ms, metavar="TIME", help="what p99 of the response time may be (default: 20ms)"
    )
    group.add_argument(
        "--journey", type=journeys, metavar="NAME,..", help=f"what visitors do: {', '.join(JOURNEYS)} (default: steady)"
    )


def add_experiments(parser: argparse.ArgumentParser) -> None:
    """What to break."""
    group = parser.add_argument_group("what to break")
    group.add_argument("name", nargs="?", metavar="NAME", help="one experiment, or NAME,NAME (default: all of them)")
    group.add_argument("schemes", nargs="*", metavar="SCHEME", help="of whom (default: all it concerns)")
    group.add_argument("--list", action="store_true", help="the experiments, a line each")
    group.add_argument("--profile", choices=("quick", "standard"), default="quick", help="how large (default: quick)")
    group.add_argument("--seed", type=int, metavar="N", help="repeats a run's schedule (default: drawn)")


def add_micro(parser: argparse.ArgumentParser) -> None:
    """How to measure single calls, and where to."""
    parser.add_argument(
        "--profile", choices=("quick", "standard"), default="quick", help="how thoroughly (default: quick)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="run directory (default: runs/<time>-<id>)")
    parser.add_argument("--into", type=Path, metavar="RUN", help="join the run of this directory, and its report")


def add_target(parser: argparse.ArgumentParser) -> None:
    """A stack that somebody else runs, instead of one of our own; the environment may name it as well."""
    group = parser.add_argument_group(
        "a stack somebody else runs", "Each may stand in the environment, as AUTHBENCH_TARGET for --target."
    )
    group.add_argument("--target", default=_setting("TARGET"), metavar="URL", help="http(s)://HOST[:PORT] to measure")
    group.add_argument(
        "--user-password-file",
        type=Path,
        default=_setting("USER_PASSWORD_FILE"),
        metavar="FILE",
        help="holds the password of its seeded users",
    )
    group.add_argument(
        "--seeded-users",
        type=whole_number,
        default=_setting("SEEDED_USERS") or 1000,
        metavar="N",
        help="how many users it was seeded with (default: 1000)",
    )
    group.add_argument(
        "--target-metrics", default=_setting("TARGET_METRICS"), metavar="URL,..", help="/metrics of its services"
    )
    group.add_argument("--target-redis", default=_setting("TARGET_REDIS"), metavar="URL", help="its Redis, to be asked")
    group.add_argument(
        "--target-database", default=_setting("TARGET_DATABASE"), metavar="URL", help="its PostgreSQL, to be asked"
    )


def _setting(name: str) -> str | None:
    """What the environment says; empty is as if unset."""
    return os.environ.get(f"AUTHBENCH_{name}") or None


def add_workers(parser: argparse.ArgumentParser) -> None:
    """Over whom the load is spread."""
    group = parser.add_argument_group("who generates the load (default: one process)")
    group.add_argument("--workers", type=workers, metavar="N", help="so many processes on this machine")
    group.add_argument("--expect-workers", type=workers, metavar="N", help="so many that are started by `worker`")
    group.add_argument(
        "--bind", type=address, metavar="HOST[:PORT]", help="where to wait for them (default: 127.0.0.1:5557)"
    )


def add_output(parser: argparse.ArgumentParser) -> None:
    """Where results go."""
    group = parser.add_argument_group("results")
    group.add_argument("-o", "--output", type=Path, metavar="DIR", help="run directory (default: runs/<time>-<id>)")
    group.add_argument("--json", action="store_true", help="print the summary as JSON instead of the table")
    group.add_argument("--strict", action="store_true", help="exit 4 when any cell is invalid")


def positive(text: str) -> float:
    """A rate."""
    return _checked(text, float, lambda value: 0 < value <= RATE_MAX_RPS, "a number of requests per second above 0")


def duration_ms(text: str) -> float:
    """A time with its unit, in milliseconds."""
    parts = DURATION.fullmatch(text)
    value_ms = float(parts["number"]) * MS_PER[parts["unit"]] if parts else 0.0
    if not 0 < value_ms <= SLO_MAX_MS:
        message = f"found {text!r}, expected a time up to {SLO_MAX_MS / 1000:g}s with its unit, as in 20ms or 1.5s"
        raise argparse.ArgumentTypeError(message)
    return value_ms


def whole_number(text: str) -> int:
    """A count of at least one."""
    return _checked(text, int, lambda value: value >= 1, "a whole number of at least 1")


def port(text: str) -> int:
    """A TCP port to listen on."""
    return _checked(text, int, lambda value: 1 <= value <= PORT_MAX, f"a port from 1 to {PORT_MAX}")


def workers(text: str) -> int:
    """A count of load workers."""
    return _checked(text, int, lambda value: 1 <= value <= WORKERS_MAX, f"a whole number from 1 to {WORKERS_MAX}")


def address(text: str) -> tuple[str, int]:
    """A host and a port, Locust's own where none is given."""
    host, _, given = text.partition(":")
    if not host:
        message = f"found {text!r}, expected HOST or HOST:PORT"
        raise argparse.ArgumentTypeError(message)
    return host, port(given) if given or text.endswith(":") else MASTER_PORT


def whole_numbers(text: str) -> tuple[int, ...]:
    """Replica counts, each once."""
    expected = f"whole numbers from 1 to {REPLICAS_MAX}, separated by commas"
    numbers = [_checked(part, int, lambda value: 1 <= value <= REPLICAS_MAX, expected) for part in text.split(",")]
    return tuple(dict.fromkeys(numbers))


def balancings(text: str) -> tuple[str, ...]:
    """Balancing policies, each once."""
    return _names(text, BALANCINGS)


def journeys(text: str) -> tuple[str, ...]:
    """Journeys, each once."""
    return _names(text, JOURNEYS)


def _names(text: str, known: Collection[str]) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(text.split(",")))
    for name in names:
        if name not in known:
            message = f"found {name!r}, expected one of: {', '.join(known)}"
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
