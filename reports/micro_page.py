"""Microbenchmarks as one HTML file without network or script: verdict, signature against lookup, every other call."""

from collections.abc import Sequence
from pathlib import Path

from bench.micro.figures import Figure
from reports import format as figures
from reports import tables
from reports.micro_chart import calls
from reports.micro_table import every_other, glance
from reports.micro_words import MicroFacts, sentences, verdict
from reports.page import colours, templates


def render(found: Sequence[Figure], facts: MicroFacts) -> str:
    """The whole page as HTML; the same figures always give the same text."""
    return (
        templates()
        .get_template("micro.html.j2")
        .render(
            facts=facts,
            took=figures.duration(facts.took_s),
            started_at=facts.started_at.replace("T", " "),
            verdict=verdict(found),
            sentences=sentences(found),
            glance=glance(found),
            calls=calls(found),
            every_other=every_other(found),
            environment=tables.environment(facts.environment),
            light=colours(0),
            dark=colours(1),
        )
    )


def write(path: Path, found: Sequence[Figure], facts: MicroFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(found, facts), encoding="utf-8")
