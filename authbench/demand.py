"""The numbers a plan is asked for, on the command line."""

import argparse

from authbench.options import whole_number
from authbench.quantities import amount, milliseconds, names, seconds


def add_demand(parser: argparse.ArgumentParser) -> None:
    """What is asked of a deployment."""
    group = parser.add_argument_group(
        "what is asked of it", "Amounts take k, M and G; times need us, ms, s, m, h or d."
    )
    group.add_argument("--users", type=amount, default=1e6, metavar="N", help="all there are (default: 1M)")
    group.add_argument(
        "--active-ratio", type=amount, default=0.05, metavar="X", help="of them active at any time (default: 0.05)"
    )
    group.add_argument(
        "--requests-per-minute", type=amount, default=6.0, metavar="N", help="of an active user (default: 6)"
    )
    group.add_argument("--write-ratio", type=amount, default=0.1, metavar="X", help="of the requests (default: 0.1)")
    group.add_argument(
        "--access-ttl", type=seconds, default=1800.0, metavar="TIME", help="life of an access token (default: 30m)"
    )
    group.add_argument(
        "--refresh-ttl", type=seconds, default=14 * 86_400.0, metavar="TIME", help="of a refresh token (default: 14d)"
    )
    group.add_argument(
        "--session-ttl", type=seconds, default=12 * 3600.0, metavar="TIME", help="of a session (default: 12h)"
    )
    group.add_argument("--replica-cores", type=whole_number, default=2, metavar="N", help="of one replica (default: 2)")
    group.add_argument(
        "--slo-p99", type=milliseconds, default=50.0, metavar="TIME", help="what p99 may be (default: 50ms)"
    )
    group.add_argument(
        "--store-rtt", type=milliseconds, default=0.5, metavar="TIME", help="round trip to a store (default: 0.5ms)"
    )
    group.add_argument("--scheme", type=names, metavar="NAME,..", help="of whom (default: all that were measured)")
