"""`authbench plan`: what it refuses, where it finds its constants, and that table, JSON and page say the same."""

import argparse
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from authbench import quantities
from authbench.exits import Exit
from bench.measure.rate_search import Choices
from tests.authbench.conftest import Ask
from tests.bench.measure.made_up_runs import arm, compared, searched, weighed

BAD = {
    "no unit": (["--access-ttl", "30"], "--access-ttl: found '30', expected a time with its unit"),
    "no number": (["--users", "many"], "--users: found 'many', expected a number, as in 500"),
    "less than none": (["--users", "-1"], "--users: "),
    "a ratio above one": (["--active-ratio", "1.5"], r"active_ratio is 1\.5, expected .* <= 1; correct it"),
    "nobody's requests": (["--requests-per-minute", "0"], "requests_per_minute is 0, expected .* > 0"),
    "a token that outlives its refresh": (["--refresh-ttl", "1m"], "refresh_ttl_s is 60, expected at least"),
    "half a core": (["--replica-cores", "0.5"], "--replica-cores: found '0.5', expected a whole number"),
    "an unknown scheme": (["--scheme", "jwt-hs265"], "scheme 'jwt-hs265' unknown"),
    "no such run": (["nowhere"], r"nowhere: found no document, expected one of max_rate\.json"),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of runs: highest rates of three journeys, and what a session takes."""
    folder = tmp_path_factory.mktemp("plans") / "runs"
    asked = Choices(50.0, schemes=("redis-session",), seed=3, journeys=("steady", "write", "relogin"))
    searched(folder / "search", asked)
    weighed(folder / "experiments")
    return folder


@pytest.mark.parametrize(("argv", "told"), BAD.values(), ids=BAD.keys())
def test_nonsense_is_one_line(ask: Ask, tmp_path: Path, argv: list[str], told: str) -> None:
    """Exit code 2, before anything is computed or written."""
    answer = ask("plan", *argv, "-o", tmp_path / "plan.html")
    assert answer.code == Exit.USAGE
    assert re.search(told, answer.complaint)
    assert list(tmp_path.iterdir()) == []


def test_without_constants_there_is_no_plan(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 4 and what to run, where there is no run and where none has measured the scheme."""
    monkeypatch.chdir(tmp_path)
    answer = ask("plan")
    assert answer.code == Exit.NOTHING_VALID
    assert "runs/: found no cost of a request" in answer.complaint
    assert "run: authbench run --max-rate" in answer.complaint
    run = compared(tmp_path / "run", [arm("none")])
    assert ask("plan", run.path, "--scheme", "bff").code == Exit.NOTHING_VALID


def test_the_newest_runs_are_the_default(ask: Ask, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of each kind below runs/; a table of 80 columns and the runs it is from."""
    monkeypatch.chdir(runs.parent)
    answer = ask("plan", "--users", "10M")
    assert answer.code == Exit.OK
    assert max(map(len, answer.out.splitlines())) <= 80
    assert re.search(r"redis-session +\d+ +[\d.]+ +\d+k +167.MiB", answer.out)
    assert re.search("constants from: (experiments, search|search, experiments)\n", answer.out)


def test_json_and_page_say_the_same(ask: Ask, runs: Path, tmp_path: Path) -> None:
    """Every figure with its sources and its arithmetic; the page is written beside it."""
    page = tmp_path / "plan.html"
    answer = ask("plan", runs / "search", runs / "experiments", "--scheme", "redis-session", "--json", "-o", page)
    told = json.loads(answer.out)
    assert (told["runs"], told["demand"]["users"]) == (["search", "experiments"], 1e6)
    (plan,) = told["plans"]
    # 1M users x 0.05 x 6 a minute / 60 = 5,000 requests/s, each one Redis command; 50,000 logins / 12 h = 1.16/s
    assert plan["requests_per_s"]["value"] == pytest.approx(5000)
    assert plan["logins_per_s"]["value"] == pytest.approx(50_000 / 43_200)
    assert plan["redis_operations_per_s"]["value"] == pytest.approx(5000, rel=0.01)
    assert plan["redis_operations_per_s"]["sources"]
    assert plan["login_bytes"]["redis"]["value"] == pytest.approx(50_000 * 350)
    (known,) = told["constants"]
    assert known["steps"]["read"]["cpu_us"]["replicas"]["source"].startswith("run search, highest rate of ")
    assert "run search, highest rate of redis-session-cookie-1" in page.read_text("utf-8")


def test_the_page_is_announced(ask: Ask, tmp_path: Path) -> None:
    """Where it was written, under the table."""
    run = compared(tmp_path / "run", [arm("none")])
    answer = ask("plan", run.path, "-o", tmp_path / "plan.html")
    assert answer.out.endswith(f"\nreport: {tmp_path / 'plan.html'}\n")
    assert "Nothing to plot" in (tmp_path / "plan.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (quantities.amount, "500", 500),
        (quantities.amount, "0.05", 0.05),
        (quantities.amount, "20k", 20_000),
        (quantities.amount, "2.5G", 2.5e9),
        (quantities.seconds, "30m", 1800),
        (quantities.seconds, "14d", 1_209_600),
        (quantities.seconds, "0.5ms", 0.0005),
        (quantities.milliseconds, "250us", 0.25),
        (quantities.milliseconds, "2s", 2000),
    ],
)
def test_quantities_are_read(read: Callable[[str], float], text: str, value: float) -> None:
    """Thousands, millions, milliards; microseconds to days."""
    assert read(text) == pytest.approx(value)


@given(st.text().filter(lambda text: not re.fullmatch(r"[0-9]+(\.[0-9]+)?[a-zA-Z]*", text)))
def test_what_is_no_quantity_is_refused(text: str) -> None:
    """With what was found and what was expected, never anything else."""
    for read in (quantities.amount, quantities.seconds):
        with pytest.raises(argparse.ArgumentTypeError, match=r"^found .*, expected a "):
            read(text)
