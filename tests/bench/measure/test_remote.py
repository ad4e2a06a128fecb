"""A target from outside: what it must be, what it mounts, who answers, and what can be proven without its clocks."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psycopg
import pytest

from bench.measure.block import Surroundings
from bench.measure.generator import Alone
from bench.measure.laboratory import Load
from bench.measure.profiles import PlanError
from bench.measure.remote import Site, Survey, first_users, parse_url, survey
from bench.measure.remote_bench import UNCOUNTED, RemoteBench, declared
from bench.measure.remote_block import Remote, remote_blocks, run_remote_block
from bench.measure.remote_metrics import Metrics
from bench.measure.remote_proof import MISCOUNTED, NO_CLOCK, NO_OTHER, NO_WAY_BACK, STRAYED, OutsideProof
from bench.measure.remote_stores import Server, StoreCounters
from bench.stack.arm import RunningArm
from bench.stack.errors import NotReadyError
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.listening import LOOPBACK, free_port
from bench.stack.postgres import PostgresCluster
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.assignment import Target
from loadtests.plan import ArmPlan, BlockPlan, SlicePlan
from loadtests.record import Sample
from services.catalogue import SCHEMES, find
from services.contract import Bound, Carrier, Operations
from services.settings import Settings
from tests.bench.measure.conftest import Watched, lying
from tests.fleet import full_speed

USERS = 60
MOUNTED = ("none", "memory-session", "redis-session", "jwt-hs256", "refresh-token", "bff")
WANTED: Mapping[str, Carrier] = {name: find(name).traits.default_carrier for name in (*MOUNTED, "jwt-rs256")}


@dataclass(frozen=True, slots=True)
class Theirs:
    """A stack as somebody else would run it, and the way to its stores."""

    arm: RunningArm
    site: Site
    counted: Site

    def bench(self, scheme: str, *, counted: bool = True) -> RemoteBench:
        """One arm of it."""
        arm = ArmPlan(scheme, scheme, WANTED[scheme], 2, "as-deployed", "steady", 24)
        return RemoteBench(self.counted if counted else self.site, SCHEMES, arm, first_user=12)

    def proof(self, scheme: str, *, counted: bool = True) -> OutsideProof:
        """What would be tried on it."""
        return OutsideProof(self.bench(scheme, counted=counted), find(scheme).traits, 2)


@pytest.fixture(scope="module")
def theirs(supervisor: Supervisor, postgres: PostgresCluster) -> Iterator[Theirs]:
    """Two replicas in turns, two BFFs, both stores, with what a database needs to be asked."""
    foundation = lay_foundation(supervisor, postgres, Settings(password_profile="harness"), USERS)
    arm = ArmPlan("theirs", "none", "bearer", 2, "roundrobin", "steady", 24)
    with full_speed(Stack([arm], foundation, mounted=MOUNTED)) as stack:
        yield theirs_of(stack.arms["theirs"], foundation)


def theirs_of(arm: RunningArm, foundation: Foundation) -> Theirs:
    """`arm` as a target; pg_stat_statements is created where its services keep their users."""
    cluster = arm.cluster
    with psycopg.connect(cluster.url(arm.database), user="postgres", password=cluster._observer_password) as admin:
        admin.execute("CREATE EXTENSION pg_stat_statements")
    assert arm.valkey is not None
    stores = StoreCounters(
        Server(arm.valkey.url, arm.valkey.password_file),
        Server(cluster.url(arm.database), cluster.password_file),
    )
    password = foundation.users_password_file.read_text(encoding="utf-8")
    site = Site(f"http://{arm.host}:{arm.port}", password, USERS)
    return Theirs(arm, site, replace(site, stores=stores))


@pytest.mark.stack
def test_a_survey_finds_what_is_there(theirs: Theirs) -> None:
    """What is mounted, what is not, and every replica of either front by its name; no clock without /metrics."""
    found = survey(theirs.counted, WANTED, SCHEMES)
    assert (found.mounted, found.absent) == (MOUNTED, ("jwt-rs256",))
    assert {front: len(names) for front, names in found.faces.items()} == {"api": 2, "bff": 2}
    assert (found.replicas, found.knows_cpu("api"), found.knows_cpu("bff")) == (2, False, False)


@pytest.mark.stack
@pytest.mark.parametrize("scheme", ["none", "redis-session", "jwt-hs256", "refresh-token", "bff"])
def test_with_its_counters_the_work_is_proven(theirs: Theirs, scheme: str) -> None:
    """Every step costs what the scheme declares, also on two replicas behind a balancer; the clock alone is left."""
    outside = theirs.proof(scheme)
    proof = outside.prove()
    assert proof.failures == ()
    assert outside.doubt == ""
    assert proof.untried == (() if scheme == "none" else (NO_CLOCK,))
    assert sum(" and cost " in check.claim for check in proof.checks) == len(find(scheme).traits.operations)


@pytest.mark.stack
def test_without_its_counters_the_work_stays_in_doubt(theirs: Theirs) -> None:
    """Refusals hold, steps are answered; what they cost was not tried, and the reason says what to name."""
    outside = theirs.proof("redis-session", counted=False)
    proof = outside.prove()
    assert (proof.failures, outside.doubt) == ((), UNCOUNTED)
    assert [line for line in proof.untried if "no counters of the stores" in line]
    claims = [check.claim for check in proof.checks]
    for tried in ("a missing", "a tampered", "a credential of another key", "a revoked", "from another replica"):
        assert any(tried in claim for claim in claims), tried


@pytest.mark.stack
def test_a_session_in_memory_is_held_to_its_replica(theirs: Theirs) -> None:
    """Behind a balancer that takes turns it works on one replica of two; what that leaves untried is said."""
    outside = theirs.proof("memory-session")
    proof = outside.prove()
    assert proof.failures == ()
    assert outside.doubt == STRAYED
    assert NO_WAY_BACK in proof.untried
    assert "a credential is answered 200 by the replica that issued it and 401 by the others" in {
        check.claim for check in proof.checks
    }


@pytest.mark.stack
@pytest.mark.parametrize(
    ("scheme", "change", "failure"),
    [
        (
            "jwt-hs256",
            {"revoked_within": {"logout": Bound(0)}},
            "a revoked credential is answered 401: answered 200, expected 401",
        ),
        (
            "redis-session",
            {"revoked_within": {"logout": Bound(None)}},
            "by nature valid until it expires, is answered 200: answered 401 unknown, expected 200",
        ),
        (
            "memory-session",
            {"needs_affinity": False},
            "a credential from another replica is answered 200: answered 401 unknown, expected 200",
        ),
    ],
)
def test_an_untrue_trait_is_refuted(theirs: Theirs, scheme: str, change: Mapping[str, object], failure: str) -> None:
    """A target's scheme that does other than it says is not timed."""
    outside = replace(theirs.proof(scheme), traits=replace(find(scheme).traits, **change))  # type: ignore[arg-type]
    assert any(failure in found for found in outside.prove().failures)


