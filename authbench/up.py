"""`authbench up`: a stack of every scheme and Locust's web UI before it, until Ctrl-C."""

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

from authbench.again import RUNS
from authbench.exits import Exit
from bench.measure import rundir
from bench.measure.run import PASSWORD_PROFILE
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.haproxy_config import Front
from bench.stack.listening import LOOPBACK, free_port, listen
from bench.stack.postgres import start_postgres
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.locust_.ui_command import locust_command, master_options, sticky_options, worker_command
from loadtests.locust_.ui_options import HOST_BALANCING
from loadtests.plan import ArmPlan, Balancing
from services.catalogue import schemes
from services.settings import Settings

CONTROL = "none"
PATIENCE_S = 10.0


def command(chosen: argparse.Namespace) -> int:
    """Serve until interrupted: that is how it is meant to end, so it ends with 0."""
    for port in (chosen.port, chosen.sticky_port, chosen.web_port):
        listen(port).close()
    with contextlib.suppress(KeyboardInterrupt), _stack(chosen) as foundation:
        process = _start_locust(chosen, foundation)
        _say(chosen, foundation)
        process.popen.wait()
        print(f"authbench: locust ended by itself: {process.last_line()} (see {process.log})", file=sys.stderr)  # noqa: T201
        return Exit.NOT_READY
    return Exit.OK


def _spreading(chosen: argparse.Namespace) -> Balancing:
    """What the first port does; stickiness has a port of its own."""
    return "roundrobin" if chosen.balancing == "sticky" else chosen.balancing


@contextmanager
def _stack(chosen: argparse.Namespace) -> Iterator[Foundation]:
    """Replicas and BFFs that mount the whole catalogue behind one load balancer."""
    logs = rundir.create(RUNS).logs
    servers = f"PostgreSQL, Valkey, {chosen.replicas} replicas, as many BFFs and HAProxy"
    print(f"starting {servers}; logs in {logs}", file=sys.stderr)  # noqa: T201
    arm = ArmPlan("up", CONTROL, "bearer", chosen.replicas, _spreading(chosen), "browse", chosen.users)
    front = Front(health="http", port=chosen.port, sticky_port=chosen.sticky_port)
    with Supervisor(logs) as supervisor:
        settings = Settings(password_profile=PASSWORD_PROFILE)
        foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, chosen.users)
        with Stack([arm], foundation, front=front, mounted=tuple(schemes())):
            yield foundation


def _start_locust(chosen: argparse.Namespace, foundation: Foundation) -> Process:
    """The web UI, and its workers if any were asked for, all there."""
    meeting_port = free_port()
    argv = (
        *locust_command(_url(chosen.port), foundation.users_password_file, chosen.web_port, seeded_users=chosen.users),
        *sticky_options(_url(chosen.sticky_port), chosen=chosen.balancing == "sticky"),
        *(master_options(meeting_port) if chosen.workers else ()),
    )
    process = _start(foundation, "locust", argv, chosen)
    process.wait_ready(lambda: answers(chosen.web_port, "/"))
    for number in range(1, chosen.workers + 1):
        _start(foundation, f"locust-worker-{number}", worker_command(meeting_port), chosen)
    process.wait_ready(lambda: _workers(chosen.web_port) == chosen.workers)
    return process


def _start(foundation: Foundation, name: str, argv: tuple[str, ...], chosen: argparse.Namespace) -> Process:
    folder, told = foundation.supervisor.folder("locust"), {HOST_BALANCING: _spreading(chosen)}
    return foundation.supervisor.start(Command(name, argv, folder, told))


def _workers(web_port: int) -> int:
    """How many workers have come to the web UI's master."""
    with contextlib.closing(HTTPConnection(LOOPBACK, web_port, timeout=PATIENCE_S)) as connection:
        connection.request("GET", "/worker-count")
        return int(json.load(connection.getresponse())["worker_count"])


def _url(port: int) -> str:
    return f"http://{LOOPBACK}:{port}"


def _say(chosen: argparse.Namespace, foundation: Foundation) -> None:
    spreading, workers = _spreading(chosen), f", {chosen.workers} workers" if chosen.workers else ""
    lines = (
        f"Locust:    {_url(chosen.web_port)}  (choose scheme, journey and arrivals in the form){workers}",
        f"API:       {_url(chosen.port)}/<scheme>/<carrier>/profile  ({spreading})",
        f"           {_url(chosen.sticky_port)}/<scheme>/<carrier>/profile  (sticky)",
        f"replicas:  {chosen.replicas}; as many BFFs",
        f"users:     user-000000 to user-{chosen.users - 1:06d}, admin; password in {foundation.users_password_file}",
        "passwords are hashed below the OWASP floor here; Ctrl-C stops everything",
    )
    print("\n".join(lines), flush=True)  # noqa: T201 - standard output is the result
