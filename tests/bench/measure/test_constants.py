"""Constants: from near saturation where there is any, never guessed, each with the run and the cell it came from."""

from dataclasses import replace
from pathlib import Path

import pytest

from bench.analysis.capacity.model import SchemeConstants
from bench.analysis.model import Estimate
from bench.consequences.session_memory import NAME
from bench.measure import constants as module
from bench.measure.constants import constants, scaling_points
from bench.measure.environment import to_jsonable
from bench.measure.rate_search import Choices
from bench.measure.rundir import CONSEQUENCES, MAX_RATE, MICRO, RUN, RunDirectoryError, create_at
from bench.micro.figures import Figure
from services.catalogue import SCHEMES
from tests.bench.measure.made_up_runs import HERE, RATE_RPS, arm, compared, rewritten, searched, weighed

SEARCH = Choices(20.0, schemes=("redis-session",), seed=3, journeys=("steady", "write"))
FIGURES = tuple(
    Figure("password verify", profile, "argon2id", Estimate(ms, ms, ms), Estimate(ms, ms, ms), Estimate(ms, ms, ms))
    for profile, ms in (("harness", 900.0), ("owasp", 28_000.0))
)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A search, a run with an arm entered twice and a refresh, and experiments."""
    folder = tmp_path_factory.mktemp("runs")
    arms = [arm("none"), arm("redis-session"), arm("redis-session", 2), arm("refresh-token", 1, "refresh")]
    arms.append(replace(arms[0], id=arms[0].id + "-again"))
    return [
        searched(folder / "search", SEARCH).path,
        compared(folder / "run", arms).path,
        weighed(folder / "experiments").path,
    ]


@pytest.fixture(scope="module")
def redis(runs: list[Path]) -> SchemeConstants:
    """What is known of redis-session."""
    return constants(runs, SCHEMES)["redis-session"]


def test_near_saturation_comes_first(redis: SchemeConstants) -> None:
    """Reads and writes are from the highest rates, though a run has reads, too; the rate is the reads'."""
    assert set(redis.steps) == {"read", "write"}
    for step, cost in redis.steps.items():
        name = "" if step == "read" else f"-{step}"
        source = cost.cpu_us["replicas"].source
        assert source.startswith(f"run search, highest rate of redis-session-cookie-1{name}, ")
    assert redis.max_rate is not None
    assert redis.max_rate.journey_steps == {"read": 1}


def test_what_was_not_searched_is_from_the_cells(runs: list[Path]) -> None:
    """At the highest rate on the fewest replicas; an arm's second entry is nobody's constant."""
    known = constants(runs[1:], SCHEMES)
    assert list(known) == ["none", "redis-session", "refresh-token"]
    assert {one.cpu_us["replicas"].source for name in known for one in known[name].steps.values()} == {
        "run run, cell none-bearer-1.cpu-60, 60/s",
        "run run, cell redis-session-cookie-1.cpu-60, 60/s",
        "run run, cell refresh-token-bearer-1-refresh.cpu-60, 60/s",
    }
    assert set(known["refresh-token"].steps) == {"refresh"}
    assert known["redis-session"].max_rate is None
    assert known["redis-session"].steps["read"].cpu_us["replicas"].value == pytest.approx(500)


def test_traits_are_the_catalogues(redis: SchemeConstants) -> None:
    """Carrier, stores and bounds."""
    assert (redis.carrier, redis.stores, redis.can_renew) == ("cookie", ("redis",), False)
    assert redis.revoked_within_s["logout"] == 0


def test_a_session_is_weighed_in_the_fullest_store(redis: SchemeConstants) -> None:
    """350 B at 100,000, not 400 at 10,000; whoever was not weighed has no weight."""
    (weight,) = redis.session_bytes.values()
    assert weight.value == 350
    assert weight.source == "run experiments, experiment session-memory, redis-session, 100,000 sessions"


