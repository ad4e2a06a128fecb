"""A target's /metrics: as much CPU time as the kernel charged, of the very processes that answer."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest

from bench.measure.client import follow, read_once
from bench.measure.cpu import cpu_ns
from bench.measure.profiles import PlanError
from bench.measure.remote import Site, survey
from bench.measure.remote_bench import RemoteBench
from bench.measure.remote_metrics import Metrics, _parsed
from bench.stack.arm import RunningArm
from bench.stack.errors import NotReadyError
from bench.stack.foundation import lay_foundation
from bench.stack.listening import LOOPBACK, free_port
from bench.stack.postgres import PostgresCluster
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.plan import ArmPlan
from loadtests.visitor import log_in
from services.catalogue import SCHEMES
from services.settings import Settings
from tests.fleet import full_speed

PLAN = ArmPlan("theirs", "none", "bearer", 1, "as-deployed", "steady", 12)
READS = 150


@dataclass(frozen=True, slots=True)
class Published:
    """An arm of one replica that publishes its metrics."""

    arm: RunningArm
    site: Site
    url: str

    @property
    def kernel_ns(self) -> int:
        """What the replica's worker consumed, by the kernel's account."""
        return cpu_ns(self.arm.replicas[0].processes()["replica-1"])


@pytest.fixture(scope="module")
def published(supervisor: Supervisor, postgres: PostgresCluster) -> Iterator[Published]:
    """Started once."""
    bind = f"{LOOPBACK}:{free_port()}"
    settings = Settings(password_profile="harness", metrics_bind=bind)
    foundation = lay_foundation(supervisor, postgres, settings, users=12)
    with full_speed(Stack([replace(PLAN, balancing="roundrobin")], foundation)) as stack:
        arm = stack.arms["theirs"]
        url = f"http://{bind}/metrics"
        password = foundation.users_password_file.read_text(encoding="utf-8")
        yield Published(arm, Site(f"http://{arm.host}:{arm.port}", password, 12, Metrics([url])), url)


@pytest.mark.stack
def test_metrics_charge_what_the_kernel_charges(published: Published) -> None:
    """The account grows by what the process consumed for its clients; what asking itself cost is not charged."""
    site = published.site
    found = survey(site, {"none": "bearer"}, SCHEMES)
    assert found.knows_cpu("api")
    bench = RemoteBench(site, SCHEMES, PLAN, 0, alone=True)
    visitor = bench.visitor(0)
    follow(bench.address, log_in(visitor))
    before, kernel_before_ns = bench.read(), published.kernel_ns
    for _ in range(READS):
        read_once(bench.address, visitor)
    after, kernel_ns = bench.read(), published.kernel_ns - kernel_before_ns
    (first,), (last,) = before.resources, after.resources
    assert first.process == last.process == "replicas/replica-1"
    assert 0.7 * kernel_ns < last.cpu_ns - first.cpu_ns < 1.1 * kernel_ns
    assert last.rss_bytes > 1_000_000


@pytest.mark.stack
def test_asking_often_costs_nothing_by_the_account(published: Published) -> None:
    """Without a client in between, twenty answers leave far less on the account than they consumed."""
    published.site.metrics.calibrate()  # type: ignore[union-attr] # it has some
    bench = RemoteBench(published.site, SCHEMES, PLAN, 0, alone=True)
    before, kernel_before_ns = bench.account_polling()[0], published.kernel_ns
    for _ in range(20):
        last = bench.account_polling()[0]
    consumed_ns = published.kernel_ns - kernel_before_ns
    assert abs(last.cpu_ns - before.cpu_ns) < 0.6 * consumed_ns


@pytest.mark.stack
def test_a_replica_that_was_replaced_is_noticed(published: Published) -> None:
    """It answers under the same name and began to count later; while it is away it is missing."""
    bench = RemoteBench(published.site, SCHEMES, PLAN, 0)
    before = bench.read()
    assert before.resources == ()  # in company nobody can tell whose they are
    replica = published.arm.replicas[0]
    replica.kill()
    assert bench.read().processes == {}
    replica.start()
    after = bench.read()
    assert before.processes.keys() == after.processes.keys()
    assert before.processes != after.processes


@pytest.mark.stack
def test_a_replica_that_does_not_tell_leaves_cpu_unmeasured(published: Published) -> None:
    """Somebody else's metrics are not those of who answers: a part of the CPU time would pass for all of it."""
    faces = survey(published.site, {"none": "bearer"}, SCHEMES).faces
    assert faces == {"api": frozenset({"replica-1"})}
    with pytest.raises(NotReadyError, match="found no metrics, expected those of authbench's services; correct"):
        Metrics([f"http://{published.arm.host}:{published.arm.port}", "http://no-such-host.invalid:1"]).calibrate()


@pytest.mark.parametrize("url", ["https://h:1", "http://h", "http://:1", "http://h:1/other", "http://h:x", "h"])
def test_a_url_without_a_port_is_none(url: str) -> None:
    """Metrics have a port of their own, so it must be named; they are for the inside of a network, so without TLS."""
    with pytest.raises(PlanError, match=r"expected http://HOST:PORT/metrics; correct it"):
        Metrics([url])


def test_other_fronts_are_not_ours() -> None:
    """Metrics of a service this version does not know are no account; older services tell no birth."""
    text = (
        'authbench_info{{front="{}",replica="r"}} 1.0\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 9\n'
    )
    assert (_parsed(text.format("bff")).name, _parsed(text.format("bff")).born) == ("bff/r", "")
    with pytest.raises(ValueError, match="mixer"):
        _parsed(text.format("mixer"))
