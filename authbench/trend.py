"""`authbench trend`: where the figures of many runs change their level, series by series; it never blocks."""

import argparse
import json
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from authbench.exits import Exit
from bench.analysis import serial
from bench.analysis.trend import trends
from bench.measure import environment
from bench.measure.history import history
from reports import trend_page, trend_table
from reports.trend_words import SeriesTrends, TrendFacts


def command(chosen: argparse.Namespace) -> int:
    """Tell the trends of all runs below a directory; 0 whatever they are."""
    found = history(chosen.runs)
    told = [SeriesTrends(series, trends(series.runs)) for series in found.series]
    facts = TrendFacts(shlex.join(["authbench", *chosen.argv]), found.passed_over)
    if chosen.output:
        trend_page.write(chosen.output, told, facts)
    if chosen.json:
        print(json.dumps(_jsonable(told, facts), indent=1))  # noqa: T201 - the result
        return Exit.OK
    trend_table.show(told, facts, sys.stdout)
    if chosen.output:
        print(f"\nreport: {chosen.output}")  # noqa: T201 - as above
    return Exit.OK


def _jsonable(told: Sequence[SeriesTrends], facts: TrendFacts) -> dict[str, Any]:
    series = [
        {
            "environment": environment.to_jsonable(one.series.conditions.environment),
            "arms": one.series.conditions.company,
            "runs": [{"id": run.id, "started_at": run.started_at} for run in one.series.runs],
            "trends": [serial.finite(trend) for trend in one.trends],
        }
        for one in told
    ]
    return {"series": series, **asdict(facts)}
