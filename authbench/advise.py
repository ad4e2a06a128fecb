"""`authbench advise`: session, token or both, answered by holding needs against what was measured."""

import argparse
import json
import shlex
import sys
from itertools import chain
from pathlib import Path

from authbench.advise_sources import Sources, sources
from authbench.exits import Exit
from authbench.needs import FLAGS, needs_of
from bench.analysis import serial
from bench.analysis.advice import Advice, Candidate, advise, kind_of
from bench.analysis.advice_figures import Measured, declared_cost, measured, unmeasured
from bench.consequences.claims import claims
from bench.consequences.evidence import evidence
from reports import advice_page, advice_table
from reports.advice_words import AdviceFacts, answer
from services.catalogue import schemes
from services.contract import SchemeSpec


def command(chosen: argparse.Namespace) -> int:
    """Print the answer; 4 when no scheme meets all needs. UsageError, RunDirectoryError, RecordError, OSError."""
    found = sources(chosen.runs)
    needs = needs_of(chosen)
    part = measured(found.run_id, found.summary, needs.servers) if found.summary else None
    candidates = [
        candidate(spec, found, part, servers=needs.servers)
        for spec in schemes().values()
        if not spec.traits.antipattern
    ]
    advice = advise(needs, candidates)
    _tell(advice, _facts(found, part, shlex.join(["authbench", *chosen.argv])), chosen.output, as_json=chosen.json)
    return Exit.OK if advice.remaining else Exit.NOTHING_VALID


def candidate(spec: SchemeSpec, found: Sources, part: Measured | None, *, servers: int) -> Candidate:
    """Everything that is known of a scheme: what it claims, and over that what was measured."""
    cost = part.cost(spec) if part else declared_cost(spec)
    facts = dict(chain(unmeasured(spec, servers), claims(spec)))
    if part:
        facts.update(part.findings(spec, cost))
    facts.update(evidence(spec, found.sighted))
    is_sticky = spec.traits.needs_affinity and servers > 1
    return Candidate(spec.name, kind_of(spec), spec.traits.default_carrier, is_sticky, cost, facts)


def _facts(found: Sources, part: Measured | None, again: str) -> AdviceFacts:
    return AdviceFacts(
        command=again,
        flags={name: flag for name, (flag, _) in FLAGS.items()},
        meanings={name: means for name, (_, means) in FLAGS.items()},
        directories=found.directories,
        experiments=tuple(found.sighted),
        environment=found.environment,
        run_id=found.run_id,
        replicas=part.replicas if part else None,
        rate_rps=part.rate_rps if part else None,
        latency_rate_rps=part.latency_rate_rps if part else None,
    )


def _tell(advice: Advice, facts: AdviceFacts, output: Path | None, *, as_json: bool) -> None:
    if output:
        advice_page.write(output, advice, facts)
    if as_json:
        told = {"answer": answer(advice, facts), "sources": facts.directories, **serial.finite(advice)}
        print(json.dumps(told, indent=1))  # noqa: T201 - standard output is the result
        return
    advice_table.show(advice, facts, sys.stdout)
    if output:
        print(f"\npage: {output}")  # noqa: T201 - as above
