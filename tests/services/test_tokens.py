"""Access tokens: every way to forge, stretch or misuse one is refused with a stable reason and never an error."""

import base64
import json
import string
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from services.clock import Clock
from services.contract import CredentialTooLongError, RejectedError
from services.key_kinds import KINDS
from services.keys import KeyRing, KeyRingError, generate
from services.settings import CLAIMS_MAX, Settings
from services.tokens import EXTRA_CLAIMS, MAX_CHARS, PERMISSIONS, AccessTokens, ending_apart, permission

TTL_S = 60
SETTINGS = Settings()
ALLOWED = {"iss", "aud", "sub", "role", "sid", "jti", "iat", "exp"} | EXTRA_CLAIMS


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Keys of every algorithm."""
    path = tmp_path_factory.mktemp("ring") / "keys.json"
    generate(path)
    return KeyRing(path)


@pytest.fixture(params=KINDS)
def alg(request: pytest.FixtureRequest) -> str:
    """Every algorithm is held to the same rules."""
    return str(request.param)


@pytest.fixture
def tokens(clock: Clock, keys: KeyRing, alg: str) -> AccessTokens:
    """A service that issues and verifies."""
    return AccessTokens(SETTINGS, clock, keys, alg, TTL_S)


@pytest.fixture
def token(tokens: AccessTokens) -> str:
    """A token that is good."""
    return tokens.issue("id-1", "user", "sid-1", {}).credential


@pytest.fixture
def forge(keys: KeyRing, alg: str, token: str) -> Callable[..., str]:
    """Sign with our own key what we would never issue: changes to the header and the payload; None removes."""

    def signed(header: dict[str, Any] | None = None, payload: dict[str, Any] | None = None) -> str:
        fields = merged(part(token, 0), header or {})
        text = json.dumps(merged(part(token, 1), payload or {})).encode()
        return jwt.PyJWS().encode(text, keys.signing(alg).signing, alg, fields)

    return signed


def merged(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`base` under `changes`."""
    return {name: value for name, value in {**base, **changes}.items() if value is not None}


def part(token: str, number: int) -> dict[str, Any]:
    """A segment as anyone can read it."""
    text = token.split(".")[number]
    fields: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    return fields


def segment(value: object) -> str:
    """A segment as anyone can write it; bytes as they are, anything else as JSON."""
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def reason(tokens: AccessTokens, token: str) -> str:
    """Why `token` is refused."""
    with pytest.raises(RejectedError) as refused:
        tokens.verify(token)
    return refused.value.reason


def test_a_token_says_who_it_was_issued_to(tokens: AccessTokens, token: str) -> None:
    """Issued and verified by different replicas that share nothing but the ring."""
    verified = tokens.verify(token)
    assert (verified.user_id, verified.role, verified.sid) == ("id-1", "user", "sid-1")
    assert verified.replacement is None


def test_a_ring_that_cannot_sign_is_refused_at_start_up(clock: Clock, tmp_path: Path) -> None:
    """Not at the first login."""
    generate(tmp_path / "keys.json", ["HS256"])
    with pytest.raises(KeyRingError, match="no active ES256 key"):
        AccessTokens(SETTINGS, clock, KeyRing(tmp_path / "keys.json"), "ES256", TTL_S)


def test_a_payload_holds_only_allow_listed_claims(tokens: AccessTokens) -> None:
    """RFC 8725 confidentiality: whoever finds a token reads no password, hash or e-mail in it."""
    token = tokens.issue("id-1", "user", "sid-1", dict.fromkeys(EXTRA_CLAIMS, "x")).credential
    assert part(token, 1).keys() == ALLOWED


def test_other_claims_are_refused_at_issue(tokens: AccessTokens) -> None:
    """A caller cannot slip an e-mail or a second subject in."""
    for name in ("email", "sub", "exp", PERMISSIONS):
        with pytest.raises(ValueError, match=f"claims \\['{name}'\\] not allowed"):
            tokens.issue("id-1", "user", "sid-1", {name: "x"})


