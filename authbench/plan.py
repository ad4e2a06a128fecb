"""`authbench plan`: what each scheme needs for the user's numbers, from the constants of measured runs."""

import argparse
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from authbench.again import RUNS
from authbench.exits import Exit
from authbench.failures import UsageError
from bench.analysis import serial
from bench.analysis.capacity.demand import Demand, DemandError
from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.capacity.scaling import fit
from bench.analysis.capacity.sizing import SchemePlan, curve, plan
from bench.measure import environment
from bench.measure.alike import found_alike, newest
from bench.measure.constants import constants, scaling_points
from reports import plan_page, plan_table
from reports.plan_words import PlanFacts
from services.catalogue import find, schemes

USERS = tuple(float(users) for users in np.geomspace(1e3, 1e9, 25))
"""To internet scale, four points a decade."""


def command(chosen: argparse.Namespace) -> int:
    """Plan and tell; 4 when no run tells a constant that could be used."""
    demand = demanded(chosen)
    for name in chosen.scheme or ():
        find(name)
    runs = tuple(chosen.runs) or newest(RUNS)
    known = _wanted(constants(runs, schemes()), chosen.scheme)
    if not known:
        _complain(runs)
        return Exit.NOTHING_VALID
    laws = {name: fit(scaling_points(runs, one)) for name, one in known.items()}
    plans = tuple(plan(one, demand, scaling=laws[name]) for name, one in known.items())
    facts = _facts(chosen, demand, runs)
    if chosen.output:
        curves = [curve(one, demand, USERS, scaling=laws[name]) for name, one in known.items()]
        plan_page.write(chosen.output, plans, curves, known, facts)
    if chosen.json:
        print(json.dumps(_jsonable(plans, known, demand, facts.runs), indent=1))  # noqa: T201 - the result
        return Exit.OK
    plan_table.show(plans, facts, sys.stdout)
    if chosen.output:
        print(f"\nreport: {chosen.output}")  # noqa: T201 - as above
    return Exit.OK


def demanded(chosen: argparse.Namespace) -> Demand:
    """The user's numbers. UsageError where they make no sense."""
    try:
        return Demand(
            users=chosen.users,
            active_ratio=chosen.active_ratio,
            requests_per_minute=chosen.requests_per_minute,
            write_ratio=chosen.write_ratio,
            access_ttl_s=chosen.access_ttl,
            refresh_ttl_s=chosen.refresh_ttl,
            session_ttl_s=chosen.session_ttl,
            slo_p99_ms=chosen.slo_p99,
            store_rtt_ms=chosen.store_rtt,
            replica_cores=chosen.replica_cores,
        )
    except DemandError as error:
        raise UsageError(str(error)) from error


def _wanted(known: Mapping[str, SchemeConstants], names: Sequence[str] | None) -> dict[str, SchemeConstants]:
    """Of those that were asked for, in the order of the catalogue."""
    return {name: one for name, one in known.items() if not names or name in names}


def _facts(chosen: argparse.Namespace, demand: Demand, runs: Sequence[Path]) -> PlanFacts:
    documents = found_alike(runs)
    return PlanFacts(
        demand=demand,
        runs=tuple(dict.fromkeys(one.document["id"] for one in documents)),
        command=shlex.join(["authbench", *chosen.argv]),
        environment=environment.to_jsonable(documents[0].environment),
    )


def _jsonable(
    plans: Sequence[SchemePlan], known: Mapping[str, SchemeConstants], demand: Demand, runs: Sequence[str]
) -> dict[str, object]:
    return {
        "runs": runs,
        "demand": asdict(demand),
        "plans": [serial.finite(one) for one in plans],
        "constants": [serial.finite(one) for one in known.values()],
    }


def _complain(runs: Sequence[Path]) -> None:
    where = ", ".join(map(str, runs)) or f"{RUNS}/"
    message = (
        f"{where}: found no cost of a request, expected a run that has measured one; run: authbench run --max-rate"
    )
    print(f"authbench plan: {message}", file=sys.stderr)  # noqa: T201 - the one thing there is to say
