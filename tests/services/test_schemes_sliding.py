"""Sliding tokens: replaced in time, never past the limit, and nothing said at the login gets lost on the way."""

import base64
import json
import math
from collections.abc import Callable
from dataclasses import replace

import jwt
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st

from services.catalogue import SCHEMES
from services.clock import Clock
from services.contract import Grant, RejectedError, Scheme
from services.parts import ServiceParts, open_parts
from services.settings import Settings
from services.users import User

TTL_S, LEFT_S, ABSOLUTE_S = 3600, 300, 12 * 3600
WHOLE_S = 1_800_000_000.0
Fields = dict[str, object]
Forge = Callable[[str, Fields], str]


@pytest.fixture
def scheme(parts: ServiceParts) -> Scheme:
    """The scheme with its production lifetimes."""
    settings = parts.settings
    assert (settings.jwt_ttl_s, settings.sliding_left_s, settings.session_absolute_s) == (TTL_S, LEFT_S, ABSOLUTE_S)
    return SCHEMES["jwt-sliding"].build(parts)


@pytest.fixture
def forge(parts: ServiceParts) -> Forge:
    """Sign with our own key what we would never issue; None removes a claim."""

    def signed(token: str, changes: Fields) -> str:
        key = parts.keys.signing("HS256")
        fields = {name: value for name, value in {**claims_in(token), **changes}.items() if value is not None}
        headers = {"typ": "at+jwt", "kid": key.kid}
        return jwt.PyJWS().encode(json.dumps(fields).encode(), key.signing, "HS256", headers)

    return signed


def claims_in(token: str) -> Fields:
    """The payload as anyone can read it."""
    text = token.split(".")[1]
    fields: Fields = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return fields


def reason(scheme: Scheme, token: str) -> str:
    """Why `token` is refused."""
    with pytest.raises(RejectedError) as refused:
        scheme.verify(token)
    return refused.value.reason


def test_a_token_is_replaced_when_five_minutes_are_left(scheme: Scheme, user: User, now_s: list[float]) -> None:
    """Exactly then and no moment earlier, up to the last moment and no longer."""
    now_s[0] = WHOLE_S
    token = scheme.issue(user).credential
    for at_s, is_replaced in (
        (0, False),
        (TTL_S - LEFT_S - 0.001, False),
        (TTL_S - LEFT_S, True),
        (TTL_S - 0.001, True),
    ):
        now_s[0] = WHOLE_S + at_s
        assert (scheme.verify(token).replacement is not None) == is_replaced
    now_s[0] = WHOLE_S + TTL_S
    assert reason(scheme, token) == "expired"


def test_a_replacement_is_the_same_login_for_longer(
    scheme: Scheme, user: User, now_s: list[float], advance: Callable[[float], None]
) -> None:
    """Another token of the same user, role, sid and time of login, good for a full life from now."""
    now_s[0] = WHOLE_S
    grant = scheme.issue(user, claims={"scope": "notes:write", "tenant": "t1", "groups": "g1 g2"})
    advance(TTL_S - 60)
    replacement = replaced(scheme, grant.credential)
    old, new = claims_in(grant.credential), claims_in(replacement.credential)
    assert (replacement.sid, replacement.expires_in_s, replacement.refresh_credential) == (grant.sid, TTL_S, None)
    assert {name for name in old if old[name] != new[name]} == {"jti", "iat", "exp"}
    assert (new["iat"], new["exp"], new["auth_time"]) == (now_s[0], now_s[0] + TTL_S, WHOLE_S)
    assert new.keys() == old.keys()
    verified = scheme.verify(replacement.credential)
    assert (verified.user_id, verified.role, verified.sid) == (user.id, user.role, grant.sid)
    assert scheme.verify(grant.credential).sid == grant.sid


def replaced(scheme: Scheme, token: str) -> Grant:
    """What replaces `token` now."""
    replacement = scheme.verify(token).replacement
    assert replacement is not None
    return replacement


def test_only_claims_of_ours_are_carried_along(scheme: Scheme, user: User, forge: Forge, now_s: list[float]) -> None:
    """RFC 8725: what the allow-list does not know ends with the token it came in."""
    token = forge(scheme.issue(user).credential, {"email": "x@example.org", "nbf": 1, "exp": int(now_s[0]) + 60})
    assert claims_in(replaced(scheme, token).credential).keys().isdisjoint({"email", "nbf"})


