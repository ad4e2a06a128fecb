"""A process of ours: started under control, ended for certain, and a clear line when it fails."""

import os
import re
import signal
from pathlib import Path

import pytest

from bench.stack.errors import ProcessDiedError
from bench.stack.process import Command, Owner, stop_all, unprivileged
from bench.stack.supervisor import Supervisor

STUBBORN = "trap '' TERM; echo ready; while :; do sleep 0.05; done"


def _shell(supervisor: Supervisor, name: str, script: str, env: dict[str, str] | None = None) -> Command:
    return Command(name, ("/bin/sh", "-c", script), supervisor.folder(name), env or {})


def test_output_goes_to_a_log_and_its_last_line_can_be_quoted(supervisor: Supervisor) -> None:
    """Standard output and error are in one file, kept over a restart."""
    process = supervisor.start(_shell(supervisor, "talker", "echo one; echo two >&2; echo"))
    process.wait_ended(5)
    assert (process.log.read_text(), process.last_line()) == ("one\ntwo\n\n", "two")
    supervisor.start(_shell(supervisor, "talker", "true")).wait_ended(5)
    assert process.last_line() == "two"


def test_a_process_that_dies_early_is_told_in_one_line(supervisor: Supervisor) -> None:
    """The error names the process, its exit code, its last line and its log."""
    process = supervisor.start(_shell(supervisor, "quitter", "echo no more beans; exit 7"))
    with pytest.raises(ProcessDiedError) as caught:
        process.wait_ready(lambda: False)
    assert re.fullmatch(
        r"quitter ended with exit code 7.*said: no more beans \(see .*quitter\.log\)", str(caught.value)
    )


def test_a_process_that_never_answers_is_told_in_one_line(supervisor: Supervisor) -> None:
    """Silence ends in the same error, with what the process said: here nothing."""
    process = supervisor.start(_shell(supervisor, "mute", "sleep 60"))
    with pytest.raises(ProcessDiedError, match=r"mute gave no answer for 0\.05 s.*said: nothing"):
        process.wait_ready(lambda: False, timeout_s=0.05)
    process.kill()


def test_a_process_that_ignores_the_request_is_killed(supervisor: Supervisor) -> None:
    """After the grace period SIGKILL ends it."""
    process = supervisor.start(_shell(supervisor, "stubborn", STUBBORN))
    process.wait_ready(lambda: process.last_line() == "ready")
    process.stop(grace_s=0.1)
    assert process.popen.returncode == -signal.SIGKILL


def test_a_frozen_process_hears_the_request(supervisor: Supervisor) -> None:
    """A stopped process is woken to end in its own way."""
    script = "trap 'echo bye; exit 3' TERM; echo ready; while :; do :; done"
    process = supervisor.start(_shell(supervisor, "frozen", script))
    process.wait_ready(lambda: process.last_line() == "ready")
    process.signal(signal.SIGSTOP)
    process.stop()
    assert (process.popen.returncode, process.last_line()) == (3, "bye")


def test_stopping_what_is_gone_does_nothing(supervisor: Supervisor) -> None:
    """Signals to a dead group and a second stop are no errors."""
    process = supervisor.start(_shell(supervisor, "short", "exit 0"))
    process.wait_ended(5)
    process.signal(signal.SIGTERM)
    stop_all([process])
    assert not process.alive


def test_waiting_for_the_end_is_bounded(supervisor: Supervisor) -> None:
    """A process that does not end by itself in time is killed."""
    process = supervisor.start(_shell(supervisor, "endless", "sleep 60"))
    process.wait_ended(0.05)
    assert process.popen.returncode == -signal.SIGKILL


def test_settings_of_the_user_do_not_leak_into_servers(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """PGPORT, GUNICORN_CMD_ARGS or AUTHBENCH_* of the calling shell configure nothing; what is given does."""
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("AUTHBENCH_JWT_TTL_S", "1")
    script = 'echo "${PGPORT-none} ${AUTHBENCH_JWT_TTL_S-none} $AUTHBENCH_REPLICA"'
    process = supervisor.start(_shell(supervisor, "environment", script, {"AUTHBENCH_REPLICA": "given"}))
    process.wait_ended(5)
    assert process.last_line() == "none none given"


def test_a_path_to_plugins_leads_there_from_any_folder(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A relative PYTHONPATH is made absolute: a server runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["plugins", "/elsewhere"]))
    process = supervisor.start(_shell(supervisor, "path", 'echo "$PYTHONPATH"'))
    process.wait_ended(5)
    assert process.last_line() == f"{tmp_path}/plugins:/elsewhere"


def test_members_are_the_processes_of_the_session(supervisor: Supervisor) -> None:
    """A started process and its children are its members; nobody else is."""
    process = supervisor.start(_shell(supervisor, "family", "sleep 60 & echo $!; wait"))
    process.wait_ready(lambda: process.last_line() != "nothing")
    assert process.members() == tuple(sorted((process.pid, int(process.last_line()))))
    process.kill()


def test_root_gives_up_its_rights_where_a_server_wants_that(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root needs another uid; where no `nobody` exists its customary id serves."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert unprivileged() is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    owner = unprivileged()
    assert owner is not None
    assert owner.uid > 0
    monkeypatch.setattr("pwd.getpwnam", dict[str, str]().__getitem__)
    assert unprivileged() == Owner(65_534, 65_534)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_server_runs_as_its_owner_and_dies_with_us(supervisor: Supervisor, public_python: str) -> None:
    """The uid is dropped before the program starts, groups included, and the death signal survives that."""
    owner = Owner(65_534, 65_534)
    code = (
        "import ctypes, os; n = ctypes.c_int(); ctypes.CDLL(None).prctl(2, ctypes.byref(n));"
        "print(os.getuid(), os.getgroups(), n.value)"
    )
    process = supervisor.start(Command("owned", (public_python, "-I", "-S", "-c", code), Path("/"), owner=owner))
    process.wait_ended(10)
    assert process.last_line() == "65534 [] 9"
