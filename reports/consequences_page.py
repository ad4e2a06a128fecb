"""The consequences as one HTML file without network or script: the story first, then every experiment as it was."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reports import format as figures
from reports import tables
from reports.axes import along
from reports.consequences_tables import Brief, OutcomeTable, brief, outcomes
from reports.consequences_words import VERDICTS, controls_line, misses, theories, trust
from reports.findings import ConsequenceFacts, Findings, Told
from reports.page import colours, templates
from reports.story import story
from reports.timelines import timelines


@dataclass(frozen=True, slots=True)
class Section:
    """One experiment as the page shows it; plots are SVG, or "" where there is nothing to draw."""

    told: Told
    title: str
    brief: tuple[Brief, ...]
    table: OutcomeTable
    misses: tuple[str, ...]
    theories: tuple[str, ...]
    controls: str
    timelines: str
    along: str
    records: tuple[tuple[str, str], ...]


def render(findings: Findings, facts: ConsequenceFacts) -> str:
    """The whole page as HTML; the same findings always give the same text."""
    template = templates().get_template("consequences.html.j2")
    return template.render(
        facts=facts,
        took=figures.duration(facts.took_s),
        started_at=facts.started_at.replace("T", " "),
        story=story(findings),
        trust=trust(findings),
        sections=tuple(_section(told) for told in findings.experiments),
        environment=tables.environment(facts.environment),
        verdicts=VERDICTS,
        light=colours(0),
        dark=colours(1),
    )


def write(path: Path, findings: Findings, facts: ConsequenceFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(findings, facts), encoding="utf-8")


def _section(told: Told) -> Section:
    return Section(
        told=told,
        title=f"{told.question[:1].upper()}{told.question[1:]}",
        brief=brief(told),
        table=outcomes(told),
        misses=tuple(
            f"{outcome.approach}, {outcome.setting}: {miss}" for outcome in told.outcomes for miss in misses(outcome)
        ),
        theories=theories(told.outcomes),
        controls=controls_line(told),
        timelines=timelines(told),
        along=along(told) if told.axis and told.plots else "",
        records=tuple(_records(told)),
    )


def _records(told: Told) -> Iterator[tuple[str, str]]:
    for outcome in told.outcomes:
        if outcome.records:
            name = f"{outcome.approach}, {outcome.setting}"
            yield f"{name} (control)" if outcome.is_control else name, ", ".join(outcome.records)
