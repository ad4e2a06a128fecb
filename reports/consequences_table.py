"""The consequences on a terminal: the story as a list, then a line an outcome, or of many experiments a few each."""

from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from bench.consequences.model import Outcome
from reports.approaches import FIRST
from reports.consequences_tables import ordered
from reports.consequences_words import controls_line, misses, reasons, trust, verdicts
from reports.findings import Findings, Told, grade, is_harmful
from reports.story import Cell, Row, story
from reports.terminal import terminal

INDENT = 2
EACH_MAX = 3
"""Of so many experiments every outcome is shown, and in a summary so many outcomes of a kind."""
APPROACH_MAX, SETTING_MAX = 24, 22
STYLES = {"harmed": "bold yellow", "failing": "yellow", "invalid": "red"}
OUTCOME_STYLES = ("", STYLES["failing"], STYLES["harmed"])
VERDICT_STYLES = {"INVALID": "red", "UNPROVEN": "yellow"}


def show(findings: Findings, out: TextIO) -> None:
    """Print the story, every experiment, and how far it can be trusted, to `out`."""
    with terminal(out) as console:
        _story(findings, console)
        if len(findings.experiments) <= EACH_MAX:
            for told in findings.experiments:
                _experiment(told, console)
        else:
            console.print()
            for told in findings.experiments:
                _summary(told, console)
            console.print("\nThe page has every outcome, with its figures, plots and records.", end="")
        console.print()
        for sentence in trust(findings):
            console.print(sentence)


def _story(findings: Findings, console: Console) -> None:
    found = story(findings)
    if found.rows:
        console.print(Text(found.lead, style="bold"))
    for row in found.rows:
        console.print()
        console.print(Text(row.name, style="bold"))
        console.print(Padding(_row(row), (0, 0, 0, INDENT)))


def _row(row: Row) -> Table:
    """What did harm, one by one; then all that did not, together."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(min_width=max(len(cell.event.column) for cell in row.cells))
    quiet = () if row.name == FIRST else ("unharmed",)  # of one server nothing was tried yet
    unharmed = ", ".join(cell.event.column for cell in row.cells if cell.tone in quiet)
    for cell in row.cells:
        if cell.tone not in ("absent", *quiet):
            table.add_row(cell.event.column, Text(_result(cell), style=STYLES.get(cell.tone, "")))
    if unharmed:
        table.add_row(Text("nobody harmed by", style="dim"), Text(unharmed, style="dim"))
    return table


def _result(cell: Cell) -> str:
    return f"{cell.text} ({cell.note})" if cell.note else cell.text


def _experiment(told: Told, console: Console) -> None:
    console.print()
    console.print(Text(f"{told.name}: {told.question}", style="bold"))
    shown = ordered((*told.faulted, *(outcome for outcome in told.controls if is_harmful(outcome))))
    if shown:
        console.print(Padding(_outcomes(shown), (0, 0, 0, INDENT)))
    for reason in reasons(told.outcomes):
        console.print(Padding(Text(reason), (0, 0, 0, INDENT)))
    console.print(Padding(Text(controls_line(told), style="dim"), (0, 0, 0, INDENT)))


def _summary(told: Told, console: Console) -> None:
    """What was asked, how many outcomes answer it, and those to be doubted."""
    console.print(Text.assemble((told.name, "bold"), f": {told.question}"))
    controls = controls_line(told)
    lines = [f"{verdicts(told.outcomes)}; {controls[:1].lower()}{controls[1:]}", *reasons(told.outcomes)]
    lines += _some("INVALID", [_said(one, one.headline) for one in told.outcomes if one.verdict.status == "INVALID"])
    lines += _some("misses theory", [_said(one, miss) for one in told.outcomes for miss in misses(one)])
    for line in lines:
        console.print(Padding(Text(line), (0, 0, 0, INDENT)))


def _said(outcome: Outcome, what: str) -> str:
    return f"{outcome.approach}, {outcome.setting}: {what}"


def _some(kind: str, said: Sequence[str]) -> Iterator[str]:
    for one in said[:EACH_MAX]:
        yield f"{kind}: {one}"
    if len(said) > EACH_MAX:
        yield f"{kind}: {len(said) - EACH_MAX} more"


def _outcomes(shown: Sequence[Outcome]) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column(max_width=APPROACH_MAX)
    table.add_column(max_width=SETTING_MAX)
    table.add_column(overflow="fold")
    for outcome in shown:
        setting = f"{outcome.setting}, control" if outcome.is_control else outcome.setting
        table.add_row(outcome.approach, setting, _found(outcome))
    return table


def _found(outcome: Outcome) -> Text:
    """The headline, and beside and below it what is to be doubted: a verdict that is not VALID, a theory missed."""
    found = Text(outcome.headline, style=OUTCOME_STYLES[grade(outcome)])
    if outcome.verdict.status != "VALID":
        found.append(f"  {outcome.verdict.status}", style=VERDICT_STYLES[outcome.verdict.status])
    for miss in misses(outcome):
        found.append(f"\n{miss}", style="default")
    return found
