"""What `authbench gate` may be asked: what to hold to what, for how long, and whether it can be trusted here."""

import argparse
from pathlib import Path

from authbench.options import positive, whole_number

SLOWDOWN_MAX = 10.0
TRIALS = 20


def add_gate(parser: argparse.ArgumentParser) -> None:
    """Every option of the command."""
    parser.add_argument("--base", metavar="REF", help="the commit to compare with, for gates of kind relative")
    parser.add_argument(
        "--config", type=Path, default=Path(), metavar="DIR", help="where gates.toml or pyproject.toml is (default: .)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="DIR", help="run directory (default: runs/<time>-<id>)")
    parser.add_argument("--machine", metavar="NAME", help="the class of this machine; slo gates block on theirs alone")
    parser.add_argument(
        "--budget", type=positive, metavar="SECONDS", help="how long open comparisons go on (default: budget_s, 300)"
    )
    group = parser.add_argument_group(
        "whether gates can be trusted here",
        "Tries one on this checkout against itself, as it is and made slower.",
    )
    group.add_argument(
        "--selftest",
        type=whole_number,
        nargs="?",
        const=TRIALS,
        metavar="TRIALS",
        help=f"how often (if not said: {TRIALS})",
    )
    group.add_argument(
        "--slowdown", type=ratios, default=(0.10,), metavar="RATIO,..", help="real work added to calls (default: 0.1)"
    )
    group.add_argument("--gate", metavar="NAME", help="which gate (default: the first that compares a call)")


def ratios(text: str) -> tuple[float, ...]:
    """Shares of a call's cost, separated by commas."""
    try:
        found = tuple(float(part) for part in text.split(","))
    except ValueError:
        found = ()
    if not found or not all(0 < ratio <= SLOWDOWN_MAX for ratio in found):
        message = f"found {text!r}, expected ratios above 0, at most {SLOWDOWN_MAX:g}, as in 0.05,0.1"
        raise argparse.ArgumentTypeError(message)
    return found
