"""A gate run as workflow commands: what failed marks the CI step, and the platform's limits drop nothing unsaid."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from bench.gates.model import GateRun, GateStatus
from reports.gate_words import canaries, told

Level = Literal["error", "warning", "notice"]

LEVELS: Mapping[GateStatus, Level] = {
    "fail": "error",
    "inconclusive": "warning",
    "void": "notice",
    "advice": "notice",
}
"""Of a gate that passed nothing is said."""
MOST = 10
"""Of each level in one step; what comes later is not shown."""
MESSAGE = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
PROPERTY = MESSAGE | str.maketrans({":": "%3A", ",": "%2C"})
TITLE = "authbench gate"


def annotations(run: GateRun) -> list[str]:
    """Lines to print in the step, errors first; the runner reads them off its standard output."""
    found: dict[Level, list[str]] = {"error": [], "warning": [], "notice": []}
    # A canary says why all that follow it are inconclusive.
    for canary, line in zip(run.canaries, canaries(run), strict=True):
        if canary.status != "pass":
            found["warning"].append(_command("warning", f"{TITLE}: A/A canary", line))
    for one in told(run):
        if level := LEVELS.get(one.status):
            found[level].append(_command(level, f"{TITLE} {one.name}: {one.word}", one.line))
    return [line for level, lines in found.items() for line in _limited(level, lines)]


def _limited(level: Level, lines: Sequence[str]) -> Iterator[str]:
    """All of them, or as many as leave room to say how many more there are."""
    if len(lines) <= MOST:
        yield from lines
        return
    yield from lines[: MOST - 1]
    yield _command(level, TITLE, f"{len(lines) - MOST + 1} more like these; the summary and gate.json have all.")


def _command(level: Level, title: str, message: str) -> str:
    return f"::{level} title={title.translate(PROPERTY)}::{message.translate(MESSAGE)}"
