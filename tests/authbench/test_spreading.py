"""Over whom load is spread: what is asked for is held against itself, and said aloud before anybody waits."""

import os
import sys
from typing import NoReturn

import pytest

from authbench import run as running
from authbench.exits import Exit
from authbench.spreading import announce
from bench.measure.crew import LoadLostError, Spread
from bench.measure.run import Run
from tests.authbench.conftest import Ask


@pytest.fixture
def spreads(monkeypatch: pytest.MonkeyPatch) -> list[Spread]:
    """What runs were to be spread over; nobody measures."""
    seen: list[Spread] = []

    def look(run: Run, _: object) -> None:
        seen.append(run.spread)
        run.describe()

    monkeypatch.setattr(running, "measure", look)
    return seen


@pytest.mark.parametrize(
    ("words", "spread"),
    [
        ((), Spread()),
        (("--workers", "4"), Spread(local=4)),
        (("--expect-workers", "2"), Spread(expected=2, port=5557)),
        (("--expect-workers", "2", "--bind", "localhost:7000"), Spread(expected=2, port=7000)),
        (("--expect-workers", "2", "--bind", "127.0.0.2"), Spread(expected=2, host="127.0.0.2", port=5557)),
    ],
)
def test_a_run_is_spread_as_was_asked(
    ask: Ask, spreads: list[Spread], words: tuple[str, ...], spread: Spread, tmp_path: object
) -> None:
    """One process without a word; workers of our own, or expected ones at an address of this machine."""
    ask("run", "none", *words, "-o", f"{tmp_path}/run")
    assert spreads == [spread]


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("--workers 2 --expect-workers 2", "found --workers and --expect-workers, expected one of them"),
        ("--bind 127.0.0.1", "found --bind without --expect-workers"),
        ("--expect-workers 1 --bind 192.0.2.1", "--bind: found '192.0.2.1', expected a name or IPv4 address"),
        ("--workers 25", "found '25', expected a whole number from 1 to 24"),
        ("--expect-workers 1 --bind :70", "found ':70', expected HOST or HOST:PORT"),
        ("--expect-workers 1 --bind h:", "found '', expected a port from 1 to 65535"),
        ("--expect-workers 1 --bind h:x", "found 'x', expected a port from 1 to 65535"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(ask: Ask, words: str, complaint: str) -> None:
    """Exit code 2, before a directory is made."""
    answer = ask("run", "none", *words.split())
    assert answer.code == Exit.USAGE
    assert complaint in answer.complaint


def test_whoever_waits_is_told_for_whom(capsys: pytest.CaptureFixture[str]) -> None:
    """Where, how long, and what to start; a warning where others than this machine can come. Else not a word."""
    announce(Spread(local=2))
    assert capsys.readouterr().err == ""
    announce(Spread(expected=2, port=5557))
    start = "start each with: authbench worker --master 127.0.0.1:5557"
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"authbench: waiting for workers at 127.0.0.1:5557, 2 in all, for 180 s at most; {start}"
    announce(Spread(expected=2, host="10.0.0.7", port=5557))
    warning = capsys.readouterr().err.splitlines()[1]
    assert warning.startswith("authbench: warning: whoever reaches 10.0.0.7:5557 can give and take load")
    assert "neither authenticated nor encrypted" in warning


def test_a_run_that_lost_a_worker_is_told_and_is_worth_4(
    ask: Ask, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was valid before: one line names the worker and where the rest is kept."""

    def lose(run: Run, _: object) -> None:
        run.describe()
        message = "worker 1 of 2 (a) ended"
        raise LoadLostError(message)

    monkeypatch.setattr(running, "measure", lose)
    answer = ask("run", "none", "--workers", "2", "-o", f"{tmp_path}/run")
    assert answer.code == Exit.NOTHING_VALID
    kept = f"the run ends here, what was measured is kept in {tmp_path}/run"
    assert answer.complaint == f"authbench: worker 1 of 2 (a) ended; {kept}"


@pytest.mark.parametrize(
    ("words", "last"),
    [(("--master", "10.0.0.7"), ["10.0.0.7", "5557"]), (("--master", "h:7", "--once"), ["h", "7", "--once"])],
)
def test_a_worker_becomes_a_process_of_locusts(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], last: list[str]
) -> None:
    """The same interpreter, given master, port and how often; the master has to be named."""
    become: list[list[str]] = []

    def execv(_: str, argv: list[str]) -> NoReturn:
        become.append(argv)
        sys.exit(0)

    monkeypatch.setattr(os, "execv", execv)
    assert ask("worker", *words).code == 0
    assert become == [[sys.executable, "-m", "loadtests.locust_.worker", *last]]
    assert ask("worker").code == Exit.USAGE
