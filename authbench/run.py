"""`authbench run`: plan, measure, tell."""

import argparse
from functools import partial

from authbench import max_rate, target
from authbench.again import command_again, directory_of, seed_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.spreading import announce, spread_of
from authbench.telling import tell
from bench.analysis.model import Summary
from bench.measure import environment
from bench.measure.profiles import Choices, plan_blocks
from bench.measure.run import Run, measure
from bench.stack import binaries
from services.catalogue import find, schemes


def command(chosen: argparse.Namespace) -> int:
    """Measure what was chosen; the exit code."""
    if max_rate.is_asked(chosen):
        return max_rate.command(chosen)
    spread = spread_of(chosen)
    run = prepare(chosen)
    run.spread = spread
    announce(spread)
    early = carry_out(partial(measure, run), noun="run")
    summary = run.summary()
    run.describe(summary)
    tell(run.directory, summary, as_json=chosen.json)
    if early:
        return early.tell(run.directory.path)
    return judge(summary, strict=chosen.strict)


def prepare(chosen: argparse.Namespace) -> Run:
    """Everything that can be refused is refused here, before a directory is made or a process started."""
    choices = _choices(chosen)
    for name in choices.schemes:
        find(name)
    if chosen.target:
        return _prepare_remote(chosen, choices)
    blocks = plan_blocks(choices, schemes())
    found = {binary.name: binary.version for binary in binaries.found()}
    return Run(
        directory=directory_of(chosen.output),
        choices=choices,
        catalogue=schemes(),
        blocks=blocks,
        command=command_again(chosen, choices.seed, target.words(chosen)),
        environment=environment.describe(found),
    )


def _prepare_remote(chosen: argparse.Namespace, wished: Choices) -> Run:
    remote, choices, blocks = target.plan_remote(target.open_site(chosen), wished, schemes())
    directory = directory_of(chosen.output)
    target.announce(remote, blocks)
    return Run(
        directory=directory,
        choices=choices,
        catalogue=schemes(),
        blocks=blocks,
        command=command_again(chosen, choices.seed, target.words(chosen)),
        environment=environment.describe({}, target=remote.site.url),
        remote=remote,
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
        seed=seed_of(chosen),
        ledger=chosen.ledger,
    )
