"""What makes a run one that can be done again: a seed, a directory of its own, the command that repeats it."""

import argparse
import shlex
from collections.abc import Iterable
from pathlib import Path
from secrets import randbelow

from bench.measure import rundir
from bench.measure.rundir import RunDirectory

RUNS = Path("runs")
SEEDS = 1_000_000


def seed_of(chosen: argparse.Namespace) -> int:
    """The seed that was asked for, else one that is drawn."""
    return randbelow(SEEDS) if chosen.seed is None else int(chosen.seed)


def directory_of(output: Path | None) -> RunDirectory:
    """The new run directory that was asked for. RunDirectoryError, NotReadyError."""
    return rundir.create(RUNS) if output is None else rundir.create_at(output)


def command_again(chosen: argparse.Namespace, seed: int | None = None, more: Iterable[str] = ()) -> str:
    """What a shell must be given to do this again; into a directory of its own, as this one is taken.

    `seed`: None where nothing is drawn. `more`: words that came from elsewhere than the command line.
    """
    words = list(chosen.argv)
    for option in {"-o", "--output"} & set(words):
        place = words.index(option)
        del words[place : place + 2]
    seeded = [] if seed is None or chosen.seed is not None else ["--seed", str(seed)]
    return shlex.join(["authbench", *words, *more, *seeded])
