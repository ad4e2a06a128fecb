"""`authbench run --target`: a stack somebody else runs, measured as far as it lets itself be, and told as such."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
import pytest

from authbench.cli import main
from authbench.exits import Exit
from bench.measure import remote_block
from bench.measure.environment import Conditions, from_jsonable, likeness
from bench.measure.rundir import RunDirectory
from bench.stack.arm import RunningArm
from bench.stack.foundation import Foundation, lay_foundation
from bench.stack.listening import LOOPBACK, free_port
from bench.stack.postgres import PostgresCluster
from bench.stack.stack import Stack
from bench.stack.supervisor import Supervisor
from loadtests.plan import ArmPlan
from loadtests.record import Record
from services.settings import Settings
from tests.authbench.conftest import Ask, rewrite
from tests.fleet import full_speed

USERS = 120
BRIEF = ("--blocks", "1", "--seconds", "1", "--rate", "20", "--seed", "7")


@dataclass(frozen=True, slots=True)
class Theirs:
    """A stack as somebody else would run it: one replica that publishes its metrics, and both stores."""

    arm: RunningArm
    foundation: Foundation
    metrics: str

    @property
    def url(self) -> str:
        """What --target is given."""
        return f"http://{self.arm.host}:{self.arm.port}"

    @property
    def options(self) -> tuple[str, ...]:
        """All that is needed."""
        password_file = str(self.foundation.users_password_file)
        return ("--target", self.url, "--user-password-file", password_file, "--seeded-users", str(USERS))

    @property
    def counters(self) -> Mapping[str, str]:
        """All there is to be asked, as Compose puts it into the environment."""
        assert self.arm.valkey is not None
        return {
            "AUTHBENCH_TARGET_METRICS": self.metrics,
            "AUTHBENCH_TARGET_REDIS": self.arm.valkey.url,
            "AUTHBENCH_REDIS_PASSWORD_FILE": str(self.arm.valkey.password_file),
            "AUTHBENCH_TARGET_DATABASE": self.arm.cluster.url(self.arm.database),
            "AUTHBENCH_DATABASE_PASSWORD_FILE": str(self.arm.cluster.password_file),
        }


@pytest.fixture(scope="module")
def theirs(supervisor: Supervisor, postgres: PostgresCluster) -> Iterator[Theirs]:
    """Started once; pg_stat_statements is created where its services keep their users."""
    bind = f"{LOOPBACK}:{free_port()}"
    settings = Settings(password_profile="harness", metrics_bind=bind)
    foundation = lay_foundation(supervisor, postgres, settings, USERS)
    plan = ArmPlan("theirs", "none", "bearer", 1, "roundrobin", "steady", 24)
    with full_speed(Stack([plan], foundation, mounted=("none", "redis-session"))) as stack:
        arm = stack.arms["theirs"]
        observer = psycopg.connect(postgres.url(arm.database), user="postgres", password=postgres._observer_password)
        with observer as admin:
            admin.execute("CREATE EXTENSION pg_stat_statements")
        yield Theirs(arm, foundation, f"http://{bind}/metrics")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a run left and how it ended; its words are those of the command."""

    directory: RunDirectory
    code: int

    def records(self) -> Mapping[str, Record]:
        """By arm and purpose."""
        cells = {(record.header.cell.arm, record.header.cell.purpose): record for record in self.directory.records()}
        return {f"{arm.partition('-as-deployed')[0]}{arm[-6:] * arm.endswith('-again')} {purpose}": cells[arm, purpose]
                for arm, purpose in cells}  # fmt: skip


@pytest.fixture(scope="module")
def watched(theirs: Theirs, tmp_path_factory: pytest.TempPathFactory) -> Measured:
    """Measured with every counter named in the environment; quick's other schemes are not mounted there."""
    folder = tmp_path_factory.mktemp("watched") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote_block, "IDLE_S", 0.3)
        for name, value in theirs.counters.items():
            patch.setenv(name, value)
        code = main(["run", *theirs.options, *BRIEF, "-o", str(folder)])
    return Measured(RunDirectory(folder), code)


