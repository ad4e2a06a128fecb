"""The proof holds a running arm to its scheme's traits, and says what it counted where they are not true."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.measure.laboratory import ArmBench
from bench.measure.proof import Check, Proof, difference, prove
from services.catalogue import find
from services.contract import Bound, Operations, Step, Traits

COUNTS = st.dictionaries(
    st.sampled_from(["redis", "postgres"]),
    st.dictionaries(st.sampled_from(["get", "set", "select"]), st.integers(0, 9)),
)


def _traits(scheme: str) -> Traits:
    return find(scheme).traits


def _doing(scheme: str, step: Step, operations: Operations) -> Traits:
    traits = _traits(scheme)
    return replace(traits, operations={**traits.operations, step: operations})


@pytest.mark.stack
@pytest.mark.parametrize("arm", ["none", "memory", "redis", "jwt", "bff", "bff-memory"])
def test_what_traits_declare_is_what_runs(benches: Mapping[str, ArmBench], arm: str) -> None:
    """Every check of an honest scheme holds, with one replica or two, with a store or without, behind a BFF or not."""
    bench = benches[arm]
    proof = prove(bench, _traits(bench.plan.scheme))
    assert proof.failures == ()
    assert proof.holds


@pytest.mark.stack
@pytest.mark.parametrize(
    ("arm", "traits", "failure"),
    [
        (
            "redis",
            _doing("redis-session", "verify", Operations({"redis": 1}, {"redis": {"get": 1}})),
            "24 x verify cost redis get 24: counted redis getex 24, expected redis get 24",
        ),
        (
            "redis",
            _doing("redis-session", "revoke", Operations()),
            "counted redis evalsha 12, redis getdel 12, redis zrem 12, expected no store command",
        ),
        (
            "memory",
            _doing("memory-session", "issue", Operations({"postgres": 2}, {"postgres": {"select": 2}})),
            "12 x issue cost postgres select 36: counted postgres select 12, expected postgres select 36",
        ),
        (
            "redis",
            _doing("redis-session", "renew", Operations()),
            "12 x renew cost no store command: found statuses [401], expected 2xx",
        ),
        (
            "memory",
            replace(_traits("memory-session"), needs_affinity=False),
            "a credential from another replica is answered 200: answered 401 unknown, expected 200",
        ),
        (
            "redis",
            replace(_traits("redis-session"), revoked_within={"logout": Bound(None)}),
            "by nature valid until it expires, is answered 200: answered 401 unknown, expected 200",
        ),
        (
            "bff",
            _doing("bff", "verify", Operations()),
            "24 x verify cost no store command: counted redis getex 24, expected no store command",
        ),
        (
            "bff-memory",
            replace(_traits("bff-memory"), needs_affinity=False),
            "a credential from another replica is answered 200: answered 401 unknown, expected 200",
        ),
        (
            "jwt",
            replace(_traits("jwt-rs256"), revoked_within={"logout": Bound(0)}),
            "a revoked credential is answered 401: answered 200, expected 401",
        ),
    ],
)
def test_an_untrue_trait_is_refuted(benches: Mapping[str, ArmBench], arm: str, traits: Traits, failure: str) -> None:
    """The one line that fails names what was counted and what was expected."""
    proof = prove(benches[arm], traits)
    assert any(failure in found for found in proof.failures)
    assert not proof.holds


@pytest.mark.stack
def test_an_arm_that_lets_nobody_in_is_refused(benches: Mapping[str, ArmBench]) -> None:
    """Without a credential nothing can be forged, and the proof says so instead of breaking."""
    locked = ArmBench(benches["jwt"].arm, password="not theirs")
    assert "a login grants a credential: granted none, expected one" in prove(locked, _traits("jwt-rs256")).failures


@pytest.mark.stack
def test_clocks_are_left_as_they_were(benches: Mapping[str, ArmBench]) -> None:
    """A second proof finds what the first one found: no replica lives on in the far future."""
    bench = benches["memory"]
    assert prove(bench, _traits("memory-session")) == prove(bench, _traits("memory-session"))


def test_one_failing_check_is_enough() -> None:
    """A proof holds when all of its checks do, and tells those that do not."""
    good, bad = Check("a", "as expected", holds=True), Check("b", "found 1, expected 2", holds=False)
    assert Proof("arm", (good,)).holds
    assert (Proof("arm", (good, bad)).holds, Proof("arm", (good, bad)).failures) == (False, ("b: found 1, expected 2",))


@given(COUNTS, COUNTS)
def test_difference_undoes_addition(
    before: Mapping[str, Mapping[str, int]], grown: Mapping[str, Mapping[str, int]]
) -> None:
    """(before + grown) - before is what grew, without zeros, for any counters."""
    after = {
        store: {
            name: before.get(store, {}).get(name, 0) + grown.get(store, {}).get(name, 0)
            for name in {**before.get(store, {}), **grown.get(store, {})}
        }
        for store in {**before, **grown}
    }
    kept = {store: {name: count for name, count in names.items() if count} for store, names in grown.items()}
    assert difference(before, after) == {store: names for store, names in kept.items() if names}
