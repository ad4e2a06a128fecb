"""The advice: each rule eliminates exactly whom it should, and what remains does not depend on how it was asked."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.analysis.advice import Advice, Candidate, Cost, advise, kind_of
from bench.analysis.advice_rules import FACTS, RULES, UNSTATED, Fact, Finding, NeedName, Needs
from bench.analysis.model import Estimate
from services.catalogue import SCHEMES
from tests.bench.consequences.advised import RECOMMENDABLE, claimed, everybody

STATELESS = {"jwt-hs256", "jwt-rs256", "jwt-es256", "jwt-eddsa", "jwt-sliding"}
IN_MEMORY = {"memory-session", "bff-memory"}
HOUR_S = 3600.0
BY_NEED: tuple[tuple[Mapping[str, Any], set[str]], ...] = (
    ({}, set()),
    ({"force_logout": True}, STATELESS | {"refresh-token"}),
    ({"force_logout": True, "servers": 2}, STATELESS | IN_MEMORY | {"refresh-token"}),
    ({"revocation_window_s": 0.0}, STATELESS | {"refresh-token"}),
    ({"revocation_window_s": 1800.0}, STATELESS),  # an access token lives just as long
    ({"revocation_window_s": HOUR_S}, {"jwt-sliding"}),  # it slides for 12 h
    ({"revocation_window_s": HOUR_S, "servers": 2}, {"jwt-sliding", "memory-session"}),
    ({"limit_sessions": True}, STATELESS | {"jwt-denylist"}),
    ({"limit_sessions": True, "servers": 2}, STATELESS | {"jwt-denylist", "memory-session"}),
    ({"list_sessions": True}, STATELESS | {"jwt-denylist"}),
    ({"list_sessions": True, "servers": 2}, STATELESS | IN_MEMORY | {"jwt-denylist"}),
    ({"mobile": True}, {"bff", "bff-memory"}),
    ({"services": 2}, {"memory-session"}),
    ({"servers": 2}, set()),
    ({"survive_replica_loss": True}, IN_MEMORY),
    ({"redeploy_keeps_logins": True}, IN_MEMORY),
    ({"store_outage_s": 30.0}, {"redis-session", "postgres-session", "jwt-denylist", "bff"}),
    (
        {"store_outage_s": HOUR_S},
        {"redis-session", "postgres-session", "jwt-denylist", "refresh-token", "bff", "bff-memory"},
    ),
    ({"no_redis": True}, {"redis-session", "jwt-denylist", "bff"}),
    ({"no_postgres": True}, {"postgres-session", "refresh-token", "bff", "bff-memory"}),
    ({"tokens_out_of_browser": True}, STATELESS | {"jwt-denylist", "refresh-token"}),
    ({"latency_budget_ms": 1.0, "cpu_budget_ratio": 1.0, "services": 4}, {"memory-session"}),
)
ANY_NEEDS = st.builds(
    Needs,
    **{name: st.booleans() for name, default in UNSTATED.items() if default is False},
    revocation_window_s=st.sampled_from([None, 0.0, 60.0, 1800.0, HOUR_S]),
    services=st.integers(1, 5),
    servers=st.integers(1, 3),
    store_outage_s=st.sampled_from([0.0, 30.0, HOUR_S]),
    latency_budget_ms=st.sampled_from([None, 5.0]),
    cpu_budget_ratio=st.sampled_from([None, 1.5]),
)
EVERYBODY = everybody()


def names(advice: Advice) -> set[str]:
    """Who remains."""
    return {one.name for one in advice.remaining}


def with_fact(one: Candidate, fact: Fact, value: float) -> Candidate:
    """The same, of whom that was measured."""
    return replace(one, facts={**one.facts, fact: Finding(value, f"{value:g}", "run x, cell y")})


def costing(name: str, cpu_us: float | None, operations: float = 0.0) -> Candidate:
    """A scheme of that cost, of which nothing else is known."""
    cost = Cost(operations, None if cpu_us is None else Estimate(cpu_us, cpu_us, cpu_us))
    return Candidate(name, "session", "cookie", is_sticky=False, cost=cost, facts={})


@pytest.mark.parametrize(("stated", "out"), BY_NEED, ids=[" ".join(stated) or "nothing" for stated, _ in BY_NEED])
def test_each_need_eliminates_exactly_whom_it_should(stated: Mapping[str, Any], out: set[str]) -> None:
    """From the claims of the built-in schemes alone."""
    advice = advise(Needs(**stated), EVERYBODY)
    assert {one.candidate.name for one in advice.eliminated} == out
    assert names(advice) == set(RECOMMENDABLE) - out


@pytest.mark.parametrize(
    ("fact", "at", "needs"),
    [
        ("p99_ms", 5.0, Needs(latency_budget_ms=5.0)),
        ("cpu_ratio", 1.5, Needs(cpu_budget_ratio=1.5)),
        ("cpu_over_2_services_ratio", 1.5, Needs(cpu_budget_ratio=1.5, services=2)),
        ("cpu_over_4_services_ratio", 1.5, Needs(cpu_budget_ratio=1.5, services=4)),
    ],
)
def test_a_budget_is_kept_up_to_its_end(fact: Fact, at: float, needs: Needs) -> None:
    """Who needs just as much remains, who needs more does not, with the figure and its source."""
    one = claimed(SCHEMES["redis-session"])
    assert advise(needs, [with_fact(one, fact, at)]).remaining
    (out,) = advise(needs, [with_fact(one, fact, at * 1.01)]).eliminated
    (reason,) = out.reasons
    assert reason.because.endswith(f"{at * 1.01:g}")
    assert (reason.source, reason.is_measured) == ("run x, cell y", True)


def test_four_services_are_not_held_against_two() -> None:
    """What a row of four costs says nothing where two are needed."""
    one = with_fact(claimed(SCHEMES["redis-session"]), "cpu_over_4_services_ratio", 9.0)
    assert advise(Needs(cpu_budget_ratio=1.5, services=3), [one]).remaining


@given(needs=ANY_NEEDS, more=ANY_NEEDS)
@settings(max_examples=15, deadline=None)
def test_another_need_never_adds_a_scheme(needs: Needs, more: Needs) -> None:
    """Whoever remains with one more need stated remained without it."""
    for name in more.stated:
        if name not in needs.stated:
            both = replace(needs, **{name: getattr(more, name)})
            assert names(advise(both, EVERYBODY)) <= names(advise(needs, EVERYBODY))


@given(needs=ANY_NEEDS)
@settings(max_examples=15, deadline=None)
def test_every_elimination_names_stated_needs(needs: Needs) -> None:
    """With a reason and a source each; and whoever is not eliminated remains, once."""
    advice = advise(needs, EVERYBODY)
    for one in advice.eliminated:
        for reason in one.reasons:
            assert set(reason.needs) <= set(needs.stated)
            assert reason.because
            assert reason.source
    told = [*(one.name for one in advice.remaining), *(one.candidate.name for one in advice.eliminated)]
    assert sorted(told) == sorted(RECOMMENDABLE)


@given(needs=ANY_NEEDS, seed=st.randoms(use_true_random=False))
@settings(max_examples=10, deadline=None)
def test_the_order_of_schemes_decides_nothing(needs: Needs, seed: Any) -> None:  # noqa: ANN401 - a Random
    """However they come in, what remains comes out in the same order."""
    shuffled = list(EVERYBODY)
    seed.shuffle(shuffled)
    assert advise(needs, shuffled).remaining == advise(needs, EVERYBODY).remaining


@given(needs=ANY_NEEDS)
@settings(max_examples=15, deadline=None)
def test_a_relaxation_is_of_stated_needs_and_leaves_somebody(needs: Needs) -> None:
    """Only where nobody remains; without the dropped needs exactly those remain whom it names."""
    advice = advise(needs, EVERYBODY)
    assert bool(advice.relaxations) == (not advice.remaining)
    assert len({len(one.dropped) for one in advice.relaxations}) <= 1
    for one in advice.relaxations:
        assert set(one.dropped) <= set(needs.stated)
        left = advise(needs.without(one.dropped), EVERYBODY).remaining
        assert tuple(candidate.name for candidate in left) == one.leaves != ()


def test_needs_that_exclude_each_other_are_told() -> None:
    """Nothing can end a login at once, on two servers, without asking a store: either of three may be given up."""
    advice = advise(Needs(force_logout=True, store_outage_s=30.0, servers=2), EVERYBODY)
    assert advice.remaining == ()
    assert [one.dropped for one in advice.relaxations] == [("force_logout",), ("servers",), ("store_outage_s",)]
    assert set(advice.relaxations[1].leaves) == IN_MEMORY


def test_what_remains_is_ordered_by_cost_alone() -> None:
    """CPU first, those of whom it was not measured last; then store operations, then name."""
    candidates = [
        costing("e", None, 1.0), costing("d", None), costing("c", 20.0, 1.0), costing("b", 20.0), costing("a", 20.0),
        costing("f", 10.0, 5.0),
    ]  # fmt: skip
    assert [one.name for one in advise(Needs(), candidates).remaining] == ["f", "a", "b", "c", "d", "e"]


def test_what_nothing_is_known_of_is_undecided() -> None:
    """A budget without a figure eliminates nobody, and is told once a scheme."""
    one = claimed(SCHEMES["bff"])
    advice = advise(Needs(latency_budget_ms=5.0, cpu_budget_ratio=1.5, services=2), [one])
    assert advice.remaining == (one,)
    assert [(found.scheme, found.need) for found in advice.undecided] == [
        ("bff", "latency_budget_ms"),
        ("bff", "cpu_budget_ratio"),
        ("bff", "cpu_budget_ratio"),
    ]
    assert len(set(advice.undecided)) == 3
    assert advise(Needs(), [one]).undecided == ()


def test_the_kind_of_every_scheme() -> None:
    """State in a store, in the credential, or in both."""
    kinds = {name: kind_of(spec) for name, spec in RECOMMENDABLE.items()}
    assert {name for name, kind in kinds.items() if kind == "token"} == STATELESS
    both = {"jwt-denylist", "refresh-token", "bff", "bff-memory"}
    assert {name for name, kind in kinds.items() if kind == "both"} == both


def test_every_need_and_every_figure_has_a_rule() -> None:
    """Nothing can be stated that eliminates nobody; only the memory of a session is told without being a limit."""
    assert {name for rule in RULES for name in rule.needs} == set(UNSTATED) == set(get_args(NeedName))
    assert {rule.fact for rule in RULES} == set(FACTS) - {"session_bytes"}
    assert all("{found}" in rule.because for rule in RULES)


def test_nothing_is_stated_by_default() -> None:
    """And what is stated is told in the order of the fields, a window of nothing included."""
    assert Needs().stated == ()
    assert Needs(servers=2, force_logout=True, revocation_window_s=0.0).stated == (
        "force_logout",
        "revocation_window_s",
        "servers",
    )


def test_nan_is_not_known() -> None:
    """A figure that nobody knows breaks no limit."""
    unknown = Finding(math.nan, "", "")
    assert not unknown.is_known
    full = Needs(True, 0.0, True, True, True, 4, 2, True, True, 1.0, True, True, 1.0, 1.0, True)  # noqa: FBT003 - every one
    assert len(full.stated) == len(UNSTATED)
    assert not any(rule.breaks(full, unknown.value) for rule in RULES)