def test_a_token_too_long_for_a_header_is_not_issued(tokens: AccessTokens) -> None:
    """A clear refusal instead of a cookie or header some server on the way drops."""
    with pytest.raises(CredentialTooLongError, match=f"at most {MAX_CHARS}"):
        tokens.issue("id-1", "user", "sid-1", {"scope": "x" * MAX_CHARS})


def test_the_deployment_says_how_many_permissions_a_token_names(clock: Clock, keys: KeyRing, alg: str) -> None:
    """So many, all alike in size; the payload holds nothing else that is new, and nobody asked for them."""
    lengths = []
    for number in (0, 3, 6):
        tokens = AccessTokens(replace(SETTINGS, login_claims=number), clock, keys, alg, TTL_S)
        token = tokens.issue("id-1", "user", "sid-1", {}).credential
        assert part(token, 1).get(PERMISSIONS, []) == [permission(one) for one in range(number)]
        assert part(token, 1).keys() - ALLOWED == ({PERMISSIONS} if number else set())
        assert tokens.verify(token).sid == "sid-1"
        lengths.append(len(token))
    assert lengths[2] - lengths[1] == 3 * 28
    assert {len(permission(one)) for one in range(CLAIMS_MAX)} == {18}


def test_a_token_that_is_replaced_keeps_its_permissions(clock: Clock, keys: KeyRing, alg: str) -> None:
    """What was said at the login stays, whatever is said today."""
    permitted = AccessTokens(replace(SETTINGS, login_claims=2), clock, keys, alg, TTL_S)
    claims = permitted.read(permitted.issue("id-1", "user", "sid-1", {}).credential, clock())
    today = AccessTokens(SETTINGS, clock, keys, alg, TTL_S)
    again = today.reissue(claims, clock(), claims.expires_at_s + TTL_S)
    assert part(again.credential, 1)[PERMISSIONS] == [permission(0), permission(1)]


def test_more_permissions_than_a_header_holds_are_not_issued(clock: Clock, keys: KeyRing, alg: str) -> None:
    """The limit on the length is the same, whoever added the claims."""
    tokens = AccessTokens(replace(SETTINGS, login_claims=CLAIMS_MAX), clock, keys, alg, TTL_S)
    with pytest.raises(CredentialTooLongError, match=f"at most {MAX_CHARS}"):
        tokens.issue("id-1", "user", "sid-1", {})


def test_tokens_issued_together_end_apart(clock: Clock, keys: KeyRing, alg: str) -> None:
    """Between (1 - ratio) x ttl and ttl, each in its own second; what is promised is kept."""
    tokens = AccessTokens(SETTINGS, clock, keys, alg, TTL_S, ending_apart(TTL_S, 0.5))
    grants = [tokens.issue("id-1", "user", "sid-1", {}) for _ in range(100)]
    lives_s = [part(grant.credential, 1)["exp"] - clock() for grant in grants]
    assert all(TTL_S / 2 <= life_s < TTL_S + 1 for life_s in lives_s)
    assert [grant.expires_in_s for grant in grants] == [int(life_s) for life_s in lives_s]
    assert len(set(lives_s)) > TTL_S / 4


def test_without_jitter_tokens_issued_together_end_together(clock: Clock, keys: KeyRing, alg: str) -> None:
    """The plain setting changes nothing."""
    plain = AccessTokens(SETTINGS, clock, keys, alg, TTL_S).issue("id-1", "user", "sid-1", {})
    tokens = AccessTokens(SETTINGS, clock, keys, alg, TTL_S, ending_apart(TTL_S, 0.0))
    ends = {part(tokens.issue("id-1", "user", "sid-1", {}).credential, 1)["exp"] for _ in range(20)}
    assert ends == {part(plain.credential, 1)["exp"]}


def test_a_token_too_long_is_refused_unread(tokens: AccessTokens, forge: Callable[..., str]) -> None:
    """9 KB of validly signed claims are not parsed."""
    assert reason(tokens, forge(payload={"scope": "x" * 9000})) == "malformed"


