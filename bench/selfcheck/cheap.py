"""The harness adds little to what it measures: the service against a bare app, `verify` against the bare library."""

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from bench.analysis.model import Estimate
from bench.measure.run import PASSWORD_PROFILE
from bench.micro.figures import Figure
from bench.micro.server import VISITORS, ratio_to_bare
from bench.micro.session import EFFORTS, measure
from bench.selfcheck.aa import Silent
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import supervisor
from bench.stack.foundation import lay_foundation
from bench.stack.postgres import start_postgres
from bench.stack.supervisor import Supervisor
from services.catalogue import SCHEMES
from services.settings import Settings

SERVICE_BAR = 1.10
VERIFY_BAR = 1.15
DEARER: Mapping[str, float] = {
    "memory-session": 6.0,  # a lock, two limits and the order of last use over a dict: 3 us over less than one
    "bff-memory": 1.35,  # the same over a floor that waits for no store
    "postgres-session": 1.30,  # hashing the credential; a connection in turn, and whether its server hung up
}
"""Bars of their own for schemes whose floor is spared what they owe to safety."""
EFFORT = replace(EFFORTS["quick"], floor_turns=200, select="test_verify_valid")


def run() -> Iterator[Finding]:
    """Ratios of CPU time, paired; the bar is held by the estimate, its interval is shown."""
    with supervisor() as started:
        for figure in _verified(started):
            yield from _judged(figure)
        settings = Settings(password_profile=PASSWORD_PROFILE)
        ratio = ratio_to_bare(lay_foundation(started, start_postgres(started, "bare"), settings, VISITORS))
        told = f"GET profile under none: {_spelled(ratio)} of a bare Falcon app"
        yield Finding(told, f"<= {SERVICE_BAR:.2f}x", ratio.value <= SERVICE_BAR)


def _verified(started: Supervisor) -> tuple[Figure, ...]:
    with tempfile.TemporaryDirectory(prefix="authbench-selfcheck-") as keep:
        return measure(started, EFFORT, Path(keep), Silent())


def _judged(figure: Figure) -> Iterator[Finding]:
    """Ours, but for those that are there to be dear."""
    spec = SCHEMES.get(figure.subject)
    for floor in figure.floors:
        if spec and not spec.traits.antipattern and floor.kind == "library":
            bar = DEARER.get(figure.subject, VERIFY_BAR)
            told = f"verify of {figure.subject}: {_spelled(floor.ratio)} of {floor.name}"
            yield Finding(told, f"<= {bar:.2f}x", floor.ratio.value <= bar)


def _spelled(ratio: Estimate) -> str:
    return f"{ratio.value:.3f}x ({ratio.low:.3f}-{ratio.high:.3f})"


CHECK = Selfcheck("cheap", "what is measured is the scheme, not the harness around it", "2 min", run)
