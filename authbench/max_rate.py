"""`authbench run --max-rate`: the highest rate under an SLO, searched, verified and told."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from authbench.again import command_again, directory_of, seed_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.failures import UsageError
from authbench.telling import BALANCING, PASSWORDS, unfinished
from bench.analysis import serial
from bench.analysis.max_rate import MaxRate
from bench.measure import environment
from bench.measure.crew import Spread
from bench.measure.max_rate import search
from bench.measure.rate_search import RECORDS, Choices, Search, plan_search, recalled
from bench.measure.rundir import MAX_RATE, RunDirectory
from bench.stack import binaries
from loadtests.plan import ArmPlan
from reports import max_rate_page, max_rate_table
from reports.format import duration
from reports.max_rate_words import MaxRateFacts
from services.catalogue import find, schemes

SLO_MS = 20.0
"""Where none was chosen."""
OWN: Mapping[str, str] = {"slo_p99": "--slo-p99", "journey": "--journey"}
"""Options that mean something here alone, by the name under which the command line keeps them."""
FOREIGN: Mapping[str, tuple[str, str]] = {
    "rate": ("--rate", "which finds the rate itself"),
    "blocks": ("--blocks", "which knows how often it starts afresh"),
    "target": ("--target", "which would overload a stack that is not ours"),
    "expect_workers": ("--expect-workers", "which starts its workers itself"),
}
"""Options that mean nothing here, by the same."""


def is_asked(chosen: argparse.Namespace) -> bool:
    """Whether the highest rate is asked for. UsageError where the command line contradicts itself about it."""
    for name, option in OWN.items():
        if not chosen.max_rate and getattr(chosen, name) is not None:
            message = f"{option}: found it without --max-rate, expected both or neither; add --max-rate"
            raise UsageError(message)
    for name, (option, why) in FOREIGN.items():
        if chosen.max_rate and getattr(chosen, name):
            message = f"{option}: found it beside --max-rate, {why}; leave it out"
            raise UsageError(message)
    return bool(chosen.max_rate)


def command(chosen: argparse.Namespace) -> int:
    """Search the highest rates; the exit code."""
    run = prepare(chosen)
    _announce(run)
    early = carry_out(partial(search, run), noun="search")
    tell(run.directory, as_json=chosen.json)
    if early:
        return early.tell(run.directory.path)
    return judge(run.outcomes, strict=chosen.strict)


def prepare(chosen: argparse.Namespace) -> Search:
    """Everything that can be refused is refused here, before a directory is made or a process started."""
    choices = _choices(chosen)
    for name in choices.schemes:
        find(name)
    arms = plan_search(choices, schemes())
    return Search(
        directory=directory_of(chosen.output),
        choices=choices,
        catalogue=schemes(),
        arms=arms,
        command=command_again(chosen, choices.seed),
        environment=environment.describe({binary.name: binary.version for binary in binaries.found()}),
        spread=_spread(chosen.workers),
    )


def judge(outcomes: Sequence[MaxRate], *, strict: bool) -> Exit:
    """4 when nothing that was found can be believed or, strictly, when anything cannot."""
    states = {outcome.verdict.status for outcome in outcomes}
    return Exit.OK if "VALID" in states and not (strict and "INVALID" in states) else Exit.NOTHING_VALID


def tell(directory: RunDirectory, *, as_json: bool) -> None:
    """Print what the records come to and write report.html beside them. RecordError; OSError when the disk will not."""
    document = directory.document(MAX_RATE)
    arms = [ArmPlan(**arm) for arm in document["arms"]]
    found = recalled(directory.records(RECORDS), arms, document["choices"]["slo_ms"], document["sets"])
    facts = _facts(document, arms)
    max_rate_page.write(directory.report, found, facts)
    if as_json:
        print(json.dumps([serial.finite(outcome) for outcome in found], indent=1))  # noqa: T201 - the result
        return
    max_rate_table.show(found, facts, sys.stdout)
    print(f"\nreport: {directory.report}")  # noqa: T201 - as above


def _facts(document: Mapping[str, Any], arms: Sequence[ArmPlan]) -> MaxRateFacts:
    return MaxRateFacts(
        run_id=document["id"],
        started_at=document["started_at"],
        took_s=document["took_s"],
        command=document["command"],
        profile=document["choices"]["profile"],
        seed=document["choices"]["seed"],
        slo_ms=document["choices"]["slo_ms"],
        sets=document["sets"],
        workers=document["workers"],
        environment=document["environment"],
        password_profile=PASSWORDS[document["password_profile"]],
        balancing={name: BALANCING[name] for name in sorted({arm.balancing for arm in arms})},
        checks={proof["arm"]: len(proof["checks"]) for proof in document["proofs"]},
        notes=unfinished(document, document["sets_done"], document["sets"], "verifying rounds"),
    )


def _choices(chosen: argparse.Namespace) -> Choices:
    return Choices(
        slo_ms=SLO_MS if chosen.slo_p99 is None else chosen.slo_p99,
        profile=chosen.profile,
        schemes=tuple(chosen.schemes),
        replicas=chosen.replicas,
        balancing=chosen.balancing,
        carrier=chosen.carrier,
        seconds=chosen.seconds,
        seed=seed_of(chosen),
        journeys=chosen.journey or ("steady",),
    )


def _spread(workers: int | None) -> Spread:
    """As many as have a core of their own beside the servers' half; one of them generates alone."""
    count = workers or max(1, len(os.sched_getaffinity(0)) // 2)
    return Spread(local=count if count > 1 else 0)


def _announce(run: Search) -> None:
    arms, sets = len(run.arms), run.sets
    what = f"{arms} arm{'s' if arms > 1 else ''}, one after the other, each searched once and verified {sets} times"
    _say(f"{what}: about {duration(run.forecast_s)}; Ctrl-C keeps what was measured")


def _say(text: str) -> None:
    print(f"authbench: {text}", file=sys.stderr, flush=True)  # noqa: T201 - standard error is the progress
