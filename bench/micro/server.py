"""The service's `none` read beside a bare Falcon app on the same server: CPU per request, loaded side by side."""

import math
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from random import Random

from bench.analysis.intervals import mean
from bench.analysis.model import Estimate
from bench.measure.cpu import cpu_ns
from bench.measure.generator import GeneratorProcess
from bench.stack.foundation import Foundation
from bench.stack.listening import LOOPBACK, listen, port_of
from bench.stack.probe import answers
from bench.stack.process import Command, Process
from bench.stack.replicas import ARGV
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.settings import to_environment

PAIRS = 5
RATE_RPS = 150
SECONDS = 8
VISITORS = 32
APPS: Mapping[str, str] = {"service": "services.app:create_app()", "bare": "bench.micro.bare_app:create_app()"}


def ratio_to_bare(foundation: Foundation) -> Estimate:
    """CPU per request of the service over the bare app's: fresh process pairs, loaded concurrently; 95 % interval."""
    logs = [math.log(_pair(foundation, number)) for number in range(PAIRS)]
    found = mean(logs)
    return Estimate(*(math.exp(end) for end in (found.value, found.low, found.high)))


def _pair(foundation: Foundation, number: int) -> float:
    """One pair of fresh servers, started in random order."""
    names = Random(number).sample(sorted(APPS), len(APPS))  # noqa: S311 - an order
    arms = tuple(ArmPlan(name, "none", "bearer", 1, "roundrobin", "steady", VISITORS) for name in names)
    plan = BlockPlan(number, number, arms, (SlicePlan("cpu", RATE_RPS, SECONDS, pinned=False),))
    with ExitStack() as ending:
        servers, targets = {}, []
        for name in names:
            process, port = _start(foundation, f"{name}-{number}", APPS[name])
            ending.callback(process.stop)
            servers[name] = process
            targets.append(Target(LOOPBACK, port))
        assignment = Assignment(plan, tuple(targets), foundation.users_password_file.read_text(encoding="utf-8"))
        with GeneratorProcess(foundation.supervisor, f"generator-micro-{number}", assignment) as generator:
            generator.log_in()
            costs = _load(generator, servers)
    return costs["service"] / costs["bare"]


def _load(generator: GeneratorProcess, servers: Mapping[str, Process]) -> Mapping[str, float]:
    before = {name: _consumed_ns(server) for name, server in servers.items()}
    sent = dict(zip(servers, generator.load(0).sent, strict=True))
    return {name: (_consumed_ns(server) - before[name]) / sent[name] for name, server in servers.items()}


def _consumed_ns(server: Process) -> int:
    return sum(cpu_ns(pid) for pid in server.members())


def _start(foundation: Foundation, name: str, app: str) -> tuple[Process, int]:
    settings = replace(foundation.settings, schemes=("none",), database_url=foundation.cluster.url(foundation.template))
    with listen() as listener:
        port = port_of(listener)
        env = {**to_environment(settings), "AUTHBENCH_BIND": f"fd://{listener.fileno()}"}
        folder = foundation.supervisor.folder(name)
        command = Command(name, (*ARGV, app), folder, env, descriptors=(listener.fileno(),))
        process = foundation.supervisor.start(command)
    process.wait_ready(lambda: answers(port, "/none/bearer/profile"))
    return process, port
