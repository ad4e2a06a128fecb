"""The command line as a whole: exit codes, one line for every bad input, nothing wider than a terminal."""

import os
import re
import signal
import subprocess
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from authbench import cli
from authbench.exits import Exit
from bench.stack.listening import listen, port_of
from tests.authbench.conftest import Ask

COMMANDS = (
    "run",
    "consequences",
    "micro",
    "up",
    "worker",
    "list",
    "doctor",
    "report",
    "diff",
    "gate",
    "trend",
    "plan",
    "advise",
    "selfcheck",
)
BAD = {
    "no command": ([], "the following arguments are required: COMMAND"),
    "an unknown command": (["compare"], "'compare' .choose from 'run',"),
    "an unknown option": (["run", "--rat", "5", "--fast"], "unrecognized arguments: --fast"),
    "an unknown profile": (["run", "--profile", "slow"], "'slow' .choose from 'quick',"),
    "an unknown carrier": (["run", "--carrier", "pigeon"], "'pigeon' .choose from 'cookie',"),
    "a bad rate": (["run", "--rate", "0"], "found '0', expected a number of requests per second above 0"),
    "bad replicas": (["run", "--replicas", "1,x"], "found 'x', expected whole numbers from 1 to 64"),
    "a bad policy": (["run", "--balancing", "fair"], "found 'fair', expected one of: roundrobin,"),
    "no time": (["run", "--seconds", "0"], "found '0', expected a whole number of at least 1"),
    "no blocks": (["run", "--blocks", "-1"], "expected a whole number of at least 1"),
    "a seed that is none": (["run", "--seed", "x"], "invalid int value: 'x'"),
    "an unknown scheme": (["run", "jwt-hs265"], "scheme 'jwt-hs265' unknown; one of: none, .*did you mean jwt-hs256"),
    "an unknown selfcheck": (["selfcheck", "freez"], "selfcheck 'freez' unknown; one of: .*did you mean freeze"),
    "a selfcheck like none": (["selfcheck", "xyz"], "selfcheck 'xyz' unknown; one of: "),
    "a port too high": (["up", "--port", "70000"], "found '70000', expected a port from 1 to 65535"),
    "one run to compare": (["diff", "a"], "RUN"),
    "no run to report": (["report"], "the following arguments are required: RUN"),
}


@pytest.mark.parametrize(("argv", "told"), BAD.values(), ids=BAD.keys())
def test_bad_input_is_one_line_and_usage(ask: Ask, argv: list[str], told: str) -> None:
    """What cannot be meant is told in one line, found and expected, with exit code 2 and nothing on standard output."""
    answer = ask(*argv)
    assert answer.code == Exit.USAGE
    assert re.search(told, answer.complaint)
    assert answer.out == ""


def test_a_bad_run_leaves_no_directory(ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused is refused before anything is written."""
    monkeypatch.chdir(tmp_path)
    assert ask("run", "nothing-like-it").code == Exit.USAGE
    assert list(tmp_path.iterdir()) == []


def test_a_full_directory_is_not_written_over(ask: Ask, tmp_path: Path) -> None:
    """-o takes a new or empty directory; what stands in another stays."""
    (tmp_path / "precious").write_text("mine", encoding="utf-8")
    answer = ask("run", "none", "-o", tmp_path)
    assert answer.code == Exit.USAGE
    assert "expected a new or empty directory; choose another with -o" in answer.complaint
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]


@pytest.mark.parametrize("output", [[], ["-o", "runs/mine"]], ids=["by default", "by -o"])
def test_a_place_that_cannot_be_made_is_the_machines_fault(
    ask: Ask, output: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file where runs/ should be: one line, exit code 3, the file untouched."""
    monkeypatch.chdir(tmp_path)
    Path("runs").write_text("mine", encoding="utf-8")
    answer = ask("run", "none", *output)
    assert answer.code == Exit.NOT_READY
    assert re.search(r"runs/.*: found no way to make it .*, expected a place to write to", answer.complaint)
    assert Path("runs").read_text(encoding="utf-8") == "mine"


def test_a_missing_server_stops_before_anything_is_made(
    ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A setting that leads nowhere is told by its name, with exit code 3."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTHBENCH_VALKEY", "/nope")
    answer = ask("run", "none")
    assert answer.code == Exit.NOT_READY
    assert "AUTHBENCH_VALKEY: found '/nope', expected an executable; correct it or unset it" in answer.complaint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--port", "--sticky-port", "--web-port"])
def test_a_taken_port_stops_before_anything_is_made(
    ask: Ask, option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`up` on a port that somebody has says so, with exit code 3."""
    monkeypatch.chdir(tmp_path)
    with listen() as taken, listen() as other:
        free = port_of(other)
        other.close()
        ports = {"--port": free, "--sticky-port": free, "--web-port": free, option: port_of(taken)}
        answer = ask("up", *(word for pair in ports.items() for word in pair))
        assert f"port {port_of(taken)} on 127.0.0.1: found it unusable" in answer.complaint
    assert answer.code == Exit.NOT_READY
    assert list(tmp_path.iterdir()) == []


def test_help_documents_every_exit_code(ask: Ask) -> None:
    """The table in --help is the exit codes, no more and no less."""
    table = ask("--help").out.partition("exit codes:")[2]
    assert {int(code) for code in re.findall(r"^ *(\d+)  ", table, re.MULTILINE)} == set(Exit)


@pytest.mark.parametrize("argv", [["--help"], *([command, "--help"] for command in COMMANDS), ["list"], ["doctor"]])
def test_nothing_is_wider_than_a_terminal(ask: Ask, argv: list[str]) -> None:
    """Help, catalogue and doctor fit 80 columns and lose no text for it."""
    answer = ask(*argv)
    assert answer.code in {Exit.OK, Exit.NOT_READY}
    assert answer.out
    assert [line for line in answer.out.splitlines() if len(line) > 80] == []
    assert "…" not in answer.out


def test_help_names_every_command(ask: Ask) -> None:
    """What can be called is in --help."""
    assert re.findall(r"^    (\w+)", ask("--help").out.partition("exit codes:")[0], re.MULTILINE) == list(COMMANDS)


def test_a_mistake_of_ours_is_not_dressed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that is neither the user's nor the machine's keeps its traceback."""

    def command(_: Namespace) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(cli, "_command", _always(command))
    with pytest.raises(ZeroDivisionError):
        cli.main(["list"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts(monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    """Ctrl-C and SIGTERM both end a command with 130."""

    def command(_: Namespace) -> int:
        signal.raise_signal(number)
        return Exit.OK

    monkeypatch.setattr(cli, "_command", _always(command))
    assert cli.main(["list"]) == Exit.INTERRUPTED


def _always(command: cli.Command) -> Callable[[str], cli.Command]:
    return lambda _: command


def test_the_module_is_the_command(tmp_path: Path) -> None:
    """`python -m authbench` takes its words from the process and gives its exit code to it."""
    ended = subprocess.run(
        [sys.executable, "-m", "authbench", "report", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ,
    )
    assert ended.returncode == Exit.USAGE
    assert ended.stderr.startswith(f"authbench: {tmp_path}/run.json: found No such file")
