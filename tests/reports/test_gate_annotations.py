"""A gate run as workflow commands: each is one line that the runner understands, and no more than it shows."""

import re

import pytest

from bench.gates.model import GateRun, Judged
from reports.gate_annotations import MOST, annotations
from tests.reports import made_up_gates as made_up

COMMAND = re.compile(r"::(error|warning|notice) title=([^:,\r\n]*)::([^\r\n]+)")


def levels(run: GateRun) -> list[str]:
    """Of every line, in order; each has to be a command."""
    found = [COMMAND.fullmatch(line) for line in annotations(run)]
    return [command[1] for command in found if command] if all(found) else []


def test_levels_follow_from_statuses() -> None:
    """Failures are errors, what the noise hides a warning, what was not judged a notice; of a pass nothing is said."""
    assert levels(made_up.RUN) == ["error"] * 2 + ["warning"] * 2 + ["notice"] * 4
    assert annotations(made_up.of(made_up.COOKIE)) == []


def test_an_error_says_what_the_terminal_says() -> None:
    """The title names gate and status, the message benchmark, ratio, interval and commit."""
    first = annotations(made_up.RUN)[0]
    assert first.startswith("::error title=authbench gate hs256-verify%3A FAIL::jwt-hs256 verify: 1.104x (1.089")
    assert "of base 1a2b3c4 in candidate 5d6e7f8+; bar <= 1.05x." in first


def test_a_noisy_canary_is_the_first_warning() -> None:
    """It is why those after it could not be judged; a calm one is no news."""
    warnings = [line for line in annotations(made_up.RUN) if line.startswith("::warning")]
    assert warnings[0].startswith("::warning title=authbench gate%3A A/A canary::A/A canary (cell) INCONCLUSIVE")


def test_what_the_runner_would_misread_is_escaped() -> None:
    """Percent signs everywhere, colons and commas in titles; a line break can start no command of its own."""
    (notice,) = annotations(made_up.of(made_up.REFUSED))
    assert "50 %25 of 40 requests" in notice
    assert len(levels(made_up.hostile())) == len(annotations(made_up.hostile())) == 8


@pytest.mark.parametrize(
    ("judged", "level"),
    [(made_up.SLOW, "error"), (made_up.NOISY, "warning"), (made_up.SLO, "notice")],
    ids=["errors", "warnings", "notices"],
)
def test_no_more_than_are_shown(judged: Judged, level: str) -> None:
    """Up to the limit all; beyond it the last one says how many more there are."""
    assert levels(made_up.many(MOST, judged)) == [level] * MOST
    many = annotations(made_up.many(MOST + 3, judged))
    assert len(many) == MOST
    assert many[-1] == f"::{level} title=authbench gate::4 more like these; the summary and gate.json have all."