@pytest.mark.stack
def test_a_target_is_loaded_an_arm_at_a_time_for_cpu(watched: Measured) -> None:
    """A CPU record has no company and its services' accounts; a latency record has all arms for company, and none."""
    records = watched.records()
    arms = {"none-bearer-1", "none-bearer-1-again", "redis-session-cookie-1"}
    assert set(records) == {f"{arm} {purpose}" for arm in arms for purpose in ("cpu", "latency")}
    for name, record in records.items():
        assert record.footer is not None
        assert not record.header.cell.pinned
        alone = name.endswith("cpu")
        assert len(record.header.company) == (1 if alone else 3)
        assert {resource.process for resource in record.resources} == ({"replicas/replica-1"} if alone else set())
        assert (record.footer.store_commands is None) == (not alone)


@pytest.mark.stack
def test_counters_of_the_stores_prove_the_work(watched: Measured) -> None:
    """Every proof holds and no cell is UNPROVEN: it is VALID, or the machine disturbed it."""
    document = watched.directory.document()
    assert all(check["holds"] for proof in document["proofs"] for check in proof["checks"])
    for record in watched.records().values():
        assert record.footer is not None
        assert record.footer.counts.load_balancer is None
        assert record.footer.verdict == "VALID" or record.footer.disturbed, record.footer
    session = watched.records()["redis-session-cookie-1 cpu"]
    assert session.footer is not None
    assert session.footer.store_commands == {"redis": {"getex": len(session.samples)}}


@pytest.mark.stack
def test_a_run_on_a_target_says_so(theirs: Theirs, watched: Measured) -> None:
    """run.json names the target and repeats what came from the environment; the page says what was not measured."""
    document = watched.directory.document()
    assert document["target"] == document["environment"]["target"] == theirs.url
    assert set(document["environment"]["libraries"]) == {"locust", "gevent", "httptools"}
    assert f"--target-metrics {theirs.metrics}" in document["command"]
    page = watched.directory.report.read_text(encoding="utf-8")
    for told in (f"Remote target {theirs.url}", "not measured", "not tried, an expired credential", "as-deployed"):
        assert told in page, told
    assert watched.code in {Exit.OK, Exit.NOTHING_VALID}


@pytest.mark.stack
def test_a_target_is_unlike_a_stack_of_our_own(watched: Measured) -> None:
    """`diff` has a reason to refuse the pair."""
    here = from_jsonable(watched.directory.document()["environment"])
    ours = replace(here, target="")
    assert likeness(Conditions(here, ()), Conditions(ours, ())) == [f"target: {here.target} against a stack of its own"]


@pytest.mark.stack
def test_without_counters_nothing_is_proven_nor_zero(theirs: Theirs, ask: Ask, tmp_path: Path) -> None:
    """No CPU cells; UNPROVEN with what to name; `not measured` stands where a figure would; nothing compared is 4."""
    answer = ask("run", "redis-session", *theirs.options, *BRIEF, "-o", tmp_path / "run")
    assert answer.code == Exit.NOTHING_VALID
    directory = RunDirectory(tmp_path / "run")
    rewrite(directory, _undisturbed)
    told = ask("report", tmp_path / "run")
    assert {record.header.cell.purpose for record in directory.records()} == {"latency"}
    assert f"Remote target {theirs.url}" in told.out
    assert "UNPROVEN" in told.out
    assert "--target-redis" in " ".join(told.out.split())
    assert told.out.count("not") >= told.out.count("measured") >= 4
    assert "CPU is not measured" in answer.err
    assert f"visitors and 60 requests/s for 1 s at {theirs.url}" in answer.err


