"""`authbench consequences`: break things under real visitors, count what they notice, tell it."""

import argparse
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from functools import partial

from rich.console import Console
from rich.table import Table

from authbench.again import command_again, directory_of, seed_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.failures import UsageError
from authbench.telling import tell_consequences
from bench.consequences.catalogue import EXPERIMENTS
from bench.consequences.examination import Choices, Examination, concerned, examine
from bench.consequences.experiment import Experiment
from bench.consequences.model import Outcome
from bench.measure import environment
from bench.stack import binaries
from services.catalogue import find, schemes


def command(chosen: argparse.Namespace) -> int:
    """Conduct the experiments chosen, or list them; the exit code."""
    if chosen.list:
        _list()
        return Exit.OK
    run = prepare(chosen)
    early = carry_out(partial(examine, run), noun="examination", verb="found")
    tell_consequences(run.directory, as_json=chosen.json)
    if early:
        return early.tell(run.directory.path)
    return judge(run.outcomes, strict=chosen.strict)


def prepare(chosen: argparse.Namespace) -> Examination:
    """Everything that can be refused is refused here, before a directory is made or a process started. UsageError."""
    experiments = tuple(_find(name) for name in _names(chosen)) or tuple(EXPERIMENTS.values())
    for name in chosen.schemes:
        find(name)
    concerning = tuple(one for one in experiments if concerned(one, schemes(), chosen.schemes))
    _insist(experiments, concerning, chosen)
    seed = seed_of(chosen)
    names = tuple(one.name for one in concerning)
    return Examination(
        choices=Choices(chosen.profile, names, tuple(chosen.schemes), seed),
        experiments=concerning,
        catalogue=schemes(),
        command=command_again(chosen, seed),
        environment=environment.describe({binary.name: binary.version for binary in binaries.found()}),
        directory=directory_of(chosen.output),
    )


def judge(outcomes: Sequence[Outcome], *, strict: bool) -> Exit:
    """4 when nothing that was found can be believed or, strictly, when anything cannot."""
    states = {outcome.verdict.status for outcome in outcomes if not outcome.is_control}
    return Exit.OK if "VALID" in states and not (strict and "INVALID" in states) else Exit.NOTHING_VALID


def _insist(wished: Sequence[Experiment], concerning: Sequence[Experiment], chosen: argparse.Namespace) -> None:
    """An experiment asked for by name must concern every scheme asked for by name."""
    if not _names(chosen):
        return
    for experiment in wished:
        known = concerned(experiment, schemes(), ())
        strange = [name for name in chosen.schemes if not experiment.concerns(schemes()[name])]
        if strange or experiment not in concerning:
            found = ", ".join(strange) or "no scheme"
            message = f"experiment {experiment.name!r} does not concern {found}; it concerns: {', '.join(known)}"
            raise UsageError(message)


def _names(chosen: argparse.Namespace) -> tuple[str, ...]:
    return tuple(dict.fromkeys(chosen.name.split(","))) if chosen.name else ()


def _find(name: str) -> Experiment:
    if name not in EXPERIMENTS:
        nearest = get_close_matches(name, EXPERIMENTS, n=1)
        hint = f"; did you mean {nearest[0]}?" if nearest else ""
        message = f"experiment {name!r} unknown; one of: {', '.join(EXPERIMENTS)}{hint}"
        raise UsageError(message)
    return EXPERIMENTS[name]


def _list() -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    for experiment in EXPERIMENTS.values():
        table.add_row(experiment.name, experiment.question)
    Console(file=sys.stdout, highlight=False, markup=False).print(table)
