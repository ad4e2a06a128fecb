"""Loads by hand, and what is said of a constant that nobody measured."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.capacity.loads import loads, work_of
from bench.analysis.capacity.model import Constant, SchemeConstants
from tests.bench.analysis.capacity.made_up import ALL, BFF, DEMAND, NONE, REFRESH, SESSION, TOKEN, step

JWT_RUN = "run `authbench run --max-rate --journey"


def test_busy_cores_by_hand() -> None:
    """45,000 reads/s x 400 us + 5,000 writes/s x 500 us + 11.574 logins/s x (900 us + 28 ms of hash)."""
    found = loads(SESSION, DEMAND)
    assert found.hash_cores.value == pytest.approx(11.574 * 0.028, rel=1e-4)
    assert found.busy_cores["replicas"].value == pytest.approx(18 + 2.5 + 11.574 * 0.0289, rel=1e-6)
    assert found.busy_cores["haproxy"].value == pytest.approx(2.7 + 0.35 + 11.574 * 80e-6, rel=1e-6)
    assert found.busy_cores["redis"].value == pytest.approx(1.8 + 0.2 + 11.574 * 120e-6, rel=1e-6)
    assert found.busy_cores["bff"].value == 0


def test_operations_and_bytes_by_hand() -> None:
    """One command a request and 7 a login; 500,000 sessions of 200 B are 100 MB."""
    found = loads(SESSION, DEMAND)
    assert found.work.operations("redis").value == pytest.approx(50e3 + 7 * 11.574, rel=1e-6)
    assert found.work.operations("postgres").value == pytest.approx(11.574, rel=1e-4)
    assert found.of_requests.operations("postgres").value == 0
    assert found.bytes["redis"].value == pytest.approx(100e6)
    assert found.bytes["memory"].value == found.bytes["postgres"].value == 0


def test_a_family_is_a_row_in_postgres() -> None:
    """10 million users hold one each; a BFF's sessions leave 14 million behind."""
    assert loads(REFRESH, DEMAND).logins["postgres"] == pytest.approx(10e6)
    assert loads(REFRESH, DEMAND).bytes["postgres"].value == pytest.approx(2.5e9)
    assert loads(BFF, DEMAND).logins["postgres"] == pytest.approx(14e6)
    assert loads(BFF, DEMAND).logins["redis"] == pytest.approx(500e3)


def test_a_load_names_the_cells_it_came_from() -> None:
    """Every step that is done, and no other."""
    assert loads(SESSION, DEMAND).busy_cores["replicas"].sources == (
        "read cell",
        "write cell",
        "login cell",
        "hash cell",
    )
    assert loads(SESSION, DEMAND).busy_cores["bff"].sources == ()
    reading = loads(SESSION, replace(DEMAND, write_ratio=0))
    assert reading.work.operations("redis").sources == ("read cell", "login cell")


def without(constants: SchemeConstants, *steps: str) -> SchemeConstants:
    """The scheme with some steps not measured."""
    return replace(constants, steps={name: cost for name, cost in constants.steps.items() if name not in steps})


@pytest.mark.parametrize(
    ("steps", "reason"),
    [
        (("write",), f"write not measured: {JWT_RUN} write jwt-hs256`"),
        (("login",), f"login not measured: {JWT_RUN} relogin jwt-hs256`"),
        (("read", "write"), f"read, write not measured: {JWT_RUN} steady,write jwt-hs256`"),
    ],
)
def test_what_was_not_measured_is_not_guessed(steps: tuple[str, ...], reason: str) -> None:
    """No value, and the command that gets it."""
    found = loads(without(TOKEN, *steps), DEMAND)
    assert found.busy_cores["replicas"].value is None
    assert found.busy_cores["replicas"].reason == reason
    assert found.work.operations("redis").reason == reason


