"""The two denylist schemes: what naming a token by its jti withstands and naming it by its text does not."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as effort
from hypothesis import strategies as st
from jwt import PyJWS

from services.catalogue import SCHEMES
from services.contract import RejectedError, Scheme
from services.parts import ServiceParts
from services.tokens import MS_PER_S, in_milliseconds
from services.users import User

BY_JTI, BY_STRING = "jwt-denylist", "jwt-denylist-by-string"
both = pytest.mark.parametrize("name", [BY_JTI, BY_STRING])
Forge = Callable[[dict[str, object]], str]


@pytest.fixture
def forge(parts: ServiceParts, now_s: list[float]) -> Forge:
    """Sign with our own key what we would never issue; None removes a claim."""

    def signed(changes: dict[str, object]) -> str:
        key = parts.keys.signing("HS256")
        good = {
            "iss": parts.settings.issuer,
            "aud": parts.settings.audience,
            **{name: name for name in ("sub", "role", "sid", "jti")},
            "iat": int(now_s[0]),
            "exp": int(now_s[0]) + 60,
            **in_milliseconds(now_s[0]),
        }
        fields = {name: value for name, value in {**good, **changes}.items() if value is not None}
        headers = {"typ": "at+jwt", "kid": key.kid}
        return PyJWS().encode(json.dumps(fields).encode(), key.signing, "HS256", headers)

    return signed


def reason(scheme: Scheme, token: str) -> str:
    """Why `token` is refused."""
    with pytest.raises(RejectedError) as refused:
        scheme.verify(token)
    return refused.value.reason


def test_another_spelling_of_a_revoked_token(parts: ServiceParts, user: User) -> None:
    """The flaw: after logout one '=' more brings the token back where its text is denied, not where its jti is."""
    by_jti, by_string = (SCHEMES[name].build(parts) for name in (BY_JTI, BY_STRING))
    one, other = by_jti.issue(user), by_string.issue(user)
    by_jti.revoke(one.credential, None)
    by_string.revoke(other.credential, None)
    assert reason(by_jti, one.credential) == reason(by_string, other.credential) == "revoked"
    assert reason(by_jti, one.credential + "=") == "malformed"
    assert by_string.verify(other.credential + "=").sid == other.sid


@both
def test_a_forged_token_never_reaches_the_store(parts: ServiceParts, user: User, name: str) -> None:
    """Nobody makes us ask, or write to, Redis with what we did not sign, or with what has expired."""
    scheme = SCHEMES[name].build(parts)
    token = scheme.issue(user).credential
    parts.denylist._execute = parts.denylist._client.execute = _never
    forged = token[:-8] + "AAAAAAAA"
    assert reason(scheme, forged) in {"bad-signature", "malformed"}
    scheme.revoke(forged, None)
    scheme.revoke(None, token)
    with pytest.raises(AssertionError):
        scheme.verify(token)


def _never(*words: object) -> object:
    message = f"asked {words}"
    raise AssertionError(message)


@both
def test_an_expired_token_is_not_denied(
    parts: ServiceParts, user: User, name: str, advance: Callable[[float], None]
) -> None:
    """There is nothing to do: the denylist does not grow by it."""
    scheme = SCHEMES[name].build(parts)
    token = scheme.issue(user).credential
    advance(parts.settings.jwt_ttl_s + 1)
    parts.denylist._client.execute = _never
    scheme.revoke(token, None)


@both
@pytest.mark.parametrize("value", [None, True, 1.5, "1800000000000", [], 1e400, 1, -1])
def test_the_millisecond_of_issue_must_be_there(parts: ServiceParts, forge: Forge, name: str, value: object) -> None:
    """Without it, or at odds with iat, a token could claim to be younger than the logout that ended it."""
    assert reason(SCHEMES[name].build(parts), forge({"iat_ms": value})) == "malformed"


@both
def test_the_millisecond_lies_in_the_second_of_issue(
    parts: ServiceParts, forge: Forge, name: str, now_s: list[float]
) -> None:
    """From its first to its last, and neither before nor after."""
    scheme, iat = SCHEMES[name].build(parts), int(now_s[0])
    for iat_ms, is_good in ((-1, False), (0, True), (MS_PER_S - 1, True), (MS_PER_S, False)):
        token = forge({"iat_ms": iat * MS_PER_S + iat_ms})
        if is_good:
            scheme.verify(token)
        else:
            assert reason(scheme, token) == "malformed"


@given(st.floats(0, 2**33))
def test_milliseconds_are_of_their_second(now_s: float) -> None:
    """Whatever a product of floats would round to."""
    (value,) = in_milliseconds(now_s).values()
    assert value // MS_PER_S == int(now_s)
    assert 0 <= now_s - value / MS_PER_S < 0.0011


def test_a_token_of_a_scheme_that_cannot_be_denied_is_none(parts: ServiceParts, user: User) -> None:
    """It is signed with the same key, but cannot be held against a user's not-before."""
    token = SCHEMES["jwt-hs256"].build(parts).issue(user).credential
    for name in (BY_JTI, BY_STRING):
        assert reason(SCHEMES[name].build(parts), token) == "malformed"


def test_plain_decoding_accepts_what_it_always_accepts(parts: ServiceParts, forge: Forge) -> None:
    """Its other flaws are left in: a second audience and a token of another type."""
    by_jti, by_string = (SCHEMES[name].build(parts) for name in (BY_JTI, BY_STRING))
    token = forge({"aud": [parts.settings.audience, "another"]})
    assert by_string.verify(token).user_id == "sub"
    assert reason(by_jti, token) == "wrong-audience"


@pytest.mark.parametrize(
    "changes",
    [{"exp": None}, {"exp": 1e400}, {"exp": "x"}, {"sub": 7}, {"sid": []}, {"iat": {}}, {"aud": 1}, {"iss": []},
     {"jti": 1}, {"nbf": "x"}],
)  # fmt: skip
def test_plain_decoding_breaks_on_nothing_we_signed(
    parts: ServiceParts, forge: Forge, changes: dict[str, object]
) -> None:
    """A strange claim is a refusal, not an error."""
    assert reason(SCHEMES[BY_STRING].build(parts), forge(changes)) == "malformed"


@pytest.mark.parametrize("alg", ["RS256", "none"])
def test_plain_decoding_keeps_to_one_algorithm(parts: ServiceParts, user: User, alg: str) -> None:
    """A key of another algorithm, by its own name, and no key at all are refused."""
    scheme = SCHEMES[BY_STRING].build(parts)
    rs256 = SCHEMES["jwt-rs256"].build(parts).issue(user).credential
    kid = parts.keys.signing("RS256").kid if alg == "RS256" else "unknown"
    unsigned = PyJWS().encode(b"{}", "", "none", {"kid": kid})
    assert reason(scheme, rs256 if alg == "RS256" else unsigned) in {"malformed", "bad-signature"}


@effort(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text() | st.text("eyJ0-_.=abc").map(lambda text: f"eyJ{text}.e30."))
@pytest.mark.parametrize("name", [BY_JTI, BY_STRING])
def test_no_text_is_an_error(parts: ServiceParts, name: str, text: str) -> None:
    """Whatever a client sends, the answer is a reason."""
    with pytest.raises(RejectedError):
        SCHEMES[name].build(parts).verify(text)
