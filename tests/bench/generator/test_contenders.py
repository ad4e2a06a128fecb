"""Every generator does the same journeys: logged in, refused nowhere, paid for by its own CPU clock."""

import os
import sys
from pathlib import Path

import pytest

from bench.generator import k6, ours, wrk
from bench.generator import round as rounds
from bench.generator.catalogue import CONTENDERS
from bench.generator.comparison import Choices, compare
from bench.generator.contender import Load, Spread, Told
from bench.generator.round import measure, outcome
from bench.generator.server import BareServer
from bench.generator.watch import Reading
from bench.stack.errors import ProcessDiedError
from bench.stack.supervisor import Supervisor
from loadtests.record import Sample
from services.contract import Carrier
from tests.bench.generator import stand_in

pytestmark = pytest.mark.stack

RATE_RPS, SECONDS, VISITORS = 100, 1, 10
NOBODY = Told(None, 0)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load of a second has its steady state too."""
    monkeypatch.setattr(rounds, "LEAD_S", 0.2)
    monkeypatch.setattr(rounds, "TAIL_S", 0.1)


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found on PATH before any real one."""
    for name in ("k6", "wrk"):
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{_linked(tmp_path, name)}" "$@"\n', encoding="utf-8")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))


def _linked(folder: Path, name: str) -> Path:
    """The script under the name it stands in for."""
    scripts = folder / "scripts"
    scripts.mkdir(exist_ok=True)
    (scripts / name).symlink_to(stand_in.__file__)
    return scripts / name


def _load(server: BareServer, carrier: Carrier) -> Load:
    return Load(server.port, carrier, RATE_RPS, SECONDS, VISITORS)


def test_whole_journeys_are_loaded(supervisor: Supervisor, server: BareServer) -> None:
    """One cell, in it each generator once: nobody is refused, nothing fails, all but a few iterations are begun."""
    paced = tuple(one for one in CONTENDERS.values() if one.is_paced and one.is_installed())
    (cell,) = compare(
        supervisor, server, Choices(paced, (RATE_RPS,), ("cookie",), SECONDS, rounds=1, visitors=VISITORS)
    )
    assert [row.generator for row in cell.rows] == [contender.name for contender in paced]
    assert {row.generator for row in cell.rows} == {one.generator for one in cell.rounds[0]}
    for row in cell.rows:
        assert (row.refused, row.failed) == (0, 0), row
        assert row.cpu_us > 0
        assert 0.5 < (row.sent_ratio or 0) <= 1
        assert row.lateness is not None
        assert row.response is not None
        assert (row.recorded is not None) == (row.generator == "ours")


@pytest.mark.usefixtures("stand_ins")
def test_k6_is_told_everything_and_tells_it_back(supervisor: Supervisor, server: BareServer) -> None:
    """Where, how long and with which logins; its summary is read as it wrote it."""
    found = measure(supervisor, server, k6.CONTENDER, _load(server, "cookie"))
    assert (found.response, found.refused, found.failed) == (Spread(0.25, 1.5), 0, 0)
    assert found.sent_ratio is not None
    assert 0 < found.sent_ratio <= stand_in.READS / (RATE_RPS * SECONDS)


@pytest.mark.usefixtures("stand_ins")
def test_wrk_reads_with_a_login(supervisor: Supervisor, server: BareServer) -> None:
    """It follows no schedule, so it is late for nothing; its own count of failures is read."""
    found = measure(supervisor, server, wrk.CONTENDER, _load(server, "bearer"))
    assert (found.refused, found.failed) == (0, 2)
    assert (found.lateness, found.response, found.sent_ratio) == (None, None, None)


@pytest.mark.usefixtures("stand_ins")
def test_one_that_ends_badly_is_named(
    supervisor: Supervisor, server: BareServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its exit code, what it said and where to look."""
    monkeypatch.setenv("LOAD_FAILURE", "yes")
    with pytest.raises(ProcessDiedError, match=r"k6: ended with 107, expected .*; it said: out of tokens \(see .*k6"):
        measure(supervisor, server, k6.CONTENDER, _load(server, "bearer"))


def test_visitors_that_cannot_log_in_are_an_error(supervisor: Supervisor, server: BareServer) -> None:
    """Before anything is loaded, with the reason."""
    load = _load(server, "pigeon")  # type: ignore[arg-type] # a carrier the server does not have
    with pytest.raises(ProcessDiedError, match=r"ours: found logins refused \(404 not-found\)"):
        measure(supervisor, server, ours.CONTENDER, load)


def test_who_never_came_is_an_error(server: BareServer) -> None:
    """No arrival, no figure."""
    server.arrivals()
    with pytest.raises(ValueError, match="ours: found no request of its at the server, expected 100"):
        outcome(ours.CONTENDER, _load(server, "bearer"), server.arrivals(), [Reading(0, 0)], NOBODY)


def test_a_record_is_told_without_what_was_not_scheduled() -> None:
    """A login is late for nothing; a request without an answer has no response time, and is a failure as a 401 is."""
    rows = (
        ("read", 0, 1, 5, 200), ("logout", 0, 3, 4, 200), ("login", 4, 9, 10, 401), ("write", 0, 2, 9, 0),
    )  # fmt: skip
    samples = tuple(
        Sample(1, step, intended * 10**6, sent * 10**6, done * 10**6, status, "", "", True, 1, 1)  # type: ignore[arg-type] # noqa: FBT003 - a record's row
        for step, intended, sent, done, status in rows
    )
    told = ours.told(samples)
    assert (told.response, told.failed) == (Spread(5.0, pytest.approx(5.98)), 2)  # type: ignore[arg-type]
    assert told.lateness == Spread(2.0, pytest.approx(2.98))  # type: ignore[arg-type]
    assert ours.told(()) == NOBODY


def test_the_catalogue_names_each_by_its_own() -> None:
    """Four, each under its own name with a way to get it; ours and Locust's are always there."""
    assert [(name, contender.name) for name, contender in CONTENDERS.items()] == [
        (name, name) for name in ("ours", "fasthttp", "k6", "wrk")
    ]
    assert all(contender.install and contender.summary for contender in CONTENDERS.values())
    assert CONTENDERS["ours"].is_installed()
    assert CONTENDERS["fasthttp"].is_installed()
    assert [contender.name for contender in CONTENDERS.values() if not contender.is_paced] == ["wrk"]


def test_wrk_says_what_failed() -> None:
    """Of the last run in its log, socket errors and refusals together; nothing where there were none."""
    said = "Running 1s test\n  Non-2xx or 3xx responses: 7\nRunning 2s test\n  90 requests in 2s\n"
    assert wrk.failures(said) == 0
    assert wrk.failures(said + "  Socket errors: connect 1, read 2, write 0, timeout 3\n") == 6