def test_tokens_of_one_login_differ(tokens: AccessTokens) -> None:
    """Every token has its own jti, which a denylist can name."""
    first, second = (part(tokens.issue("id-1", "user", "sid-1", {}).credential, 1) for _ in range(2))
    assert first["jti"] != second["jti"]


def test_the_empty_credential_is_missing(tokens: AccessTokens) -> None:
    """Apart from a wrong one: the client sent nothing."""
    assert reason(tokens, "") == "missing"


@pytest.mark.parametrize("name", ["none", "nOnE", "None", "HS384", "", None, 1, ["HS256"]])
def test_an_algorithm_off_the_list_is_refused(tokens: AccessTokens, token: str, name: object) -> None:
    """RFC 8725 3.1: never the algorithm a token asks for, signed or unsigned."""
    header = segment(merged(part(token, 0), {"alg": name}))
    _, payload, signature = token.split(".")
    for forged in (f"{header}.{payload}.{signature}", f"{header}.{payload}."):
        assert reason(tokens, forged) in {"bad-signature", "malformed"}


def test_a_public_key_is_no_shared_secret(clock: Clock, keys: KeyRing) -> None:
    """RFC 8725 3.1: HS256 over the RSA public key's text, under the RSA key's name, is refused."""
    tokens = AccessTokens(SETTINGS, clock, keys, "RS256", TTL_S)
    token = tokens.issue("id-1", "admin", "sid-1", {}).credential
    key = keys.signing("RS256").verification
    assert not isinstance(key, bytes)
    secret = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signing_input = f"{segment(merged(part(token, 0), {'alg': 'HS256'}))}.{token.split('.')[1]}"
    signature = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), secret)
    assert reason(tokens, f"{signing_input}.{segment(signature)}") == "bad-signature"


def test_a_key_of_another_algorithm_is_refused(clock: Clock, keys: KeyRing) -> None:
    """One key, one algorithm, one scheme: a valid HS256 token opens no RS256 door."""
    token = AccessTokens(SETTINGS, clock, keys, "HS256", TTL_S).issue("id-1", "user", "sid-1", {}).credential
    assert reason(AccessTokens(SETTINGS, clock, keys, "RS256", TTL_S), token) == "bad-signature"


def test_a_token_of_another_ring_is_refused(clock: Clock, alg: str, tokens: AccessTokens, tmp_path: Path) -> None:
    """A foreign signer is nobody, whatever he calls his key."""
    path = tmp_path / "other.json"
    generate(path)
    other = AccessTokens(SETTINGS, clock, KeyRing(path), alg, TTL_S)
    assert reason(tokens, other.issue("id-1", "user", "sid-1", {}).credential) == "bad-signature"


def test_a_guessed_secret_signs_nothing(clock: Clock, keys: KeyRing) -> None:
    """A dictionary word under our key's name is refused."""
    tokens = AccessTokens(SETTINGS, clock, keys, "HS256", TTL_S)
    token = tokens.issue("id-1", "user", "sid-1", {}).credential
    signing_input = ".".join(token.split(".")[:2])
    signature = jwt.get_algorithm_by_name("HS256").sign(signing_input.encode(), b"secret")
    assert reason(tokens, f"{signing_input}.{segment(signature)}") == "bad-signature"


def test_every_flipped_character_is_refused(tokens: AccessTokens, token: str) -> None:
    """RFC 8725 3.3: no byte of header, payload or signature can be changed."""
    for index, character in enumerate(token):
        flipped = "A" if character != "A" else "B"
        assert reason(tokens, token[:index] + flipped + token[index + 1 :]) != "missing"


def test_a_promoted_role_under_the_old_signature_is_refused(tokens: AccessTokens, token: str) -> None:
    """Nobody makes himself admin."""
    header, _, signature = token.split(".")
    payload = segment({**part(token, 1), "role": "admin"})
    assert reason(tokens, f"{header}.{payload}.{signature}") == "bad-signature"


