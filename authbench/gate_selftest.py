"""`authbench gate --selftest`: how often a gate cries wolf on this machine, and how often it sees a real slowdown."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from authbench.again import directory_of
from authbench.carrying_out import carry_out
from authbench.exits import Exit
from authbench.failures import UsageError
from authbench.progress import LiveProgress
from bench.analysis import serial
from bench.gates import selftest, tree
from bench.gates.decision import corrected
from bench.gates.model import Config, MicroGate
from bench.gates.run import ALPHA
from bench.gates.selftest import Trial, Trials
from reports import gate_trials

RAW = "trials.jsonl"


def command(chosen: argparse.Namespace, config: Config) -> int:
    """Try the gate, print the rates; what was tried until then is kept, a line each, whatever ends it."""
    asked = Trials(_gate(config, chosen.gate), corrected(ALPHA, 1), chosen.selftest, chosen.slowdown)
    directory, trials = directory_of(chosen.output), list[Trial]()

    def work(progress: LiveProgress) -> None:
        with (directory.path / RAW).open("a", encoding="utf-8") as file:
            for trial in selftest.run(tree.candidate(Path.cwd()), asked, progress.stage):
                trials.append(trial)
                print(json.dumps(asdict(trial)), file=file, flush=True)

    early = carry_out(work, noun="selftest", verb="tried")
    if trials:
        _tell(asked, trials, directory.path / RAW, as_json=chosen.json)
    return early.tell(directory.path) if early else Exit.OK


def _tell(asked: Trials, trials: Sequence[Trial], raw: Path, *, as_json: bool) -> None:
    rates = selftest.rates(trials)
    if as_json:
        print(json.dumps([serial.finite(rate) for rate in rates], indent=1))  # noqa: T201 - the result
        return
    gate_trials.show(asked, rates, sys.stdout)
    print(f"\nevery pair: {raw}")  # noqa: T201 - as above


def _gate(config: Config, name: str | None) -> MicroGate:
    """The gate to try. UsageError where there is none."""
    known = {gate.name: gate for gate in config.gates if isinstance(gate, MicroGate)}
    if not known:
        message = f"{config.source}: found no gate that compares a call, expected one to try; add one with a step"
        raise UsageError(message)
    if name is not None and name not in known:
        message = f"gate {name!r} unknown, expected one that compares a call; one of: {', '.join(known)}"
        raise UsageError(message)
    return known[name] if name else next(iter(known.values()))
