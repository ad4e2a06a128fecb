"""What a replica publishes about itself is true: its CPU time is the kernel's, its counts are the requests sent."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from http.client import HTTPConnection

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bench.measure.cpu import cpu_ns
from bench.measure.generator import GeneratorProcess
from bench.measure.run import PASSWORD_PROFILE
from bench.selfcheck.check import Finding, Selfcheck
from bench.selfcheck.rig import supervisor
from bench.stack.foundation import lay_foundation
from bench.stack.listening import LOOPBACK, free_port
from bench.stack.postgres import start_postgres
from bench.stack.replicas import Replica
from bench.stack.supervisor import Supervisor
from bench.stack.valkey import start_valkey
from loadtests.assignment import Assignment, Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from services.settings import Settings

RATE_RPS = 150
SECONDS = 8
VISITORS = 32
CPU_BAR = 0.01
NS_PER_S = 1_000_000_000
SCHEME = "redis-session"


@dataclass(frozen=True, slots=True)
class Account:
    """A replica's word, and the kernel's, at one instant between loads."""

    told_ns: int
    true_ns: int
    reads: int
    round_trips: int


def run() -> Iterator[Finding]:
    """Load one replica that reads a session from Redis for every request, and compare what both say it did."""
    before, after, sent = _measure()
    told_ns, true_ns = after.told_ns - before.told_ns, after.true_ns - before.true_ns
    figure = f"CPU time told {told_ns / 1e6:.3f} ms, the kernel's {true_ns / 1e6:.3f} ms ({told_ns / true_ns - 1:+.2%})"
    yield Finding(figure, "within 1 %", abs(told_ns / true_ns - 1) <= CPU_BAR)
    reads, round_trips = after.reads - before.reads, after.round_trips - before.round_trips
    figure = f"{reads} reads and {round_trips} round trips to Redis counted, {sent} requests sent"
    yield Finding(figure, "all equal", reads == round_trips == sent)


def _measure() -> tuple[Account, Account, int]:
    arm = ArmPlan("metrics", SCHEME, "cookie", 1, "roundrobin", "steady", VISITORS)
    plan = BlockPlan(0, 1, (arm,), (SlicePlan("cpu", RATE_RPS, SECONDS, pinned=False),))
    port = free_port()
    with supervisor() as started:
        replica, password = _serve(started, port)
        assignment = Assignment(plan, (Target(LOOPBACK, replica.port),), password)
        with GeneratorProcess(started, "generator", assignment) as generator:
            generator.log_in()
            before = _account(replica, port)
            sent = sum(generator.load(0).sent)
            return before, _account(replica, port), sent


def _serve(started: Supervisor, port: int) -> tuple[Replica, str]:
    """A replica that publishes on `port`, and the password of its users."""
    valkey = start_valkey(started, "valkey")
    settings = Settings(password_profile=PASSWORD_PROFILE, metrics_bind=f"{LOOPBACK}:{port}")
    foundation = lay_foundation(started, start_postgres(started), settings, VISITORS)
    told = replace(
        foundation.settings, schemes=(SCHEME,), redis_url=valkey.url, redis_password_file=valkey.password_file
    )
    replica = Replica(started, "metrics", 1, told)
    replica.wait_ready()
    return replica, foundation.users_password_file.read_text(encoding="utf-8")


def _account(replica: Replica, port: int) -> Account:
    """Read after the load has drained, the kernel's clock last: it includes the scrape, a fraction of a millisecond."""
    told = _scrape(port)
    read = {"scheme": SCHEME, "route": "profile", "status": "200"}
    return Account(
        told_ns=round(_value(told, "process_cpu_seconds_total", {}) * NS_PER_S),
        true_ns=cpu_ns(replica.processes()[replica.name]),
        reads=round(_value(told, "authbench_requests_total", read)),
        round_trips=round(_value(told, "authbench_store_calls_total", {"store": "redis"})),
    )


def _value(samples: Sequence[Sample], name: str, labels: Mapping[str, str]) -> float:
    """The sum of the samples called `name` that have these labels."""
    return sum(one.value for one in samples if one.name == name and labels.items() <= one.labels.items())


def _scrape(port: int) -> Sequence[Sample]:
    with closing(HTTPConnection(LOOPBACK, port)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


CHECK = Selfcheck("metrics", "what a replica publishes of its CPU time and its calls is what they were", "20 s", run)
