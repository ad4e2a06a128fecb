"""Count gates over real stacks: each change fails the gate that names it and no other, on the first run."""

from collections.abc import Mapping

import pytest

from bench.gates import counting, logged_out
from bench.gates.counts import judge_counts
from bench.gates.errors import GateError
from bench.gates.model import CellName, CountFigure, CountGate, Judged
from services.contract import Step, Store
from tests.bench.gates.changed import ASKS_TWICE, CARRIES_MORE, CHANGED, LOSES_ONE, ORIGINAL, installed
from tests.fleet import unmeasured

EXPERIMENT = "add-a-server"
BARS: Mapping[CountFigure, float] = {
    "store-operations": 1,
    "bytes-up": 279,
    "bytes-down": 274,
    "unexpected-401-ratio": 0,
    "session-bytes": 193,
}
"""What the original comes to."""
LOST_USERS: CountFigure = "logged-out-users"


def _gates(scheme: str) -> list[CountGate]:
    return [CountGate(f"{scheme}/{figure}", figure, CellName(scheme), bar) for figure, bar in BARS.items()]


def _users(scheme: str) -> CountGate:
    return CountGate(f"{scheme}/{LOST_USERS}", LOST_USERS, CellName(scheme), 0, experiment=EXPERIMENT)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Judged]:
    """Every gate of the original and of what was changed, judged in one go."""
    names = (ORIGINAL, *CHANGED)
    gates = [gate for name in names for gate in _gates(name)]
    gates.append(_users(LOSES_ONE.name))
    with installed(tmp_path_factory.mktemp("site")), unmeasured(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(logged_out, "SCALE", "tiny")
        patch.setattr(counting, "WEIGHED", 6)
        found = judge_counts(gates, lambda _: None)
    assert [one.gate for one in found] == gates
    return {one.gate.name: one for one in found}


def _failed(judged: Mapping[str, Judged], scheme: str) -> set[str]:
    told = {name: one for name, one in judged.items() if name.startswith(f"{scheme}/")}
    assert {one.status for one in told.values()} <= {"pass", "fail"}
    return {name.partition("/")[2] for name, one in told.items() if one.status == "fail"}


@pytest.mark.stack
def test_what_was_not_changed_passes(judged: Mapping[str, Judged]) -> None:
    """The original meets its own figures exactly."""
    assert _failed(judged, ORIGINAL) == set()
    assert judged[f"{ORIGINAL}/store-operations"].found == "1 operation per verify (redis)"


@pytest.mark.stack
def test_one_more_round_trip_fails_the_gate_that_names_it(judged: Mapping[str, Judged]) -> None:
    """Asking the store twice fails the count of operations, and nothing else."""
    assert _failed(judged, ASKS_TWICE.name) == {"store-operations"}
    assert judged[f"{ASKS_TWICE.name}/store-operations"].found == "2 operations per verify (redis)"


@pytest.mark.stack
def test_sixteen_bytes_of_cookie_fail_the_gate_that_names_them(judged: Mapping[str, Judged]) -> None:
    """A longer credential fails the count of bytes up, and nothing else."""
    assert _failed(judged, CARRIES_MORE.name) == {"bytes-up"}
    assert judged[f"{CARRIES_MORE.name}/bytes-up"].found == "295 B up per read"


@pytest.mark.stack
def test_one_lost_session_fails_the_gates_that_name_it(judged: Mapping[str, Judged]) -> None:
    """A user who is logged in and refused fails the share of 401 and the users logged out, and nothing else."""
    assert _failed(judged, LOSES_ONE.name) == {"unexpected-401-ratio", LOST_USERS}
    assert judged[f"{LOSES_ONE.name}/{LOST_USERS}"].found == f"1 user logged out ({EXPERIMENT})"


def _gate(figure: CountFigure, scheme: str, step: Step = "verify", store: Store | None = None) -> CountGate:
    return CountGate("it", figure, CellName(scheme), 0, step=step, store=store)


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        (_gate("store-operations", "jwt-hs256", step="renew"), "has no step 'renew'; it has: issue, verify, revoke"),
        (
            _gate("store-operations", "jwt-hs256", store="redis"),
            "has no store 'redis' whose server counts; it has: none",
        ),
        (_gate("store-operations", "none", step="issue", store="redis"), "it has: postgres"),
        (_gate("store-operations", "memory-session", store="memory"), "has no store 'memory'"),
        (_gate("session-bytes", "jwt-hs256"), "keeps a login nowhere"),
        (_gate("session-bytes", "memory-session"), "in its replicas' memory, which nobody counts exactly"),
        (CountGate("it", "bytes-up", CellName("bff", carrier="bearer"), 0), "has no carrier 'bearer'; it has: cookie"),
        (_gate("logged-out-users", "none"), "found experiment '', expected one that counts users logged out: add-a-"),
        (CountGate("it", "logged-out-users", CellName("none"), 0, experiment="wire-bytes"), "found experiment 'wire-b"),
        (_users("none"), "'add-a-server' does not concern 'none'; it concerns: memory-session, redis-session"),
    ],
)
def test_what_can_never_be_counted_is_refused_before_anything_starts(gate: CountGate, told: str) -> None:
    """The user's mistake is one line that says what there is."""
    with pytest.raises(GateError) as refusal:
        judge_counts([gate], pytest.fail)
    assert told in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_nothing_is_started_for_no_gate() -> None:
    """Without a gate nothing is counted."""
    assert judge_counts([], pytest.fail) == ()