@pytest.mark.parametrize("iss", [None, "https://evil.invalid", SETTINGS.issuer[:-1], SETTINGS.issuer + "/x", 7, []])
def test_another_issuer_is_refused(tokens: AccessTokens, forge: Callable[..., str], iss: object) -> None:
    """RFC 8725 3.8: wrong, prefix, superset and missing."""
    assert reason(tokens, forge(payload={"iss": iss})) == "wrong-issuer"


@pytest.mark.parametrize("aud", [None, "other", [SETTINGS.audience], [SETTINGS.audience, "other"], 7])
def test_another_audience_is_refused(tokens: AccessTokens, forge: Callable[..., str], aud: object) -> None:
    """RFC 8725 3.9: exactly our audience, and nobody beside us."""
    assert reason(tokens, forge(payload={"aud": aud})) == "wrong-audience"


@pytest.mark.parametrize("name", ["exp", "iat", "sub", "jti", "sid", "role"])
@pytest.mark.parametrize("value", [None, True, 1e400, 1.5, [], {}])
def test_a_claim_missing_or_of_another_kind_is_refused(
    tokens: AccessTokens, forge: Callable[..., str], name: str, value: object
) -> None:
    """A token without an end, an owner or a name is none, and Infinity is no time."""
    assert reason(tokens, forge(payload={name: value})) == "malformed"


@pytest.mark.parametrize("nbf", ["soon", 1.5, [], True])
def test_a_not_before_that_is_no_time_is_refused(tokens: AccessTokens, forge: Callable[..., str], nbf: object) -> None:
    """It is optional, and checked when it is there."""
    assert reason(tokens, forge(payload={"nbf": nbf})) == "malformed"


@pytest.mark.parametrize("typ", [None, "JWT", "rt+jwt", "AT+JWT", 1, ["at+jwt"]])
def test_another_type_of_token_is_refused(tokens: AccessTokens, forge: Callable[..., str], typ: object) -> None:
    """RFC 8725 3.11: a token made for another purpose is no access token."""
    assert reason(tokens, forge(header={"typ": typ or ""})) == "wrong-type"


@pytest.mark.parametrize(
    "fields", [{"crit": ["b64"], "b64": True}, {"crit": ["exp"], "exp": 1}, {"crit": []}, {"crit": "x"}]
)
def test_a_critical_extension_is_refused(tokens: AccessTokens, token: str, fields: dict[str, Any]) -> None:
    """RFC 7515 4.1.11: we know none."""
    _, payload, signature = token.split(".")
    assert reason(tokens, f"{segment({**part(token, 0), **fields})}.{payload}.{signature}") == "malformed"


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_key_the_token_brings_along_is_ignored(tokens: AccessTokens, forge: Callable[..., str], name: str) -> None:
    """RFC 8725 3.10: nothing is fetched; our own key decides."""
    assert tokens.verify(forge(header={name: "http://127.0.0.1:1/keys"})).user_id == "id-1"


@pytest.mark.parametrize("kid", ["' OR 1=1 --", "../../dev/null", "\0", "k" * 5000, "", 7, None, {}, ["a"]])
def test_a_hostile_key_name_is_refused(tokens: AccessTokens, token: str, kid: object) -> None:
    """RFC 8725 3.10: a name is looked up and nothing else."""
    _, payload, signature = token.split(".")
    header = segment({**part(token, 0), "kid": kid})
    assert reason(tokens, f"{header}.{payload}.{signature}") in {"bad-signature", "malformed"}


def test_a_duplicate_name_is_refused(tokens: AccessTokens, keys: KeyRing, alg: str, token: str) -> None:
    """Two readers must not see two different tokens, in header or payload."""
    key = keys.signing(alg)
    payload = json.dumps(part(token, 1))[:-1].encode() + b', "role": "admin"}'
    fields = part(token, 0)
    assert reason(tokens, jwt.PyJWS().encode(payload, key.signing, alg, fields)) == "malformed"
    header = json.dumps(fields)[:-1].encode() + b', "typ": "at+jwt"}'
    assert reason(tokens, f"{segment(header)}.{token.split('.', 1)[1]}") == "malformed"