def test_a_step_without_cpu_is_not_measured() -> None:
    """Where no CPU clock could be read there is nothing to plan with."""
    blind = replace(TOKEN, steps={**TOKEN.steps, "read": step("read", {}, {})})
    assert loads(blind, DEMAND).busy_cores["replicas"].reason.startswith("read not measured")


def test_a_step_that_is_not_done_need_not_be_measured() -> None:
    """Who never writes can do without the cost of a write, and a scheme without logins without theirs."""
    assert loads(without(TOKEN, "write"), replace(DEMAND, write_ratio=0)).busy_cores["replicas"].value is not None
    assert loads(without(NONE, "login"), DEMAND).busy_cores["replicas"].value is not None


def test_a_login_may_be_known_from_a_relogin() -> None:
    """The logout before it included, and said so."""
    known = replace(SESSION, steps={**without(SESSION, "login").steps, "relogin": SESSION.steps["login"]})
    assert loads(known, DEMAND).busy_cores == loads(SESSION, DEMAND).busy_cores
    assert loads(known, DEMAND).notes == (
        "a login costs what was measured of a logout and a login together: an upper bound",
    )


def test_renewals_behind_a_bff_are_told_apart() -> None:
    """Nothing but a note says that their CPU is missing; where it is known it counts."""
    assert [note for note in loads(BFF, DEMAND).notes if "renewals behind the BFF" in note]
    known = replace(BFF, steps={**BFF.steps, "refresh": REFRESH.steps["refresh"]})
    assert loads(known, DEMAND).notes == ()
    # 277.78 refreshes/s x 5 commands, and one lookup for each of 11.574 logins/s
    assert loads(known, DEMAND).work.operations("postgres").value == pytest.approx(5 * 277.778 + 11.574, rel=1e-5)


def test_a_hash_that_was_not_measured_is_left_out_and_said_so() -> None:
    """Only where somebody logs in."""
    found = loads(replace(TOKEN, password_hash_ms=None), DEMAND)
    assert found.hash_cores.value is None
    assert found.busy_cores["replicas"].value == pytest.approx(13.5 + 2 + 277.778 * 800e-6)
    assert found.notes == ("replicas without password hashes: password hash not measured: run `authbench micro`",)
    assert loads(replace(NONE, password_hash_ms=None), DEMAND).hash_cores.value == 0


def test_memory_that_was_not_measured_is_unknown() -> None:
    """With the experiment that weighs it."""
    found = loads(replace(SESSION, session_bytes={}), DEMAND).bytes["redis"]
    expected = "bytes of a redis-session login in redis not measured: run `authbench consequences session-memory`"
    assert (found.value, found.reason) == (None, expected)


def test_idling_that_costs_more_than_the_work_costs_nothing() -> None:
    """A component cannot give CPU back."""
    cost = replace(TOKEN.steps["read"], cpu_us={"replicas": Constant(300, "c"), "postgres": Constant(-0.5, "c")})
    found = loads(replace(TOKEN, steps={"read": cost}), replace(DEMAND, users=0))
    assert found.busy_cores["postgres"].value == 0
    reading = loads(replace(NONE, steps={"read": cost}), replace(DEMAND, write_ratio=0))
    assert (reading.busy_cores["postgres"].value, reading.busy_cores["postgres"].sources) == (0.0, ("c",))


@settings(max_examples=12, deadline=None)
@given(st.sampled_from(ALL), st.floats(0, 1e9), st.floats(1, 100))
def test_loads_are_proportional_to_users(constants: SchemeConstants, users: float, factor: float) -> None:
    """K times the users, k times the load."""
    few = loads(constants, replace(DEMAND, users=users))
    many = loads(constants, replace(DEMAND, users=users * factor))
    for component, busy in few.busy_cores.items():
        assert busy.value is not None
        assert many.busy_cores[component].value == pytest.approx(factor * busy.value, rel=1e-9, abs=1e-12)


def test_work_of_nothing_is_nothing() -> None:
    """No steps, no CPU, no reason."""
    assert work_of(TOKEN, {"read": 0.0}).cpu_s("replicas").value == 0
