"""Identical code is not called different: ten quick runs, and one of ten blocks, look at their A/A pair."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench.analysis.model import Control
from bench.measure import environment, rundir
from bench.measure.profiles import Choices, plan_blocks
from bench.measure.run import Run, measure
from bench.selfcheck.check import Finding, Selfcheck
from bench.stack import binaries
from services.catalogue import schemes

RUNS = 10
FALSE_ALARMS_BAR = 1
QUICK_BAR_RATIO = 0.04
LONG_BAR_RATIO = 0.02
LONG_BLOCKS = 10


class Silent:
    """Progress nobody watches."""

    def stage(self, text: str, *, seconds: float = 0.0) -> None:
        """Nothing is shown."""

    def proven(self, proof: object) -> None:
        """Nothing is shown."""


def run() -> Iterator[Finding]:
    """About half an hour, on an otherwise idle machine."""
    controls = []
    for seed in range(RUNS):
        control = measure_control(Choices(seed=seed))
        if control is None:
            yield Finding(f"quick run {seed}: no valid A/A pair", "an A/A pair in every run", holds=False)
            continue
        controls.append(control)
        width = control.half_width_ratio
        figure = f"quick run {seed}: ratio {control.ratio.value:.4f}, half-width {width:.2%}"
        yield Finding(figure, "half-width <= 4 %", width <= QUICK_BAR_RATIO)
    alarms = sum(control.differs for control in controls)
    yield Finding(f"{alarms} of {len(controls)} runs call the pair different", "at most 1", alarms <= FALSE_ALARMS_BAR)
    long = measure_control(Choices(seed=RUNS, blocks=LONG_BLOCKS))
    width = long.half_width_ratio if long else 1.0
    yield Finding(f"ten blocks: half-width {width:.2%}", "<= 2 %", width <= LONG_BAR_RATIO)


def measure_control(choices: Choices) -> Control | None:
    """The A/A pair of one run in a directory that goes with it."""
    servers = {binary.name: binary.version for binary in binaries.found()}
    with tempfile.TemporaryDirectory(prefix="authbench-selfcheck-") as folder:
        run = Run(
            directory=rundir.create(Path(folder)),
            choices=choices,
            catalogue=schemes(),
            blocks=plan_blocks(choices, schemes()),
            command="",
            environment=environment.describe(servers),
        )
        measure(run, Silent())
        return run.summary().control


CHECK = Selfcheck("aa", "identical code is called different in at most one of ten quick runs", "35 min", run)