def test_a_padded_spelling_is_refused(tokens: AccessTokens, token: str) -> None:
    """One token has one spelling."""
    assert reason(tokens, token + "=") == "malformed"
    assert reason(tokens, token + "==") == "malformed"


@pytest.mark.parametrize(
    "payload", [b"[]", b'"x"', b"{", b"\xff", b"[" * 4000, b'{"exp": NaN}', b'{"exp": ' + b"9" * 5000 + b"}"]
)
def test_a_payload_that_is_no_object_is_refused(
    tokens: AccessTokens, keys: KeyRing, alg: str, token: str, payload: bytes
) -> None:
    """Even our own signature does not make it one."""
    forged = jwt.PyJWS().encode(payload, keys.signing(alg).signing, alg, part(token, 0))
    assert reason(tokens, forged) in {"malformed", "wrong-issuer"}


@pytest.mark.parametrize("header", [b"[]", b"{", b"[" * 3000, b"\xff", b""])
def test_a_header_that_is_no_object_is_refused(tokens: AccessTokens, token: str, header: bytes) -> None:
    """Before any key is looked at."""
    assert reason(tokens, f"{segment(header)}.{token.split('.', 1)[1]}") == "malformed"


def test_a_detached_payload_is_refused(tokens: AccessTokens, token: str) -> None:
    """b64=false without crit is malformed, with crit critical."""
    _, payload, signature = token.split(".")
    header = segment({**part(token, 0), "b64": False})
    assert reason(tokens, f"{header}.{payload}.{signature}") == "malformed"


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text() | st.text(string.ascii_letters + string.digits + "-_.").map(lambda text: f"eyJ{text}.e30."))
def test_no_text_is_an_error(tokens: AccessTokens, text: str) -> None:
    """Whatever a client sends, the answer is a reason."""
    with pytest.raises(RejectedError):
        tokens.verify(text)


def test_a_token_lives_as_long_as_promised(tokens: AccessTokens, token: str, advance: Callable[[float], None]) -> None:
    """A client that believes expires_in_s is never refused for it."""
    advance(TTL_S)
    assert tokens.verify(token).expires_in_s == 0


def test_the_moment_of_expiry_is_too_late(tokens: AccessTokens, token: str, now_s: list[float]) -> None:
    """ASVS 9.2.1: exp == now is refused, a moment before is not."""
    exp = part(token, 1)["exp"]
    now_s[0] = exp - 0.001
    tokens.verify(token)
    now_s[0] = float(exp)
    assert reason(tokens, token) == "expired"


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_from_the_future_is_refused(
    tokens: AccessTokens, forge: Callable[..., str], now_s: list[float], name: str
) -> None:
    """ASVS 9.2.1: not before its time, and at its time it is."""
    start = int(now_s[0]) + 10
    token = forge(payload={name: start})
    assert reason(tokens, token) == "not-yet-valid"
    now_s[0] = float(start)
    tokens.verify(token)


def test_leeway_stretches_both_ends_by_exactly_itself(
    clock: Clock, keys: KeyRing, alg: str, now_s: list[float]
) -> None:
    """Documented and tested at its edges."""
    tokens = AccessTokens(replace(SETTINGS, leeway_s=5), clock, keys, alg, TTL_S)
    token = tokens.issue("id-1", "user", "sid-1", {}).credential
    claims = part(token, 1)
    now_s[0] = claims["iat"] - 5.0
    tokens.verify(token)
    now_s[0] -= 0.001
    assert reason(tokens, token) == "not-yet-valid"
    now_s[0] = claims["exp"] + 4.999
    tokens.verify(token)
    now_s[0] = claims["exp"] + 5.0
    assert reason(tokens, token) == "expired"


def test_the_login_of_an_expired_token_is_still_known(
    tokens: AccessTokens, token: str, advance: Callable[[float], None]
) -> None:
    """Logging out late works; by a token that we did not issue it does not."""
    advance(10 * TTL_S)
    assert tokens.sid_of(token) == "sid-1"
    assert tokens.sid_of(token[:-4] + "AAAA") is None
