"""`authbench gate`: holds the code to its project's gates, says so to people and to CI, and ends in an exit code."""

import argparse
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from authbench import gate_selftest
from authbench.again import directory_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.progress import LiveProgress
from bench.gates import config, run
from bench.gates.model import Config, GateRun, GateStatus
from bench.gates.run import Asked
from bench.measure.rundir import RunDirectory
from reports import gate_annotations, gate_files, gate_json, gate_markdown, gate_table

CODES: Mapping[GateStatus, Exit] = {
    "pass": Exit.OK,
    "fail": Exit.GATE_FAILED,
    "inconclusive": Exit.INCONCLUSIVE,
    "void": Exit.NOTHING_VALID,
}


def command(chosen: argparse.Namespace) -> int:
    """Judge all gates; the exit code: 0 pass, 1 a gate failed, 4 nothing was judged, 5 inconclusive."""
    known = _config(chosen)
    if chosen.selftest:
        return gate_selftest.command(chosen, known)
    asked = Asked(known, Path.cwd(), chosen.base, chosen.machine)
    directory, found = directory_of(chosen.output), list[GateRun]()

    def work(progress: LiveProgress) -> None:
        found.append(run.judge(asked, progress.stage))

    early = carry_out(work, noun="gate run", verb="judged")
    if early:
        return early.tell(directory.path)
    tell(found[0], directory, as_json=chosen.json)
    return CODES[found[0].status]


def tell(judged: GateRun, directory: RunDirectory, *, as_json: bool) -> None:
    """Print what was found, and write it down in every form; to GitHub's summary and log where that is who runs it."""
    gate_files.write_all(judged, directory.path)
    if os.environ.get("GITHUB_ACTIONS"):
        _tell_github(judged)
    if as_json:
        print(json.dumps(gate_json.document(judged), indent=1))  # noqa: T201 - the result
        return
    gate_table.show(judged, sys.stdout)
    print(f"\nwritten to: {directory.path}")  # noqa: T201 - as above


def _tell_github(judged: GateRun) -> None:
    """As GitHub's runner wants it: annotations on standard output, the summary appended to the file it names."""
    print("\n".join(gate_annotations.annotations(judged)), file=sys.stderr)  # noqa: T201 - the runner reads either
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as file:
            file.write(gate_markdown.markdown(judged))


def _config(chosen: argparse.Namespace) -> Config:
    found = config.load(chosen.config)
    return found if chosen.budget is None else replace(found, budget_s=chosen.budget)
