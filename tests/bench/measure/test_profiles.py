"""Choices become plans: a control beside every scheme, entered twice, in an order drawn from the seed."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.profiles import AGAIN, CONTROL, PROFILES, TWIN, Choices, PlanError, plan_arms, plan_blocks
from services.catalogue import SCHEMES

SCHEME_NAMES = st.lists(st.sampled_from([*SCHEMES]), max_size=4).map(tuple)
REPLICAS = st.lists(st.integers(1, 8), max_size=3, unique=True).map(tuple)
CHOICES = st.builds(
    Choices, schemes=SCHEME_NAMES, replicas=REPLICAS, seed=st.integers(0, 999), blocks=st.integers(1, 3)
)


@given(CHOICES)
def test_every_plan_has_its_controls(choices: Choices) -> None:
    """Whatever is chosen: ids are unique, each replica count has its control, and one of them is entered twice."""
    for block in plan_blocks(choices, SCHEMES):
        ids = [arm.id for arm in block.arms]
        assert len(set(ids)) == len(ids)
        assert {arm.replicas for arm in block.arms if arm.scheme == CONTROL} == {arm.replicas for arm in block.arms}
        (again,) = (arm for arm in block.arms if arm.id.endswith(AGAIN))
        assert replace(again, id=again.id.removesuffix(AGAIN)) in block.arms
        assert again.scheme == CONTROL


@given(CHOICES)
def test_a_seed_repeats_a_run(choices: Choices) -> None:
    """Equal choices make equal blocks; the blocks of one run hold the same arms under different seeds."""
    blocks = plan_blocks(choices, SCHEMES)
    assert blocks == plan_blocks(choices, SCHEMES)
    assert len({block.seed for block in blocks}) == len(blocks)
    assert len({frozenset(block.arms) for block in blocks}) == 1


def test_orders_differ_from_block_to_block() -> None:
    """No arm is always the first."""
    assert len({block.arms[0] for block in plan_blocks(Choices(blocks=10), SCHEMES)}) > 1


def test_the_quick_profile_is_the_six_at_one_and_two() -> None:
    """The schemes of the story, each twice, with the A/A pair and one arm that refreshes."""
    (block, *_) = plan_blocks(Choices(), SCHEMES)
    steady = Counter(arm.scheme for arm in block.arms if arm.journey == "steady" and not arm.id.endswith(AGAIN))
    assert steady == dict.fromkeys(PROFILES["quick"].schemes, 2)
    assert [arm.id for arm in block.arms if arm.journey == "refresh"] == ["refresh-token-bearer-1-refresh"]
    assert len(plan_blocks(Choices(), SCHEMES)) == PROFILES["quick"].blocks


def test_a_ledger_gives_every_reader_at_the_first_replica_count_a_twin() -> None:
    """From `standard` on, unless it is declined; a twin is like its arm in all but being one, the control's as well."""
    (block, *_) = plan_blocks(Choices("standard", ("redis-session", "refresh-token"), replicas=(2, 1)), SCHEMES)
    twins = {arm.id: arm for arm in block.arms if arm.is_twin}
    arms = {arm.id: arm for arm in block.arms if not arm.is_twin}
    assert sorted(twins) == [
        "none-bearer-2-twin",
        "redis-session-cookie-2-twin",
        "refresh-token-bearer-2-twin",
    ]
    for name, twin in twins.items():
        arm = arms[name.removesuffix(TWIN)]
        assert replace(twin, id=arm.id, is_twin=False) == arm
    for choices in (Choices("standard", ledger=False), Choices("quick")):
        assert not any(arm.is_twin for arm in plan_blocks(choices, SCHEMES)[0].arms)
    assert any(arm.is_twin for arm in plan_blocks(Choices("quick", ledger=True), SCHEMES)[0].arms)


def test_wider_profiles_take_the_catalogue_but_its_antipatterns() -> None:
    """A scheme that claims to be wrong is measured only when it is asked for."""
    traits = replace(SCHEMES["jwt-hs256"].traits, antipattern="it is wrong")
    catalogue = {**SCHEMES, "wrong": replace(SCHEMES["jwt-hs256"], name="wrong", traits=traits)}
    schemes = {arm.scheme for arm in plan_arms(Choices("standard"), catalogue, 24)}
    assert schemes == {CONTROL, *(name for name, spec in SCHEMES.items() if not spec.traits.antipattern)}
    assert "wrong" in {arm.scheme for arm in plan_arms(Choices("standard", ("wrong",)), catalogue, 24)}


def test_only_the_rigorous_profile_takes_every_carrier() -> None:
    """Else each scheme has its default one."""
    rigorous = {(arm.scheme, arm.carrier) for arm in plan_arms(Choices("rigorous", ("redis-session",)), SCHEMES, 24)}
    quick = {(arm.scheme, arm.carrier) for arm in plan_arms(Choices("quick", ("redis-session",)), SCHEMES, 24)}
    assert {("redis-session", "cookie"), ("redis-session", "bearer")} <= rigorous
    assert {carrier for scheme, carrier in quick if scheme == "redis-session"} == {"cookie"}


def test_a_profiles_scheme_keeps_its_carrier_where_it_knows_no_other() -> None:
    """Nobody asked for it by name, so a carrier that it lacks ends no run; all others take the chosen one."""
    carried = {arm.scheme: arm.carrier for arm in plan_arms(Choices("standard", carrier="bearer"), SCHEMES, 24)}
    assert carried.pop("bff") == carried.pop("bff-memory") == "cookie"
    assert set(carried.values()) == {"bearer"}


def test_a_carrier_must_be_the_schemes_own() -> None:
    """One that it has is taken, one that it has not is refused with those that it has."""
    assert {arm.carrier for arm in plan_arms(Choices(schemes=("jwt-hs256",), carrier="cookie"), SCHEMES, 24)} == {
        "cookie"
    }
    traits = replace(SCHEMES["jwt-hs256"].traits, carriers=("bearer",))
    catalogue = {**SCHEMES, "jwt-hs256": replace(SCHEMES["jwt-hs256"], traits=traits)}
    with pytest.raises(PlanError, match="scheme 'jwt-hs256' has no carrier 'cookie'; it has: bearer"):
        plan_arms(Choices(schemes=("jwt-hs256",), carrier="cookie"), catalogue, 24)


def test_balancings_multiply_the_arms() -> None:
    """Each policy makes arms of its own, and all but the plain one stand in the id."""
    arms = plan_arms(Choices(schemes=("none",), replicas=(2,), balancing=("roundrobin", "sticky")), SCHEMES, 24)
    assert [arm.id for arm in arms] == ["none-bearer-2", "none-bearer-2-sticky", "none-bearer-2-again"]


def test_rate_seconds_and_blocks_override_the_profile() -> None:
    """In every slice; two slices that become alike are one."""
    blocks = plan_blocks(Choices("standard", rate_rps=7, seconds=2, blocks=3), SCHEMES)
    assert len(blocks) == 3
    assert {(piece.rate_rps, piece.seconds) for block in blocks for piece in block.slices} == {(7, 2)}
    assert len(set(blocks[0].slices)) == len(blocks[0].slices)


@given(st.floats(0.1, 5_000))
def test_the_pool_covers_a_stall(rate_rps: float) -> None:
    """As many visitors as arrive in a second of standstill, and never fewer than some two dozen."""
    (block, *_) = plan_blocks(Choices(rate_rps=rate_rps), SCHEMES)
    assert all(arm.visitors >= max(24, rate_rps) for arm in block.arms)