@pytest.mark.stack
def test_a_step_that_is_refused_fails_the_proof(theirs: Theirs) -> None:
    """Without a login nothing can be shown, and that is a failure, not a doubt."""
    outside = theirs.proof("jwt-hs256")
    outside.bench = replace(outside.bench, site=replace(outside.bench.site, password="not theirs"))
    failures = outside.prove().failures
    assert "a login grants a credential: granted none, expected one" in failures
    assert "12 x issue are answered 2xx: found statuses [401], expected 2xx" in failures


@pytest.mark.stack
def test_stores_that_fall_silent_leave_doubt(theirs: Theirs) -> None:
    """An error on the way to the counters is no count of zero."""
    assert theirs.counted.stores is not None
    away = replace(theirs.counted.stores, redis=Server(f"redis://{LOOPBACK}:{free_port()}/0", None))
    bench = replace(theirs.bench("jwt-hs256"), site=replace(theirs.counted, stores=away))
    reading = bench.read()
    assert reading.commands is None
    assert bench.work(reading, reading, []).doubt == UNCOUNTED
    assert bench.pids() == ()


@pytest.mark.stack
def test_other_work_than_declared_leaves_doubt(theirs: Theirs) -> None:
    """It may as well be somebody else's on the same store, so it makes no cell invalid, but none is believed."""
    operations = {**find("jwt-hs256").traits.operations, "verify": Operations({"redis": 1}, {"redis": {"get": 1}})}
    traits = replace(find("jwt-hs256").traits, operations=operations)
    outside = replace(theirs.proof("jwt-hs256"), traits=traits)
    proof = outside.prove()
    assert (proof.failures, outside.doubt) == ((), MISCOUNTED)
    assert "that 24 x verify cost redis get 24: counted no store command" in proof.untried


