"""`python -m bench.generator`: loads one server with each load generator in turn and prints what each cost."""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from bench.generator.bare_app import CARRIERS
from bench.generator.catalogue import CONTENDERS
from bench.generator.comparison import RATES_RPS, Cell, Choices, compare
from bench.generator.round import LEAD_S, TAIL_S
from bench.generator.server import BareServer
from bench.generator.table import WIDTH, missing, show
from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.supervisor import Supervisor

Item = TypeVar("Item")
SECONDS_MIN = int(LEAD_S + TAIL_S) + 1
NOT_READY, INTERRUPTED = 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """0, 3 with one line on standard error, or 130 when interrupted."""
    chosen = _parser().parse_args(argv)
    wanted = [CONTENDERS[name] for name in chosen.only]
    choices = Choices(
        contenders=tuple(contender for contender in wanted if contender.is_installed()),
        rates_rps=chosen.rates,
        carriers=chosen.carrier,
        seconds=chosen.seconds,
        rounds=chosen.rounds,
        seed=chosen.seed,
    )
    for contender in wanted:
        if contender not in choices.contenders:
            print(missing(contender), file=sys.stderr)  # noqa: T201 - progress
    return _compare(choices, as_json=chosen.json)


def _compare(choices: Choices, *, as_json: bool) -> int:
    console = Console(width=WIDTH, highlight=False, markup=False)
    told: list[Cell] = []
    try:
        with tempfile.TemporaryDirectory(prefix="authbench-generator-") as logs, Supervisor(Path(logs)) as supervisor:
            for cell in compare(supervisor, BareServer(supervisor), choices):
                told.append(cell)
                if not as_json:
                    show(cell, console)
    except (NotReadyError, ProcessDiedError, ValueError) as error:
        print(f"bench.generator: {error}", file=sys.stderr)  # noqa: T201 - the one line a user error is
        return NOT_READY
    except KeyboardInterrupt:
        return INTERRUPTED
    if as_json:
        print(json.dumps([asdict(cell) for cell in told]))  # noqa: T201 - the result
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.generator", description=__doc__)
    parser.add_argument("--rates", type=_several(_at_least(1)), default=RATES_RPS, metavar="RPS,...", help="requests/s")
    parser.add_argument("--seconds", type=_at_least(SECONDS_MIN), default=10, help="of each load (default: 10)")
    parser.add_argument("--rounds", type=_at_least(1), default=3, help="each holds every generator once (default: 3)")
    parser.add_argument("--carrier", type=_several(_one_of(CARRIERS)), default=CARRIERS, metavar="NAME,...")
    parser.add_argument(
        "--only", type=_several(_one_of(tuple(CONTENDERS))), default=tuple(CONTENDERS), metavar="NAME,..."
    )
    parser.add_argument("--seed", type=int, default=1, help="draws the order in each round (default: 1)")
    parser.add_argument("--json", action="store_true", help="print JSON, every round included, instead of tables")
    return parser


def _several(parse: Callable[[str], Item]) -> Callable[[str], tuple[Item, ...]]:
    return lambda text: tuple(parse(part) for part in text.split(","))


def _at_least(least: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            message = f"found {text!r}, expected a whole number from {least} on"
            raise argparse.ArgumentTypeError(message)
        return int(text)

    return parse


def _one_of(names: Sequence[Item]) -> Callable[[str], Item]:
    def parse(text: str) -> Item:
        for name in names:
            if text == name:
                return name
        message = f"found {text!r}, expected one of: {', '.join(map(str, names))}"
        raise argparse.ArgumentTypeError(message)

    return parse


if __name__ == "__main__":
    sys.exit(main())
