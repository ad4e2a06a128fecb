"""Helper services of plugins: started, found, shared, accounted for and ended like any other server of an arm."""

import socket
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from bench.stack.errors import NotReadyError, ProcessDiedError
from bench.stack.helper_services import distinct, start_helpers
from bench.stack.listening import LOOPBACK, free_port, port_of
from bench.stack.supervisor import Supervisor
from services.contract import HelperService, SchemeSpec
from services.schemes import none
from services.settings import Settings

TEAPOT = """
import os, subprocess, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Teapot(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(418)
        self.end_headers()
        self.wfile.write(os.environ["AUTHBENCH_ISSUER"].encode())

server = HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Teapot)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
print("cwd is", os.getcwd(), flush=True)
server.serve_forever()
"""
SERVICE = HelperService("teapot", ("python", "-c", TEAPOT), ready_path="/brew")
SETTINGS = Settings(issuer="https://teapot.test")


def spec(name: str, *helpers: HelperService) -> SchemeSpec:
    """The control, as if it needed `helpers`."""
    return replace(none.SPEC, name=name, helpers=helpers)


def test_it_is_ready_when_it_answers_whatever_it_says(supervisor: Supervisor) -> None:
    """It is told its port and the settings of the services, runs in a folder of its own, and is found by its name."""
    (helper,) = start_helpers(supervisor, "ready", [spec("a", SERVICE)], SETTINGS)
    name, _, url = helper.address.partition("=")
    assert (name, url) == ("teapot", f"http://{LOOPBACK}:{helper.port}")
    connection = HTTPConnection(LOOPBACK, helper.port)
    connection.request("GET", "/anything")
    response = connection.getresponse()
    assert (response.status, response.read()) == (418, b"https://teapot.test")
    connection.close()
    assert helper.process.last_line() != f"cwd is {Path.cwd()}"
    helper.process.kill()


def test_all_of_its_processes_are_accounted_for(supervisor: Supervisor) -> None:
    """Also those it started; none once it is dead."""
    (helper,) = start_helpers(supervisor, "processes", [spec("a", SERVICE)], SETTINGS)
    assert list(helper.processes()) == ["teapot", "teapot-1"]
    assert set(helper.processes().values()) == set(helper.process.members())
    helper.process.kill()
    assert helper.processes() == {}


def test_equal_ones_are_shared(supervisor: Supervisor) -> None:
    """Two schemes of one package need their authorization server once."""
    (helper,) = start_helpers(supervisor, "shared", [spec("a", SERVICE), spec("b", SERVICE), spec("c")], SETTINGS)
    helper.process.kill()


def test_two_that_differ_under_one_name_are_refused() -> None:
    """Nobody could tell which one a scheme would get."""
    other = replace(SERVICE, command=("python", "-m", "other"))
    with pytest.raises(NotReadyError, match="'teapot': found two that differ, of schemes 'a' and 'b', expected one; "):
        distinct([spec("a", SERVICE), spec("b", other)])


def test_one_that_cannot_start_is_told(supervisor: Supervisor) -> None:
    """In one line that names what was missing."""
    service = HelperService("absent", ("no-such-program",))
    with pytest.raises(NotReadyError, match=r"'absent': found 'no-such-program' not to start .*expected a command; "):
        start_helpers(supervisor, "absent", [spec("a", service)], SETTINGS)


def test_one_that_ends_is_told(supervisor: Supervisor) -> None:
    """With its last words and where its log is."""
    service = HelperService("brief", ("python", "-c", "raise SystemExit('out of tea')"))
    with pytest.raises(ProcessDiedError, match=r"out of tea.*brief\.log"):
        start_helpers(supervisor, "ending", [spec("a", service)], SETTINGS)


def test_it_moves_when_its_port_was_taken(supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guessed port may be lost to somebody else before the plugin binds it."""
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        guesses = [free_port(), port_of(taken)]
        monkeypatch.setattr("bench.stack.helper_services.free_port", guesses.pop)
        (helper,) = start_helpers(supervisor, "moving", [spec("a", SERVICE)], SETTINGS)
    assert guesses == []
    assert helper.answers()
    helper.process.kill()
