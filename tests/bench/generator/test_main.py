"""The command line: what is asked for is compared, and whatever is wrong is said in one line."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.generator import __main__ as front
from bench.generator.comparison import Cell, Choices
from bench.generator.server import BareServer
from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.supervisor import Supervisor
from tests.bench.generator.made_up import CELL


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Choices]:
    """What would have been compared; the answer is made up."""
    seen: list[Choices] = []

    def compare(_: Supervisor, __: BareServer, choices: Choices) -> Iterator[Cell]:
        seen.append(choices)
        yield CELL

    monkeypatch.setattr(front, "compare", compare)
    monkeypatch.setattr(front, "BareServer", lambda _: None)
    return seen


def test_what_is_asked_for_is_compared(asked: list[Choices], capsys: pytest.CaptureFixture[str]) -> None:
    """Every option reaches the comparison; the table is the result."""
    words = "--rates 50,60 --seconds 4 --rounds 2 --carrier bearer --only ours,fasthttp --seed 7"
    assert front.main(words.split()) == 0
    (choices,) = asked
    assert [contender.name for contender in choices.contenders] == ["ours", "fasthttp"]
    assert (choices.rates_rps, choices.seconds, choices.rounds) == ((50, 60), 4, 2)
    assert (choices.carriers, choices.seed) == (("bearer",), 7)
    assert "of k6's" in capsys.readouterr().out


def test_json_holds_every_round(asked: list[Choices], capsys: pytest.CaptureFixture[str]) -> None:
    """Rows and what they were made of, and nothing else on standard output."""
    assert front.main(["--only", "ours", "--json"]) == 0
    assert len(asked) == 1
    (cell,) = json.loads(capsys.readouterr().out)
    assert (cell["rate_rps"], len(cell["rounds"]), cell["rows"][0]["generator"]) == (400, 3, "ours")


def test_who_is_not_installed_is_named(
    asked: list[Choices], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The others are compared all the same."""
    gone = {**front.CONTENDERS, "wrk": replace(front.CONTENDERS["wrk"], is_installed=lambda: False)}
    monkeypatch.setattr(front, "CONTENDERS", gone)
    assert front.main(["--only", "ours,wrk"]) == 0
    assert [contender.name for contender in asked[0].contenders] == ["ours"]
    assert capsys.readouterr().err == "wrk is not installed; to compare with it: apt-get install wrk\n"


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ProcessDiedError("k6: ended with 107"), 3, "bench.generator: k6: ended with 107\n"),
        (NotReadyError("port 1: found it unusable"), 3, "bench.generator: port 1: found it unusable\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
    ids=["died", "not ready", "interrupted"],
)
def test_a_failure_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException, code: int, said: str
) -> None:
    """A generator that dies, or a server that cannot start, ends the comparison with what it said."""

    def compare(_: Supervisor, __: BareServer, ___: Choices) -> Iterator[Cell]:
        raise error

    monkeypatch.setattr(front, "compare", compare)
    monkeypatch.setattr(front, "BareServer", lambda _: None)
    assert front.main(["--only", "ours"]) == code
    assert capsys.readouterr().err == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--rates 0", "found '0', expected a whole number from 1 on"),
        ("--rates many", "found 'many', expected a whole number from 1 on"),
        ("--seconds 2", "found '2', expected a whole number from 3 on"),
        ("--only ab", "found 'ab', expected one of: ours, fasthttp, k6, wrk"),
        ("--carrier pigeon", "found 'pigeon', expected one of: cookie, bearer"),
    ],
)
def test_a_wrong_option_is_named(words: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Found and expected; 2."""
    with pytest.raises(SystemExit, match="2"):
        front.main(words.split())
    assert said in capsys.readouterr().err


def test_it_is_a_module_to_run() -> None:
    """`python -m bench.generator --help` tells the options."""
    asked = subprocess.run(
        [sys.executable, "-m", "bench.generator", "--help"], capture_output=True, text=True, check=True
    )
    assert "--rates" in asked.stdout
