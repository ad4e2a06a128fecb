"""Trends as they are told: every change with its run and its interval, in words, in 80 columns and as a page."""

from io import StringIO
from pathlib import Path

import pytest

from bench.analysis.trend import trends
from bench.measure.history import history
from reports import trend_chart, trend_page, trend_table
from reports.trend_words import SeriesTrends, TrendFacts, changes, heading, in_short, verdict
from tests.bench.measure.made_up_nights import SLOWED, nights
from tests.reports.reader import Reader, assert_alone, assert_closed, assert_ordered, read

FACTS = TrendFacts("authbench trend runs", ("runs/x: found it interrupted",))


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[SeriesTrends]:
    """A series that changes and one that is too short, on another machine."""
    folder = tmp_path_factory.mktemp("trend")
    nights(folder / "here", 24, steps={14: 1.1})
    nights(folder / "there", 3, cpu_model="Abacus 1")
    return [SeriesTrends(series, trends(series.runs)) for series in history(folder).series]


@pytest.fixture(scope="module")
def html(told: list[SeriesTrends]) -> str:
    """The page of it."""
    return trend_page.render(told, FACTS)


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    """What a parser sees of it."""
    return read(html)


def shown(told: list[SeriesTrends], facts: TrendFacts = FACTS) -> str:
    """What a terminal of 80 columns shows."""
    stream = StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        trend_table.show(told, facts, stream)
    return stream.getvalue().replace("\N{NO-BREAK SPACE}", " ")


def test_the_page_is_whole(html: str, reader: Reader) -> None:
    """Closed, alone, in order; a table a series and one of machines; a plot of what changed and of nothing else."""
    assert_closed(reader)
    assert_alone(html, reader)
    assert_ordered(html, reader)
    assert reader.tags["caption"] == reader.tags["table"] == 3
    assert (reader.unscoped, reader.tags["svg"], reader.tags["details"]) == (0, 1, 2)
    assert 'role="img"' in html
    assert "Nothing to plot" not in html


def test_every_change_names_its_run(told: list[SeriesTrends]) -> None:
    """Cell, figure, ratio with its interval, both levels, and the first run of the new one."""
    (line,) = changes(told)
    assert line.startswith(f"{SLOWED}, CPU: +")
    assert line.endswith("from run night-14 on (2026-10-15)")
    assert verdict(told) == "The level of 1 of 4 figures changed in 24 runs, 1 series."


def test_a_terminal_is_wide_enough(told: list[SeriesTrends]) -> None:
    """80 columns hold every line: series, figures, the change, and what was passed over."""
    text = shown(told)
    assert max(map(len, text.splitlines())) <= 80
    words = " ".join(text.split())
    for part in (
        "Series 2 of 2: 3 runs of 0 arms, 2026-10-01 to 2026-10-03, on Abacus 1 with 2 cores",
        "Too few to look for changes: 3 runs, of 8 at least.",
        "from run night-14 on (2026-10-15)",
        "passed over: runs/x: found it interrupted",
    ):
        assert part in words


def test_each_figure_is_told_in_short(told: list[SeriesTrends]) -> None:
    """A change with its day, none, or how many runs are missing."""
    here = {trend.cell: in_short(trend).replace("\N{NO-BREAK SPACE}", " ") for trend in told[0].trends}
    assert here.pop(SLOWED).endswith(" % from 2026-10-15")
    assert set(here.values()) == {"none"}
    assert {in_short(trend) for trend in told[1].trends} == {"3 of 8 runs"}


def test_quiet_series_say_so(tmp_path: Path) -> None:
    """Nothing changed: said in words, and nothing is plotted."""
    nights(tmp_path, 9)
    told = [SeriesTrends(series, trends(series.runs)) for series in history(tmp_path).series]
    assert verdict(told) == "The level of none of 4 figures changed in 9 runs, 1 series."
    assert trend_chart.moved(told[0], 0) == ""
    assert "Nothing to plot" in trend_page.render(told, TrendFacts("authbench trend"))


def test_short_series_say_so(told: list[SeriesTrends]) -> None:
    """Where none is long enough, the longest is named; where there is none at all, the page says that."""
    assert verdict(told[1:]) == "Too few runs to tell a trend: a series takes 8, the longest of 1 has 3."
    assert verdict([]) == "Too few runs to tell a trend: a series takes 8, the longest of 0 has 0."
    assert "No complete run was found." in trend_page.render([], FACTS)


def test_a_single_day_is_told_once(tmp_path: Path) -> None:
    """One run, one day."""
    nights(tmp_path, 1)
    told = [SeriesTrends(series, trends(series.runs)) for series in history(tmp_path).series]
    assert "1 run of 0 arms, 2026-10-01, on " in heading(told, 0)


def test_what_is_written_is_what_is_rendered(tmp_path: Path, told: list[SeriesTrends], html: str) -> None:
    """The same trends give the same bytes."""
    trend_page.write(tmp_path / "trend.html", told, FACTS)
    assert (tmp_path / "trend.html").read_text("utf-8") == html
