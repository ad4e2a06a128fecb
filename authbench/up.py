"""`authbench up`: a stack of every scheme and Locust's web UI before it, until Ctrl-C."""

import argparse
import contextlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from authbench.exits import Exit
from authbench.run import RUNS
from bench.measure import rundir
from bench.measure.run import PASSWORD_PROFILE
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.haproxy_config import Front
from bench.stack.listening import LOOPBACK, listen
from bench.stack.postgres import start_postgres
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.locust_.ui_command import locust_command
from loadtests.plan import ArmPlan, Balancing
from services.catalogue import schemes
from services.settings import Settings

CONTROL = "none"


def command(chosen: argparse.Namespace) -> int:
    """Serve until interrupted: that is how it is meant to end, so it ends with 0."""
    for port in (chosen.port, chosen.web_port):
        listen(port).close()
    with contextlib.suppress(KeyboardInterrupt), _stack(chosen) as foundation:
        process = _start_locust(chosen, foundation)
        _say(chosen, foundation)
        process.popen.wait()
        print(f"authbench: locust ended by itself: {process.last_line()} (see {process.log})", file=sys.stderr)  # noqa: T201
        return Exit.NOT_READY
    return Exit.OK


@contextmanager
def _stack(chosen: argparse.Namespace) -> Iterator[Foundation]:
    """Replicas and BFFs that mount the whole catalogue behind one load balancer."""
    logs = rundir.create(RUNS).logs
    servers = f"PostgreSQL, Valkey, {chosen.replicas} replicas, as many BFFs and HAProxy"
    print(f"starting {servers}; logs in {logs}", file=sys.stderr)  # noqa: T201
    arm = ArmPlan("up", CONTROL, "bearer", chosen.replicas, chosen.balancing, "browse", chosen.users)
    with Supervisor(logs) as supervisor:
        settings = Settings(password_profile=PASSWORD_PROFILE)
        foundation = lay_foundation(supervisor, start_postgres(supervisor), settings, chosen.users)
        with Stack([arm], foundation, front=Front(health="http", port=chosen.port), mounted=tuple(schemes())):
            yield foundation


def _start_locust(chosen: argparse.Namespace, foundation: Foundation) -> Process:
    argv = locust_command(
        f"http://{LOOPBACK}:{chosen.port}",
        foundation.users_password_file,
        chosen.web_port,
        seeded_users=chosen.users,
    )
    process = foundation.supervisor.start(Command("locust", argv, foundation.supervisor.folder("locust")))
    process.wait_ready(lambda: answers(chosen.web_port, "/"))
    return process


def _reach(balancing: Balancing) -> str:
    return ", out of reach as layer 4 sees no paths" if balancing == "roundrobin-l4" else ""


def _say(chosen: argparse.Namespace, foundation: Foundation) -> None:
    lines = (
        f"Locust:    http://{LOOPBACK}:{chosen.web_port}  (choose scheme, carrier and journey in the form)",
        f"API:       http://{LOOPBACK}:{chosen.port}/<scheme>/<carrier>/profile",
        f"replicas:  {chosen.replicas}, {chosen.balancing}; as many BFFs{_reach(chosen.balancing)}",
        f"users:     user-000000 to user-{chosen.users - 1:06d}, admin; password in {foundation.users_password_file}",
        "passwords are hashed below the OWASP floor here; Ctrl-C stops everything",
    )
    print("\n".join(lines), flush=True)  # noqa: T201 - standard output is the result