@pytest.mark.stack
def test_a_target_of_one_replica_shows_no_other(theirs: Theirs) -> None:
    """Where a balancer keeps to one replica nothing can be said of the others, and that is said."""
    alone = replace(theirs.site, url=f"http://{theirs.arm.host}:{theirs.arm.replicas[0].port}")
    bench = replace(theirs.bench("jwt-hs256"), site=alone)
    outside = OutsideProof(bench, find("jwt-hs256").traits, 2)
    assert NO_OTHER in outside.prove().untried


@pytest.mark.stack
def test_slices_are_held_to_what_all_arms_declare(theirs: Theirs) -> None:
    """As much as declared and a little housekeeping is believed; less, or much more, is not. Arms share counters."""
    bench = theirs.bench("redis-session")
    reads = Load(bench.plan, tuple(_read(number) for number in range(200)))
    assert declared([reads, reads], SCHEMES) == {"redis": {"getex": 400}}
    before = replace(bench.read(), commands={"redis": {"getex": 5}})
    for getex, expected in ((205, ""), (215, ""), (204, "somebody else"), (250, "somebody else")):
        after = replace(before, commands={"redis": {"getex": getex}})
        work = bench.work(before, after, [reads])
        assert (expected in work.doubt, bool(work.doubt)) == (True, bool(expected))
        assert work.commands is None
    alone = replace(bench, alone=True)
    assert alone.work(before, replace(before, commands={"redis": {"getex": 205}}), [reads]).commands == {
        "redis": {"getex": 200}
    }
    assert alone.work(before, replace(before, commands=None), [reads]).doubt == UNCOUNTED


def _read(number: int) -> Sample:
    return Sample(number, "read", 0, 0, 1, 200, "", "r", had_valid_credential=True, bytes_up=1, bytes_down=1)


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://lb:8080", Target("lb", 8080)),
        ("http://lb", Target("lb", 80)),
        ("https://lb.example/", Target("lb.example", 443, tls=True)),
        ("http://[::1]:8080", Target("::1", 8080)),
    ],
)
def test_a_url_names_a_target(url: str, target: Target) -> None:
    """Scheme, host and port, the port by default the scheme's."""
    assert parse_url(url) == target


@pytest.mark.parametrize(
    "url",
    ["lb:8080", "ftp://lb", "http://", "http://u:p@lb", "http://lb:x", "http://lb/api", "http://lb/?q", "http://[::1"],
)
def test_any_other_url_is_refused(url: str) -> None:
    """In one line that holds no password."""
    with pytest.raises(PlanError, match=r"^--target: .*correct it$") as refusal:
        parse_url(url)
    assert "u:p" not in str(refusal.value)


def test_every_arm_has_users_of_its_own() -> None:
    """One stretch after the other in an order that all blocks share; too few are too few."""
    arms = [ArmPlan(name, "none", "bearer", 1, "as-deployed", "steady", 24) for name in ("b", "a")]
    assert first_users(arms, 48) == {"a": 0, "b": 24}
    with pytest.raises(PlanError, match="2 arms need 48 users of their own, found 47 seeded; seed more"):
        first_users(arms, 47)