def _undisturbed(record: Record) -> Record:
    """As on a machine of our own."""
    assert record.footer is not None
    assert record.footer.verdict == "UNPROVEN" or record.footer.disturbed
    reasons = ("name them with --target-redis and --target-database",)
    return replace(record, footer=replace(record.footer, verdict="UNPROVEN", reasons=reasons, disturbed=False))


@pytest.mark.stack
def test_what_is_missing_by_name_is_missed(theirs: Theirs, ask: Ask, tmp_path: Path) -> None:
    """A scheme asked for and not mounted ends the run before it begins; so do users too few for the arms."""
    answer = ask("run", "jwt-hs256", *theirs.options, *BRIEF, "-o", tmp_path / "run")
    assert answer.code == Exit.NOT_READY
    assert "found no jwt-hs256 mounted, expected it" in answer.complaint
    few = ask("run", *theirs.options, "--seeded-users", "50", "-o", tmp_path / "run")
    assert (few.code, "3 arms need 90 users of their own, found 50" in few.complaint) == (Exit.USAGE, True)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("words", "code", "complaint"),
    [
        ((), Exit.USAGE, "found no --user-password-file"),
        (("--replicas", "2"), Exit.USAGE, "--replicas: found it beside --target"),
        (("--balancing", "sticky"), Exit.USAGE, "--balancing: found it beside --target"),
        (("--user-password-file", "nowhere"), Exit.USAGE, "nowhere: found 'No such file or directory'"),
        (("--user-password-file", "{file}", "--target-redis", "redis://h"), Exit.USAGE, "expected both or none"),
        (("--user-password-file", "{file}", "--target-metrics", "h:9100"), Exit.USAGE, "http://HOST:PORT/metrics"),
        (("--user-password-file", "{file}", "--carrier", "bearer", "bff"), Exit.USAGE, "has no carrier 'bearer'"),
        (("--user-password-file", "{file}"), Exit.NOT_READY, "expected authbench's services"),
    ],
)
def test_a_target_that_cannot_be_measured_is_one_line(
    ask: Ask, tmp_path: Path, words: tuple[str, ...], code: Exit, complaint: str
) -> None:
    """What is wrong with the options is 2, nobody there is 3; nothing was written down."""
    secret = tmp_path / "secret"
    secret.write_text("a password\n", encoding="utf-8")
    given = [word.format(file=secret) for word in words]
    answer = ask("run", *given, "--target", f"http://{LOOPBACK}:{free_port()}", "-o", tmp_path / "run")
    assert (answer.code, complaint in answer.complaint) == (code, True), answer.complaint
    assert not (tmp_path / "run").exists()


def test_a_password_that_is_no_text_is_refused(ask: Ask, tmp_path: Path) -> None:
    """As is a file that is not there."""
    secret = tmp_path / "secret"
    secret.write_bytes(b"\xff\xfe")
    answer = ask("run", "--target", f"http://{LOOPBACK}:1", "--user-password-file", secret)
    assert (answer.code, "found 'no text'" in answer.complaint) == (Exit.USAGE, True)


def test_the_environment_may_name_the_target(ask: Ask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As Compose does; an empty variable is none."""
    monkeypatch.setenv("AUTHBENCH_TARGET", "nonsense")
    assert "--target: expected http://HOST[:PORT]" in ask("run", "-o", tmp_path / "run").complaint
    monkeypatch.setenv("AUTHBENCH_TARGET", "")
    assert "unknown" in ask("run", "no-such-scheme", "-o", tmp_path / "run").complaint


@pytest.mark.stack
def test_a_summary_of_a_target_is_json(watched: Measured, ask: Ask) -> None:
    """What was not measured is null there, never 0."""
    cells = json.loads(ask("report", watched.directory.path, "--json").out)["cells"]
    for cell in cells:
        measured = cell["cell"]["purpose"] == "cpu"
        assert (cell["store_operations"] is None) == (not measured)
        assert set(cell["cpu_us"]) == ({"replicas", "total"} if measured else set())
