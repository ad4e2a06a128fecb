"""The outcome table: a row an approach in the order of the story, a column an event, and a sentence a row."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.consequences.model import Outcome
from reports.approaches import EVENTS, FIRST, PRICES, WHY, Event, approach, place
from reports.findings import Findings, Told, grade
from reports.format import plural

UNPROTECTED = "none"
"""Keeps nobody logged in, so it has no part in the story."""
NOT_TRIED = "not tried"
WITHOUT_ADDING = "as long as it stays the only one"
HARMED, FAILING = "cost somebody a login or let a thief in", "failed requests"
Tone = Literal["harmed", "failing", "unharmed", "price", "invalid", "absent"]
GRADED: tuple[Tone, ...] = ("unharmed", "failing", "harmed")
"""From no harm to the worst."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What an event did in its worst setting, or the least price; `note` says which, and what was left out."""

    event: Event
    text: str
    note: str
    tone: Tone


@dataclass(frozen=True, slots=True)
class Row:
    """One approach: a cell for every event that was tried, and what they come to in a sentence."""

    name: str
    cells: tuple[Cell, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Story:
    """The table, and what it comes to in a sentence."""

    events: tuple[Event, ...]
    rows: tuple[Row, ...]
    lead: str


def story(findings: Findings) -> Story:
    """The story that `findings` tell; without rows where none of its experiments was conducted."""
    told = {one.name: one for one in findings.experiments}
    events = tuple(event for event in (*EVENTS, *PRICES) if event.experiment in told)
    found = {event: _by_approach(told[event.experiment], event.settings) for event in events}
    names = sorted({name for known in found.values() for name in known}, key=lambda name: (name != FIRST, *place(name)))
    cells = {name: tuple(_cell(event, found[event].get(name, ())) for event in events) for name in names}
    rows = tuple(Row(name, cells[name], _sentence(name, cells)) for name in names)
    return Story(events, rows, _lead(rows))


def _by_approach(told: Told, settings: Sequence[str]) -> dict[str, list[Outcome]]:
    found: dict[str, list[Outcome]] = {}
    for outcome in told.outcomes:
        name = FIRST if _is_beginning(told, outcome) else outcome.approach
        is_meant = name == FIRST or not outcome.is_control
        if is_meant and outcome.scheme != UNPROTECTED and (not settings or outcome.setting in settings):
            found.setdefault(name, []).append(outcome)
    return found


def _is_beginning(told: Told, outcome: Outcome) -> bool:
    """Whether it is where the story begins, with one server; of adding a server that is the control."""
    return told.name == EVENTS[0].experiment and outcome.approach == "memory-session" and outcome.at == 1


def _cell(event: Event, outcomes: Sequence[Outcome]) -> Cell:
    if not outcomes:
        return Cell(event, NOT_TRIED, "", "absent")
    usable = [outcome for outcome in outcomes if outcome.verdict.status != "INVALID"]
    if not usable:
        found = max(outcomes, key=_harm)
        return Cell(event, "INVALID", f"{found.headline}; {found.setting}", "invalid")
    is_price = event in PRICES
    told = min(usable, key=_size) if is_price else max(usable, key=_harm)
    where = () if (told.setting,) == event.settings[:1] else (told.setting,)  # the column says it
    note = ", ".join((*where, *_left_out(told, len(outcomes) - len(usable))))
    return Cell(event, told.headline, note, "price" if is_price else GRADED[grade(told)])


def _size(outcome: Outcome) -> float:
    """Where it lies on the axis: a price is told of the least that was tried."""
    return math.inf if outcome.at is None else outcome.at


def _left_out(told: Outcome, invalid: int) -> Iterator[str]:
    if told.verdict.status == "UNPROVEN":
        yield "unproven"
    if invalid:
        yield f"{plural(invalid, 'other setting')} invalid"


def _harm(outcome: Outcome) -> tuple[float, ...]:
    """How bad it is: its grade, the share of users, then all it counts, as a share where the whole is known."""
    harms = [figure for figure in outcome.figures if figure.is_harm]
    shares = {figure.name: figure.value / figure.of if figure.of else figure.value for figure in harms}
    users = max((shares[figure.name] for figure in harms if figure.unit == "users"), default=0.0)
    return grade(outcome), users, *shares.values()


def _sentence(name: str, cells: Mapping[str, Sequence[Cell]]) -> str:
    """How it works, and then what that changed: all of it follows from the cells."""
    before = _ancestor(name, cells)
    mechanism = approach(name).mechanism
    clauses = "; ".join(_clauses(name, cells[name], before, cells.get(before, ())))
    return f"{mechanism[:1].upper()}{mechanism[1:]}{': ' if mechanism else ''}{clauses or 'no event was tried'}."


def _ancestor(name: str, known: Mapping[str, object]) -> str:
    """The nearest approach before it that was tried too, "" where none was."""
    before = approach(name).after
    while before and before not in known:
        before = approach(before).after
    return before


def _clauses(name: str, cells: Sequence[Cell], before: str, earlier: Sequence[Cell]) -> Iterator[str]:
    was = {cell.event: cell.tone for cell in earlier}
    unharmed = [cell for cell in cells if cell.tone == "unharmed"]
    fixed = [cell for cell in unharmed if was.get(cell.event) in GRADED[1:]]
    if fixed:
        yield f"unlike {before}, it survives {_listed(fixed)}"
    elif unharmed and len(unharmed) == sum(cell.tone in GRADED for cell in cells):
        yield f"nobody is harmed {WITHOUT_ADDING if name == FIRST else f'by {_listed(unharmed)}'}"
    said: set[str] = set()
    for cell in cells:
        if cell.tone in GRADED[1:]:
            why = _why(name, cell)
            new = "" if why in said else why
            yield f"{_change(cell, was.get(cell.event), before)} {cell.event.noun}: {cell.text}{new}"
            said.add(why)
        if cell.tone == "invalid":
            yield f"{cell.event.noun} gave no valid outcome"


def _change(cell: Cell, was: Tone | None, before: str) -> str:
    """What became of a harm since the approach `before`."""
    if cell.tone == "failing" and was == "harmed":
        return f"unlike with {before}, no login is lost by"
    when = "now " if was in GRADED[: GRADED.index(cell.tone)] else "still " if was in GRADED else ""
    return f"{when}{'hurt' if cell.tone == 'harmed' else 'troubled'} by"


def _listed(cells: Sequence[Cell]) -> str:
    *first, last = (cell.event.noun for cell in cells)
    return f"{', '.join(first)} and {last}" if first else last


def _why(name: str, cell: Cell) -> str:
    keeping = approach(name).keeping
    why = WHY.get((keeping, cell.event.experiment))
    is_known = why and (cell.tone == "harmed" or keeping != "memory")  # requests fail for reasons of their own
    return f", because {why}" if is_known else ""


def _lead(rows: Sequence[Row]) -> str:
    tried = [row for row in rows if row.name != FIRST and any(cell.tone in GRADED for cell in row.cells)]
    spared = [row.name for row in tried if all(cell.tone not in GRADED[1:] for cell in row.cells)]
    if not tried:
        return "Nothing was done to any approach, or nothing that was done gave a valid outcome."
    if not spared:
        return f"None of {len(tried)} approaches came through: {_costs(tried)}."
    return f"{len(spared)} of {len(tried)} approaches came through all that was tried on them: {'; '.join(spared)}."


def _costs(tried: Sequence[Row]) -> str:
    """What became of approaches of which none was spared."""
    harmed = sum(any(cell.tone == "harmed" for cell in row.cells) for row in tried)
    failing = len(tried) - harmed
    if harmed and failing:
        return f"{harmed} {HARMED}, {failing} {FAILING} and no more"
    return f"each {HARMED if harmed else FAILING}"