@pytest.mark.stack
def test_what_is_no_target_is_told_in_one_line(theirs: Theirs, tmp_path: Path) -> None:
    """Nobody there, somebody else, a wrong password, too few users, stores and metrics that do not tell."""
    empty = tmp_path / "empty"
    empty.write_text("wrong\n", encoding="utf-8")
    here = theirs.arm.host
    assert theirs.counted.stores is not None
    stores = theirs.counted.stores
    for site, found in (
        (replace(theirs.site, url=f"http://{here}:{free_port()}"), "refused"),
        (replace(theirs.site, password="wrong"), "found 401 invalid-login when user-000000 logged in"),
        (replace(theirs.site, seeded_users=USERS + 1), "when user-000060 logged in, expected 200; correct"),
        (replace(theirs.site, metrics=Metrics([theirs.site.url])), "found no metrics"),
        (
            replace(theirs.site, stores=replace(stores, redis=replace(stores.redis, password_file=empty))),
            "expected its counters",
        ),
        (
            replace(theirs.site, stores=replace(stores, database=Server("postgresql://nobody@127.0.0.1:1/x", None))),
            "expected its counters",
        ),
    ):
        with pytest.raises(NotReadyError, match=found) as refusal:
            survey(site, WANTED, SCHEMES)
        assert "\n" not in str(refusal.value)


def test_survey_knows_no_cpu_of_a_front_that_does_not_tell() -> None:
    """A BFF's clients make its API work, too: both must tell."""
    faces = {"api": frozenset("a"), "bff": frozenset("b")}
    for clocks, known in (
        (("replicas",), (True, False)),
        (("replicas", "bff"), (True, True)),
        (("bff",), (False, False)),
    ):
        found = Survey((), (), faces, frozenset(clocks))
        assert (found.knows_cpu("api"), found.knows_cpu("bff")) == known


class Stranger(BaseHTTPRequestHandler):
    """Somebody else's server: it knows the control's path, and fails at every other."""

    named = True

    def do_GET(self) -> None:
        """200 or 500."""
        is_control = self.path.startswith("/none/")
        self.send_response(200 if is_control else 500)
        if self.named:
            self.send_header("X-Replica", "r")
        self.end_headers()

    def do_POST(self) -> None:
        """Everybody may come in."""
        self.do_GET()

    def log_message(self, *_words: object) -> None:
        """Nothing."""


@pytest.mark.parametrize(
    ("named", "found"),
    [(True, "found 500 http-500 at /jwt-rs256/bearer/profile"), (False, "found 'status 200 without X-Replica'")],
)
def test_a_stranger_is_not_measured(
    named: bool,  # noqa: FBT001 - a case
    found: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Something answers, and not as authbench's services do."""
    monkeypatch.setattr(Stranger, "named", named)
    with HTTPServer((LOOPBACK, 0), Stranger) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.raises(NotReadyError, match=found):
                survey(
                    Site(f"http://{LOOPBACK}:{server.server_port}", "", 1),
                    {"none": "bearer", "jwt-rs256": "bearer"},
                    SCHEMES,
                )
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.stack
def test_an_arm_whose_proof_fails_is_not_timed(theirs: Theirs, supervisor: Supervisor) -> None:
    """One INVALID record a cell with the failure in it; with no arm left nobody is logged in and nothing is sent."""
    found = survey(theirs.site, {"none": "bearer", "jwt-hs256": "bearer"}, SCHEMES)
    remote = Remote(theirs.site, found)
    arm = ArmPlan("liar", "jwt-hs256", "bearer", 2, "as-deployed", "steady", 24)
    pieces = (SlicePlan("cpu", 30, 1, pinned=True), SlicePlan("latency", 30, 1, pinned=False))
    (plan,) = remote_blocks([BlockPlan(2, 1, (arm,), pieces)], remote)
    assert [piece.purpose for piece in plan.slices] == ["latency"]  # no service told its CPU time
    catalogue = {**SCHEMES, "jwt-hs256": lying()}
    around = Surroundings(Alone(supervisor), catalogue, {"kernel": "Linux"}, theirs.site.password)
    progress = Watched()
    (record,) = run_remote_block(plan, remote, around, progress)
    assert record.footer is not None
    assert (record.footer.verdict, record.samples) == ("INVALID", ())
    assert "a revoked credential is answered 401: answered 200" in record.footer.reasons[0]
    assert progress.stages == ["proving liar 0"]