def test_absent_is_absent(runs: list[Path]) -> None:
    """Without experiments no bytes, without microbenchmarks no hash; without any run nobody."""
    only = constants(runs[:1], SCHEMES)
    assert (only["none"].session_bytes, only["none"].password_hash_ms) == ({}, None)
    assert constants([], SCHEMES) == {}
    assert constants(runs[2:], SCHEMES) == {}


def test_a_hash_is_the_owasp_one(runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """28 ms, as it comes now and then; the harness' own profile is no login's cost."""
    monkeypatch.setattr(module, "measured_calls", lambda _: FIGURES)
    directory = create_at(tmp_path / "micro")
    told = {"status": "complete", "started_at": "2026-11-23T12:00:00+00:00", "environment": to_jsonable(HERE)}
    directory.describe({**told, **dict.fromkeys(("took_s", "command", "profile", "figures"))}, MICRO)
    known = constants([runs[0], directory.path], SCHEMES)["redis-session"].password_hash_ms
    assert known is not None
    assert (known.value, known.source) == (28.0, "run micro, password verify, owasp argon2id, cold")


def test_an_older_run_is_read_from_its_records(tmp_path: Path) -> None:
    """Where the document has no summary the records have it."""
    arms = [arm("none"), arm("redis-session")]
    with_one = compared(tmp_path / "a" / "run", arms)
    without = compared(tmp_path / "b" / "run", arms, with_summary=False)
    assert constants([with_one.path], SCHEMES) == constants([without.path], SCHEMES)


def test_another_carrier_is_better_than_none(tmp_path: Path) -> None:
    """A scheme that was measured under another carrier than its own is told by that."""
    other = replace(arm("redis-session"), id="redis-session-bearer-1", carrier="bearer")
    directory = compared(tmp_path / "run", [other])
    assert constants([directory.path], SCHEMES)["redis-session"].carrier == "bearer"
    both = compared(tmp_path / "both", [other, arm("redis-session")])
    assert constants([both.path], SCHEMES)["redis-session"].carrier == "cookie"


def test_scaling_is_from_reads_on_cores_that_are_there(tmp_path: Path) -> None:
    """Of four replica counts two are no more than a machine of four has for servers; another journey is no point."""
    choices = Choices(20.0, schemes=("jwt-hs256",), replicas=(1, 2, 3, 4), journeys=("steady", "write"))
    directory = searched(tmp_path / "run", choices)
    known = constants([directory.path], SCHEMES)["jwt-hs256"]
    rate_rps = pytest.approx(RATE_RPS)
    assert scaling_points([directory.path], known) == ((1, rate_rps),)
    rewritten(directory, MAX_RATE.file, {"environment": to_jsonable(replace(HERE, cores=4))})
    assert scaling_points([directory.path], known) == ((1, rate_rps), (2, rate_rps))
    assert scaling_points([directory.path], replace(known, carrier="cookie")) == ()


def test_unlike_machines_are_not_mixed(runs: list[Path], tmp_path: Path) -> None:
    """Refused in one line that names both and what differs."""
    directory = compared(tmp_path / "elsewhere", [arm("none")])
    rewritten(directory, RUN.file, {"environment": to_jsonable(replace(HERE, cores=64))})
    with pytest.raises(RunDirectoryError, match=r"elsewhere: found cores: 2 against 64, expected the same as .*search"):
        constants([runs[0], directory.path], SCHEMES)


def test_what_cannot_be_understood_is_refused(tmp_path: Path) -> None:
    """One line with the directory, of a run's summary and of what experiments found."""
    run = compared(tmp_path / "run", [arm("none")])
    rewritten(run, RUN.file, {"summary": {"cells": 3}})
    with pytest.raises(RunDirectoryError, match="run: found no run summary"):
        constants([run.path], SCHEMES)
    experiments = weighed(tmp_path / "experiments")
    rewritten(experiments, CONSEQUENCES.file, {"experiments": [{"name": NAME, "outcomes": [{}]}]})
    with pytest.raises(RunDirectoryError, match="experiments: found no outcomes"):
        constants([experiments.path], SCHEMES)
