"""The outcomes of one experiment as rows of text: figures beside theory, and what is to be doubted in words."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.consequences.model import Figure, Outcome
from reports.approaches import place
from reports.consequences_words import theory, told, verdict
from reports.findings import Told, is_harmful
from reports.format import EN_DASH

CONTROLS = "without the fault (controls)"
LONG = 24
"""More outcomes under the fault than these are told in brief first."""
Tone = Literal["", "harmed", "muted", "invalid", "unproven"]


@dataclass(frozen=True, slots=True)
class FigureCell:
    """One figure, what theory says of it, and a flag where the two do not agree."""

    text: str
    theory: str = ""
    flag: str = ""


@dataclass(frozen=True, slots=True)
class OutcomeLine:
    """One outcome."""

    approach: str
    setting: str
    headline: str
    cells: tuple[FigureCell, ...]
    verdict: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class OutcomeTable:
    """All outcomes of an experiment in groups: those under the fault, then those without it."""

    head: tuple[str, ...]
    groups: tuple[tuple[str, tuple[OutcomeLine, ...]], ...]


@dataclass(frozen=True, slots=True)
class Brief:
    """What one approach came to: each result once, with the settings it came in."""

    approach: str
    results: tuple[tuple[str, str, Tone], ...]


def brief(experiment: Told) -> tuple[Brief, ...]:
    """A long experiment by approach, empty where its outcomes are few enough to be read one by one."""
    if len(experiment.faulted) <= LONG:
        return ()
    found: dict[str, dict[tuple[str, Tone], list[str]]] = {}
    for outcome in ordered(experiment.faulted):
        found.setdefault(outcome.approach, {}).setdefault(_result(outcome), []).append(outcome.setting)
    return tuple(
        Brief(approach, tuple((said, "; ".join(settings), tone) for (said, tone), settings in results.items()))
        for approach, results in found.items()
    )


def _result(outcome: Outcome) -> tuple[str, Tone]:
    status = outcome.verdict.status
    return outcome.headline if status == "VALID" else f"{outcome.headline} ({status})", _tone(outcome)


def outcomes(experiment: Told) -> OutcomeTable:
    """Approaches in the order of the story, their settings in the order they were measured in."""
    head = tuple(dict.fromkeys(figure.name for outcome in experiment.outcomes for figure in outcome.figures))
    return OutcomeTable(head, tuple(_groups(experiment, head)))


def ordered(found: Sequence[Outcome]) -> list[Outcome]:
    """Approaches in the order of the story."""
    return sorted(found, key=lambda outcome: place(outcome.approach))


def _groups(experiment: Told, head: Sequence[str]) -> Iterator[tuple[str, tuple[OutcomeLine, ...]]]:
    for title, found in (("", experiment.faulted), (CONTROLS, experiment.controls)):
        if found:
            yield title, tuple(_line(outcome, head) for outcome in ordered(found))


def _line(outcome: Outcome, head: Sequence[str]) -> OutcomeLine:
    known = {figure.name: figure for figure in outcome.figures}
    cells = tuple(_cell(known[name]) if name in known else FigureCell(EN_DASH) for name in head)
    return OutcomeLine(outcome.approach, outcome.setting, outcome.headline, cells, verdict(outcome), _tone(outcome))


def _cell(figure: Figure) -> FigureCell:
    return FigureCell(told(figure), theory(figure), "misses theory" if figure.misses_theory else "")


def _tone(outcome: Outcome) -> Tone:
    if outcome.verdict.status == "INVALID":
        return "invalid"
    if outcome.verdict.status == "UNPROVEN":
        return "unproven"
    if is_harmful(outcome):
        return "harmed"
    return "muted" if outcome.is_control else ""
