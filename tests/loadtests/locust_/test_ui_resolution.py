"""Locust's statistics at our resolution, in a process of their own: Locust patches whatever imports it."""

import json
import subprocess
import sys
from typing import Any

import pytest

COUNTED = """
import csv, io, json, math, sys
from locust.env import Environment
from locust.rpc import Message
from locust.stats import RequestStats, StatsCSV, StatsEntry, get_percentile_stats_summary
from loadtests.locust_ import ui_resolution

if "as Locust does" not in sys.argv:
    ui_resolution.install()
worker, master = RequestStats(use_response_times_cache=False), Environment()
for _ in range(2):  # two reports: the second is added to the first
    for number in range(1000):
        worker.log_request("GET", "profile", 0.2704 if number < 985 else 1.7712, 100)
    sent = Message("stats", worker.entries["profile", "GET"].get_stripped_report(), "worker-1").serialize()
    report = StatsEntry.unserialize(Message.unserialize(sent).data, master.stats)
    master.stats.get("profile", "GET").extend(report)
master.stats.get("empty", "GET")
entry = master.stats.get("profile", "GET")
entry.use_response_times_cache = True
entry._cache_response_times(0)
text = io.StringIO()
writer = StatsCSV(master, [0.5, 0.99])
writer.requests_csv(csv.writer(text))
rows = {row["Name"]: row for row in csv.DictReader(text.getvalue().splitlines())}
ui = {name: shown for name, shown in entry.to_dict().items() if "response_time" in name}
history = StatsCSV(master, [0.5])._percentile_fields(entry, use_current=True)
line = next(line for line in get_percentile_stats_summary(master.stats) if "profile" in line).split()
print(json.dumps({"ui": ui, "csv": rows, "history": history, "console": line[2:3] + line[9:10] + line[-1:]}))
"""

BUCKETS = """
import math, random, sys
from loadtests.locust_.ui_resolution import bucket_ms

drawn = random.Random(20261123)
times = [10 ** drawn.uniform(-4, 5) for _ in range(20_000)]
for ms in times:
    assert abs(bucket_ms(ms) - ms) <= max(0.0005, 0.005 * ms) * 1.000001, ms
    assert bucket_ms(bucket_ms(ms)) == bucket_ms(ms)
assert bucket_ms(0) == bucket_ms(-1) == 0
assert [bucket_ms(ms) for ms in (0.2704, 1.7712, 147.3, 3432, 0.0004)] == [0.27, 1.77, 147, 3430, 0]
assert len({bucket_ms(ms) for ms in times}) < 7_200
"""


def _counted(*words: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, "-c", COUNTED, *words], check=True, capture_output=True, text=True)
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module")
def counted() -> dict[str, Any]:
    """What UI, files and console say of 2,000 requests, 98.5 % at 0.27 ms and the rest at 1.77, after two reports."""
    return _counted()


def test_the_ui_shows_what_is_true(counted: dict[str, Any]) -> None:
    """A median of 0.27 ms is shown as 0.27 and a p99 of 1.77 as 1.77, on a master that added up reports."""
    ui = counted["ui"]
    assert (ui["median_response_time"], ui["response_time_percentile_0.99"]) == (0.2704, 1.77)
    assert (ui["min_response_time"], ui["max_response_time"]) == (0.27, 1.77)


def test_files_keep_the_resolution(counted: dict[str, Any]) -> None:
    """So do the CSV files, whose rows of nothing stay empty, and those over time."""
    assert (counted["csv"]["profile"]["50%"], counted["csv"]["profile"]["99%"]) == ("0.27", "1.77")
    assert counted["csv"]["empty"]["50%"] == "N/A"
    assert counted["history"] == ["0"]


def test_the_console_keeps_the_resolution(counted: dict[str, Any]) -> None:
    """The table that ends a run has p50, p99 and the number of requests as they are."""
    assert counted["console"] == ["0.27", "1.77", "2000"]


def test_locust_alone_would_not(counted: dict[str, Any]) -> None:
    """The trap is there: without us the same requests have a p99 of 2 ms."""
    assert _counted("as Locust does")["ui"]["response_time_percentile_0.99"] == 2 != counted["ui"]["max_response_time"]


def test_buckets_are_fine_and_few() -> None:
    """A bucket is within half a percent of its times, or half a microsecond; it is its own, one of 7,200."""
    subprocess.run([sys.executable, "-c", BUCKETS], check=True)
