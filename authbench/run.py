"""`authbench run`: plan, measure, tell."""

import argparse
import shlex
import sys
from pathlib import Path
from secrets import randbelow

from authbench.exits import Exit
from authbench.progress import live_progress
from authbench.telling import tell
from bench.analysis.model import Summary
from bench.measure import environment, rundir
from bench.measure.profiles import Choices, plan_blocks
from bench.measure.run import Run, measure
from bench.measure.rundir import RunDirectory
from bench.stack import binaries
from services.catalogue import find, schemes

RUNS = Path("runs")
SEEDS = 1_000_000


def command(chosen: argparse.Namespace) -> int:
    """Measure what was chosen; the exit code."""
    run = prepare(chosen)
    interrupted = False
    try:
        with live_progress() as progress:
            measure(run, progress)
    except KeyboardInterrupt:
        interrupted = True
    summary = run.summary()
    run.describe(summary)
    tell(run.directory, summary, as_json=chosen.json)
    if interrupted:
        print(f"authbench: interrupted; what was measured is kept in {run.directory.path}", file=sys.stderr)  # noqa: T201
        return Exit.INTERRUPTED
    return judge(summary, strict=chosen.strict)


def prepare(chosen: argparse.Namespace) -> Run:
    """Everything that can be refused is refused here, before a directory is made or a process started."""
    choices = _choices(chosen)
    for name in choices.schemes:
        find(name)
    blocks = plan_blocks(choices, schemes())
    found = {binary.name: binary.version for binary in binaries.found()}
    return Run(
        directory=_directory(chosen.output),
        choices=choices,
        catalogue=schemes(),
        blocks=blocks,
        command=_command(chosen, choices.seed),
        environment=environment.describe(found),
    )


def judge(summary: Summary, *, strict: bool) -> Exit:
    """4 when nothing could be compared or, strictly, when any cell is invalid."""
    compared = bool(summary.to_control) or summary.control is not None
    invalid = any(cell.verdict.status == "INVALID" for cell in summary.cells)
    return Exit.OK if compared and not (strict and invalid) else Exit.NOTHING_VALID


def _choices(chosen: argparse.Namespace) -> Choices:
    return Choices(
        profile=chosen.profile,
        schemes=tuple(chosen.schemes),
        replicas=chosen.replicas,
        balancing=chosen.balancing,
        carrier=chosen.carrier,
        rate_rps=chosen.rate,
        seconds=chosen.seconds,
        blocks=chosen.blocks,
        seed=randbelow(SEEDS) if chosen.seed is None else chosen.seed,
    )


def _directory(output: Path | None) -> RunDirectory:
    return rundir.create(RUNS) if output is None else rundir.create_at(output)


def _command(chosen: argparse.Namespace, seed: int) -> str:
    """What a shell must be given to do this again; into a directory of its own, as this one is taken."""
    words = list(chosen.argv)
    for option in {"-o", "--output"} & set(words):
        place = words.index(option)
        del words[place : place + 2]
    seeded = [] if chosen.seed is not None else ["--seed", str(seed)]
    return shlex.join(["authbench", *words, *seeded])