@pytest.mark.parametrize("value", [None, True, 1.5, "1800000000", [], 1e400])
def test_the_time_of_the_login_must_be_there(scheme: Scheme, user: User, forge: Forge, value: object) -> None:
    """A token without it could slide for ever."""
    assert reason(scheme, forge(scheme.issue(user).credential, {"auth_time": value})) == "malformed"


def test_a_login_that_is_still_to_come_is_none(scheme: Scheme, user: User, forge: Forge, now_s: list[float]) -> None:
    """It would move the limit; at the very second of the token it is as it should be."""
    token = scheme.issue(user).credential
    assert reason(scheme, forge(token, {"auth_time": int(now_s[0]) + 1})) == "not-yet-valid"
    scheme.verify(forge(token, {"auth_time": int(now_s[0])}))


def test_a_token_of_a_scheme_that_does_not_slide_cannot_be_slid(
    scheme: Scheme, parts: ServiceParts, user: User
) -> None:
    """It is signed with the same key, but tells of no login."""
    assert reason(scheme, SCHEMES["jwt-hs256"].build(parts).issue(user).credential) == "malformed"


def test_nobody_slides_past_the_absolute_limit(scheme: Scheme, user: User, now_s: list[float]) -> None:
    """ASVS 7.3: the last token ends there, and is not replaced any more."""
    now_s[0] = WHOLE_S
    grant = scheme.issue(user)
    while now_s[0] + grant.expires_in_s < WHOLE_S + ABSOLUTE_S:
        now_s[0] += grant.expires_in_s - 1
        grant = replaced(scheme, grant.credential)
    now_s[0] = WHOLE_S + ABSOLUTE_S - 0.5
    assert scheme.verify(grant.credential).replacement is None
    now_s[0] = WHOLE_S + ABSOLUTE_S
    assert reason(scheme, grant.credential) == "expired"


def test_a_limit_that_was_lowered_holds_at_once(
    settings: Settings, clock: Clock, user: User, now_s: list[float]
) -> None:
    """Tokens that are out already know nothing of it; their time of login does."""
    parts = open_parts(settings, clock)
    token = SCHEMES["jwt-sliding"].build(parts).issue(user).credential
    stricter = SCHEMES["jwt-sliding"].build(open_parts(replace(settings, session_absolute_s=600), clock))
    assert 590 <= stricter.verify(token).expires_in_s <= 600
    now_s[0] += 600
    assert reason(stricter, token) == "expired"
    parts.close()


@pytest.mark.parametrize("absolute_s", [1, 60, 3599])
def test_a_first_token_ends_at_a_limit_below_its_life(
    settings: Settings, clock: Clock, user: User, now_s: list[float], absolute_s: int
) -> None:
    """And promises no second more."""
    scheme = SCHEMES["jwt-sliding"].build(open_parts(replace(settings, session_absolute_s=absolute_s), clock))
    now_s[0] = WHOLE_S + 0.25
    grant = scheme.issue(user)
    assert claims_in(grant.credential)["exp"] == WHOLE_S + absolute_s
    assert grant.expires_in_s == absolute_s - 1
    assert scheme.verify(grant.credential).replacement is None


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start_s=st.floats(0, 1), pauses=st.lists(st.floats(0.001, TTL_S * 1.2), max_size=60))
def test_the_promises_hold_at_any_time(
    scheme: Scheme, user: User, now_s: list[float], start_s: float, pauses: list[float]
) -> None:
    """Used at any times: good as long as promised, refused when over, replaced exactly where that gains life."""
    now_s[0] = begun_s = WHOLE_S + start_s
    grant, granted_s = scheme.issue(user), now_s[0]
    limit_s = math.floor(begun_s) + ABSOLUTE_S
    for pause_s in pauses:
        now_s[0] += pause_s
        exp_s = float(str(claims_in(grant.credential)["exp"]))
        assert granted_s + grant.expires_in_s <= exp_s <= min(granted_s + TTL_S + 1, limit_s)
        if now_s[0] >= exp_s:
            assert reason(scheme, grant.credential) == "expired"
            return
        verified = scheme.verify(grant.credential)
        assert verified.sid == grant.sid
        assert verified.expires_in_s == int(exp_s - now_s[0])
        assert (verified.replacement is not None) == (exp_s - now_s[0] <= LEFT_S and exp_s < limit_s)
        if verified.replacement is not None:
            grant, granted_s = verified.replacement, now_s[0]
