"""The highest rates under an SLO as one HTML file without network or script: verdict, table, plot, every probe."""

from collections.abc import Sequence
from pathlib import Path

from bench.analysis.max_rate import MaxRate
from reports import format as figures
from reports import tables
from reports.max_rate_chart import curves
from reports.max_rate_table import highest, probes
from reports.max_rate_words import MaxRateFacts, journeys, reasons, sentences, slo, verdict
from reports.page import JOURNEYS, colours, templates


def render(outcomes: Sequence[MaxRate], facts: MaxRateFacts) -> str:
    """The whole page as HTML; the same outcomes always give the same text."""
    return (
        templates()
        .get_template("max_rate.html.j2")
        .render(
            facts=facts,
            slo=slo(facts.slo_ms),
            took=figures.duration(facts.took_s),
            started_at=facts.started_at.replace("T", " "),
            verdict=verdict(outcomes, facts.slo_ms),
            sentences=sentences(outcomes, facts.slo_ms),
            reasons=tuple(reasons(outcomes)),
            highest=highest(outcomes, facts),
            curves=curves(outcomes, facts.slo_ms),
            probes=probes(outcomes),
            journeys=[f"{name}: {JOURNEYS[name]}" for name in journeys(outcomes)],
            environment=tables.environment(facts.environment),
            light=colours(0),
            dark=colours(1),
        )
    )


def write(path: Path, outcomes: Sequence[MaxRate], facts: MaxRateFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(outcomes, facts), encoding="utf-8")
