"""How a login ends and what theory makes of it, under the lifetimes of a deployment."""

from dataclasses import replace

import pytest

from bench.consequences.apparatus.endings import WHOLE_S, Prediction, endings, predicted
from services.catalogue import SCHEMES
from services.contract import Bound
from services.settings import Settings

ELSEWHERE = "ban on another replica"
KEPT = "password change in the stolen login"
BEHIND = "ban at the API behind it"
MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def real(scheme: str, setting: str) -> Prediction:
    """What is predicted under the settings of a deployment."""
    spec = SCHEMES[scheme]
    (ending,) = (one for one in endings(spec) if one.setting == setting)
    known = predicted(spec, ending, Settings())
    assert known is not None
    return known


@pytest.mark.parametrize(
    ("scheme", "setting", "seconds"),
    [
        ("redis-session", "ban", 0),
        ("redis-session", KEPT, 12 * HOUR_S),
        ("memory-session", "ban", 0),
        ("memory-session", ELSEWHERE, 12 * HOUR_S),
        ("jwt-rs256", "logout", HOUR_S),
        ("jwt-sliding", "logout", 12 * HOUR_S),
        ("jwt-denylist", "admin revoke", 0),
        ("jwt-denylist", KEPT, HOUR_S),
        ("refresh-token", "password change", 30 * MINUTE_S),
        ("refresh-token", KEPT, 14 * DAY_S),
        ("bff", "logout", 0),
        ("bff", BEHIND, 30 * MINUTE_S - 30),
        ("bff-memory", ELSEWHERE, 30 * MINUTE_S - 30),
        ("bff-memory", KEPT, 12 * HOUR_S),
    ],
)
def test_theory_under_real_lifetimes(scheme: str, setting: str, seconds: float) -> None:
    """Nothing outlives a scheme that asks; what is not asked about lives as long as its settings say."""
    assert real(scheme, setting).seconds == seconds


@pytest.mark.parametrize("name", [name for name in SCHEMES if name != "none"])
def test_every_scheme_meets_every_event_and_has_a_theory(name: str) -> None:
    """Logout, ban, password change and admin revoke, and one that spares the stolen login; settings differ."""
    spec = SCHEMES[name]
    every = list(endings(spec))
    assert {ending.event for ending in every} == {None, *spec.traits.revoked_within}
    assert len({ending.setting for ending in every}) == len(every)
    assert all(predicted(spec, ending, Settings()) for ending in every)


def test_where_a_replica_matters_events_come_from_another_one_too() -> None:
    """In memory each event is asked for on the login's replica and on another; else on another one alone."""
    settings = [ending.setting for ending in endings(SCHEMES["memory-session"])]
    assert {"ban", ELSEWHERE, "password change on another replica", "admin revoke on another replica"} <= set(settings)
    others = [ending for ending in endings(SCHEMES["redis-session"]) if ending.event not in {"logout", None}]
    assert [(ending.replica, ending.reaches) for ending in others] == [(1, True)] * 3


def test_a_login_that_is_older_has_less_left() -> None:
    """What counts from the login is less by its age, never below nothing; what counts from the event is not."""
    token = real("jwt-hs256", "ban")
    assert [token.after_event_s(age_s) for age_s in (0, 600, 2 * HOUR_S)] == [HOUR_S, HOUR_S - 600, 0]
    assert (token.early_s, token.late_s) == (0, WHOLE_S)
    assert real("redis-session", "ban").after_event_s(600) == 0


def test_a_plugin_is_held_to_what_it_declares_and_to_nothing_else() -> None:
    """Without a known lifetime there is no theory; a bound that it declares counts from the event."""
    spec = replace(SCHEMES["jwt-hs256"], name="a-plugin")
    every = list(endings(spec))
    assert [predicted(spec, ending, Settings()) for ending in every] == [None] * len(every)
    bounds = dict.fromkeys(spec.traits.revoked_within, Bound(30))
    declared = replace(spec, traits=replace(spec.traits, revoked_within=bounds))
    known = predicted(declared, every[0], Settings())
    assert known is not None
    assert (known.seconds, known.since) == (30, "event")
