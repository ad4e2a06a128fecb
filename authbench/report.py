"""`authbench report`: the table and the page of a run, made again from its records."""

import argparse

from authbench import max_rate, micro
from authbench.exits import Exit
from authbench.telling import tell, tell_consequences
from bench.analysis.summary import summarise
from bench.measure.rundir import CONSEQUENCES, MAX_RATE, MICRO, RUN, RunDirectory


def command(chosen: argparse.Namespace) -> int:
    """Recompute every figure; run.json's own summary is not consulted. What experiments found is told again."""
    directory = RunDirectory(chosen.run)
    if directory.has(CONSEQUENCES):
        tell_consequences(directory, as_json=chosen.json)
        return Exit.OK
    if directory.has(MAX_RATE):
        max_rate.tell(directory, as_json=chosen.json)
        return Exit.OK
    if directory.has(MICRO) and not directory.has(RUN):
        micro.tell(directory, as_json=chosen.json)
        return Exit.OK
    document = directory.document()
    if directory.has(MICRO):
        micro.write_page(directory)
    tell(directory, summarise(directory.records(), document["needs_affinity"]), as_json=chosen.json)
    return Exit.OK
