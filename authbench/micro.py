"""`authbench micro`: what single calls cost, measured beside their floors and told; alone, or joining a run."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from authbench import telling
from authbench.again import command_again, directory_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.failures import UsageError
from bench.analysis import serial
from bench.analysis.summary import summarise
from bench.measure import environment
from bench.measure.environment import Conditions, Environment, likeness
from bench.measure.micro import measured
from bench.measure.micro_run import MicroRun, measure_all
from bench.measure.rundir import MICRO, RUN, RunDirectory, RunDirectoryError
from bench.micro.figures import Figure
from bench.micro.session import DOCUMENT, EFFORTS
from bench.stack import binaries
from reports import micro_page, micro_table
from reports.facts import MICRO_PAGE
from reports.format import plural
from reports.micro_words import MicroFacts


def command(chosen: argparse.Namespace) -> int:
    """Measure single calls; the exit code, 4 where the run to be joined is of an unlike machine."""
    here = environment.describe({binary.name: binary.version for binary in binaries.found()})
    if unlike := _unlike(chosen.into, here):
        _say(f"{chosen.into}: found an unlike environment ({'; '.join(unlike)}), expected this one; run it again here")
        return Exit.NOTHING_VALID
    run = prepare(chosen, here)
    _say(f"about {EFFORTS[chosen.profile].takes_s:g} s; Ctrl-C ends it")
    early = carry_out(partial(measure_all, run), noun="measurement")
    tell(run.directory, as_json=chosen.json)
    return early.tell(run.directory.path) if early else Exit.OK


def prepare(chosen: argparse.Namespace, here: Environment) -> MicroRun:
    """Everything that can be refused is refused here, before a directory is made or a process started."""
    return MicroRun(
        directory=_joined(chosen) if chosen.into else directory_of(chosen.output),
        profile=chosen.profile,
        effort=EFFORTS[chosen.profile],
        command=command_again(chosen),
        environment=here,
    )


def tell(directory: RunDirectory, *, as_json: bool) -> None:
    """Print the figures and write every page they stand in. RunDirectoryError; OSError when the disk will not."""
    found = measured(directory)
    path = write_page(directory)
    if directory.has(RUN):
        telling.write_page(directory, summarise(directory.records(), directory.document()["needs_affinity"]))
    if as_json:
        print(json.dumps([serial.finite(figure) for figure in found], indent=1))  # noqa: T201 - the result
        return
    micro_table.show(found, _facts(directory.document(MICRO), found), sys.stdout)
    print(f"\nreport: {path}")  # noqa: T201 - as above


def write_page(directory: RunDirectory) -> Path:
    """Write the page of the figures and say where: beside that of the run they joined. Errors as for `tell`."""
    found = measured(directory)
    path = directory.path / MICRO_PAGE if directory.has(RUN) else directory.report
    micro_page.write(path, found, _facts(directory.document(MICRO), found))
    return path


def _unlike(run: Path | None, here: Environment) -> list[str]:
    """Why a run cannot be joined from here; nothing where none is to be. RunDirectoryError, UsageError."""
    if run is None:
        return []
    try:
        there = environment.from_jsonable(RunDirectory(run).document()["environment"])
    except ValueError as error:
        message = f"{run}: {error}"
        raise UsageError(message) from error
    return likeness(Conditions(there, ()), Conditions(here, ()))


def _joined(chosen: argparse.Namespace) -> RunDirectory:
    """The run to be joined, without what an earlier attempt left. UsageError, RunDirectoryError."""
    if chosen.output:
        message = "-o: found it beside --into, expected one place to write to; leave out either"
        raise UsageError(message)
    directory = RunDirectory(chosen.into)
    if directory.has(MICRO) and directory.document(MICRO)["status"] == "complete":
        message = f"{directory.path / MICRO.file}: found one, expected a run without; name another run"
        raise RunDirectoryError(message)
    (directory.path / DOCUMENT).unlink(missing_ok=True)
    return directory


def _facts(document: Mapping[str, Any], found: Sequence[Figure]) -> MicroFacts:
    return MicroFacts(
        run_id=document["id"],
        started_at=document["started_at"],
        took_s=document["took_s"],
        command=document["command"],
        profile=document["profile"],
        environment=document["environment"],
        notes=_unfinished(document["status"], found),
    )


def _unfinished(status: str, found: Sequence[Figure]) -> tuple[str, ...]:
    """What is missing of a measurement that did not come to its end."""
    if status == "complete":
        return ()
    how = "still running, or was killed" if status == "running" else status
    return (f"This measurement is {how}: {plural(len(found), 'call')} came to an end.",)


def _say(text: str) -> None:
    print(f"authbench: {text}", file=sys.stderr, flush=True)  # noqa: T201 - standard error is the progress
