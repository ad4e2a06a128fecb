"""What somebody can need of a login, as options of `authbench advise`: how each is asked for, and how it is read."""

import argparse
import math
import re
from collections.abc import Mapping

from authbench.options import duration_ms, whole_number
from bench.analysis.advice_rules import NeedName, Needs

DURATION = re.compile(r"(?P<number>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h|d)", re.ASCII)
S_PER = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
RATIO = re.compile(r"(?P<number>\d+(?:\.\d+)?)x?", re.ASCII)
FLAGS: Mapping[NeedName, tuple[str, str]] = {
    "force_logout": ("--force-logout", "a login ends at once when that is asked for"),
    "revocation_window_s": ("--revocation-window", "how long a stolen credential may live on after that, e.g. 0s, 5m"),
    "limit_sessions": ("--limit-sessions", "a user may have only so many logins"),
    "list_sessions": ("--list-sessions", "a user's logins can be shown"),
    "mobile": ("--mobile", "clients that are no browser: they carry a bearer"),
    "services": ("--services", "how many services find out by themselves who asks"),
    "servers": ("--servers", "how many servers there are"),
    "survive_replica_loss": ("--survive-replica-loss", "nobody is logged out when a server dies"),
    "redeploy_keeps_logins": ("--redeploy-keeps-logins", "nobody is logged out by a redeploy"),
    "store_outage_s": ("--store-outage", "how long logins must go on without the store, e.g. 30s"),
    "no_redis": ("--no-redis", "Redis is not to be run"),
    "no_postgres": ("--no-postgres", "PostgreSQL is not to be run for logins (its users stay there)"),
    "latency_budget_ms": ("--latency-budget", "p99 of a read at the measured rate, e.g. 5ms"),
    "cpu_budget_ratio": ("--cpu-budget", "CPU of a read over the unprotected endpoint, e.g. 1.5x"),
    "tokens_out_of_browser": ("--tokens-out-of-browser", "no token is kept in the browser"),
}
"""Every need, the option it is stated by, and what it means."""


def add_needs(parser: argparse.ArgumentParser) -> None:
    """One option a need; none of them is required."""
    group = parser.add_argument_group("needs", "What is not stated eliminates nothing.")
    readers = {
        "revocation_window_s": (duration_s, "TIME"),
        "services": (whole_number, "N"),
        "servers": (whole_number, "N"),
        "store_outage_s": (duration_s, "TIME"),
        "latency_budget_ms": (duration_ms, "TIME"),
        "cpu_budget_ratio": (ratio, "RATIO"),
    }
    for name, (flag, means) in FLAGS.items():
        default = getattr(Needs(), name)
        if name in readers:
            reader, metavar = readers[name]
            told = f"{means} (default: {default})" if default else means
            group.add_argument(flag, dest=name, type=reader, default=default, metavar=metavar, help=told)
        else:
            group.add_argument(flag, dest=name, action="store_true", help=means)


def needs_of(chosen: argparse.Namespace) -> Needs:
    """What the command line states."""
    return Needs(**{name: getattr(chosen, name) for name in FLAGS})


def duration_s(text: str) -> float:
    """A time with its unit, zero included."""
    parts = DURATION.fullmatch(text)
    if not parts:
        message = f"found {text!r}, expected a time with its unit (ms, s, m, h, d), as in 0s, 30s or 5m"
        raise argparse.ArgumentTypeError(message)
    return float(parts["number"]) * S_PER[parts["unit"]]


def ratio(text: str) -> float:
    """A multiple of at least one."""
    parts = RATIO.fullmatch(text)
    value = float(parts["number"]) if parts else math.nan
    if not 1 <= value < math.inf:
        message = f"found {text!r}, expected a multiple of the control's CPU of at least 1, as in 1.5x"
        raise argparse.ArgumentTypeError(message)
    return value
