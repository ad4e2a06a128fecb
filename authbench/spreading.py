"""Over whom a run spreads its load: what the command line asks for, held against itself, and said aloud."""

import argparse
import socket
import sys

from authbench.failures import UsageError
from authbench.options import MASTER_PORT
from bench.measure.crew import GATHER_LIMIT_S, Spread
from bench.stack.listening import LOOPBACK


def spread_of(chosen: argparse.Namespace) -> Spread:
    """What was asked for. UsageError where it contradicts itself, or names an address that is not this machine's."""
    if chosen.workers and chosen.expect_workers:
        message = "found --workers and --expect-workers, expected one of them; give the number of all to the second"
        raise UsageError(message)
    if chosen.bind and not chosen.expect_workers:
        message = "found --bind without --expect-workers, expected to know how many workers will come; add it"
        raise UsageError(message)
    if not chosen.expect_workers:
        return Spread(local=chosen.workers or 0)
    host, port = chosen.bind or (LOOPBACK, MASTER_PORT)
    return Spread(expected=chosen.expect_workers, host=_address(host), port=port)


def announce(spread: Spread) -> None:
    """Say on standard error whom the run waits for, and what others could do there."""
    if not spread.expected:
        return
    where = f"{spread.host}:{spread.port}"
    _say(
        f"waiting for workers at {where}, {spread.expected} in all, for {GATHER_LIMIT_S:g} s at most; "
        f"start each with: authbench worker --master {where}"
    )
    if spread.is_exposed:
        _say(
            f"warning: whoever reaches {where} can give and take load: the channel is neither authenticated nor "
            "encrypted and carries the users' password; use a private network"
        )


def _address(host: str) -> str:
    """An address that can be listened on, and is not somebody else's."""
    try:
        with socket.create_server((host, 0)) as listener:
            address: str = listener.getsockname()[0]
            return address
    except OSError as error:
        message = f"--bind: found {host!r}, expected a name or IPv4 address of this machine; correct it"
        raise UsageError(message) from error


def _say(text: str) -> None:
    print(f"authbench: {text}", file=sys.stderr, flush=True)  # noqa: T201 - standard error is the progress
