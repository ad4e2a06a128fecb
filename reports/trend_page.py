"""Trends as one HTML file without network or script: verdict, every change, a plot and a table a series, the method."""

from collections.abc import Sequence
from pathlib import Path

from bench.analysis.trend import FALSE_ALARM, HELD_RUNS, LEAST_RUNS
from bench.measure import environment
from reports import format as figures
from reports import tables
from reports.page import colours, templates
from reports.tables import Section, TableView
from reports.trend_chart import PANELS, moved
from reports.trend_table import view
from reports.trend_words import SeriesTrends, TrendFacts, changes, heading, too_few, verdict


def render(told: Sequence[SeriesTrends], facts: TrendFacts) -> str:
    """The whole page as HTML; the same trends always give the same text."""
    return (
        templates()
        .get_template("trend.html.j2")
        .render(
            facts=facts,
            verdict=verdict(told),
            changes=tuple(changes(told)),
            series=[
                (heading(told, place), "" if one.is_told else too_few(one), moved(one, place), view(told, place))
                for place, one in enumerate(told)
            ],
            panels=PANELS,
            least=LEAST_RUNS,
            held=HELD_RUNS,
            false_alarm=figures.percent(FALSE_ALARM, decimals=0),
            environment=_machines(told),
            light=colours(0),
            dark=colours(1),
        )
    )


def write(path: Path, told: Sequence[SeriesTrends], facts: TrendFacts) -> None:
    """Write the page to `path`. OSError when the disk will not."""
    path.write_text(render(told, facts), encoding="utf-8")


def _machines(told: Sequence[SeriesTrends]) -> TableView:
    """One section a series."""
    sections = [
        Section(f"Series {place}", section.lines)
        for place, one in enumerate(told, 1)
        for section in tables.environment(environment.to_jsonable(one.series.conditions.environment)).sections
    ]
    return TableView("The machine and the software of each series.", "what", ("value",), tuple(sections))
