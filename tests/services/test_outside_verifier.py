"""Somebody else's library reads our tokens and writes ones we accept; a thousand mutations of each are refused."""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import pytest
from joserfc import jwt as outside
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey

from services.catalogue import SCHEMES
from services.contract import RejectedError
from services.key_kinds import KINDS
from services.keys import Key, KeyRing, generate
from services.settings import Settings
from services.tokens import MAX_CHARS, TOKEN_TYPE, AccessTokens
from tests.fleet import Fleet
from tests.services.mutations import Sample, fields, mutations

# RFC 9864 gives Ed25519 a name of its own; what is deployed, and what PyJWT knows, is still called EdDSA.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated:joserfc.errors.SecurityWarning")

SETTINGS = Settings()
TTL_S = 3600
MUTATED = 1000
TRIED_MAX = 2 * MUTATED
KEY_CLASS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {"RS256": RSAKey, "ES256": ECKey, "EdDSA": OKPKey}
SCHEME_OF = {"HS256": "jwt-hs256", "RS256": "jwt-rs256", "ES256": "jwt-es256", "EdDSA": "jwt-eddsa"}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """Keys of every algorithm."""
    path = tmp_path_factory.mktemp("outside") / "keys.json"
    generate(path)
    return KeyRing(path)


@pytest.fixture(params=KINDS)
def alg(request: pytest.FixtureRequest) -> str:
    """Every algorithm."""
    return str(request.param)


@pytest.fixture
def tokens(ring: KeyRing, alg: str) -> AccessTokens:
    """A service on system time, as the outside has no other."""
    return AccessTokens(SETTINGS, time.time, ring, alg, TTL_S)


def published(ring: KeyRing, alg: str) -> KeySet | OctKey:
    """What a verifier is given: our key set, or the shared secret."""
    key = ring.signing(alg)
    if isinstance(key.verification, bytes):
        return OctKey.import_key(key.verification)
    return KeySet.import_key_set({"keys": ring.jwks()["keys"]})


def handed_over(key: Key) -> OctKey | RSAKey | ECKey | OKPKey:
    """Our secret or private key as the other library holds it."""
    return OctKey.import_key(key.signing) if isinstance(key.signing, bytes) else KEY_CLASS[key.alg].import_key(key.text)


def sample_of(ring: KeyRing, alg: str, token: str, other: str) -> Sample:
    """What mutations are made of."""
    kids = tuple(key["kid"] for key in ring.jwks()["keys"] if key["alg"] != alg)
    return Sample(token, ring.signing(alg), other, kids)


def test_every_algorithm_has_its_scheme() -> None:
    """What is shown here of an algorithm holds for a scheme that a user can choose."""
    assert SCHEME_OF.keys() == KINDS.keys()
    assert set(SCHEME_OF.values()) <= SCHEMES.keys()


def test_our_tokens_verify_outside(ring: KeyRing, tokens: AccessTokens, alg: str) -> None:
    """By kid out of our key set, with issuer, audience and times checked by the other library."""
    token = tokens.issue("id-1", "user", "sid-1", {"scope": "all"}).credential
    found = outside.decode(token, published(ring, alg), algorithms=[alg])
    outside.JWTClaimsRegistry(
        iss={"essential": True, "value": SETTINGS.issuer},
        aud={"essential": True, "value": SETTINGS.audience},
        sub={"essential": True, "value": "id-1"},
        exp={"essential": True},
        iat={"essential": True},
    ).validate(found.claims)
    assert found.header == {"alg": alg, "kid": ring.signing(alg).kid, "typ": TOKEN_TYPE}
    assert (found.claims["sid"], found.claims["role"], found.claims["scope"]) == ("sid-1", "user", "all")


def test_a_token_of_another_ring_does_not_verify_outside(tokens: AccessTokens, alg: str, tmp_path: Path) -> None:
    """The agreement above is no accident."""
    generate(tmp_path / "keys.json")
    other = KeyRing(tmp_path / "keys.json")
    token = tokens.issue("id-1", "user", "sid-1", {}).credential
    with pytest.raises(BadSignatureError):
        outside.decode(token, handed_over(other.signing(alg)), algorithms=[alg])


def test_outside_tokens_under_our_key_verify_here(ring: KeyRing, tokens: AccessTokens, alg: str) -> None:
    """Another issuer that holds our private key and knows our claims is one of us."""
    claims = fields(tokens.issue("id-1", "admin", "sid-1", {}).credential, 1)
    key = ring.signing(alg)
    header = {"alg": alg, "kid": key.kid, "typ": TOKEN_TYPE}
    token = outside.encode(header, claims, handed_over(key), algorithms=[alg])
    verified = tokens.verify(token)
    assert (verified.user_id, verified.role, verified.sid) == ("id-1", "admin", "sid-1")


def distinct(sample: Sample, seed: str, is_fit: Callable[[str], bool]) -> Sequence[str]:
    """Mutations that differ from the token, and each from the others."""
    tried = islice(mutations(sample, seed), TRIED_MAX)
    return list(dict.fromkeys(one for one in tried if one.strip(" \t") != sample.token and is_fit(one)))[:MUTATED]


def test_a_thousand_mutations_are_refused(ring: KeyRing, tokens: AccessTokens, alg: str) -> None:
    """Each with a reason, none with another exception."""
    sample = sample_of(ring, alg, *(tokens.issue(user, "user", "sid-1", {}).credential for user in ("id-1", "id-2")))
    mutated = distinct(sample, alg, lambda _one: True)
    assert len(mutated) == MUTATED
    for one in mutated:
        with pytest.raises(RejectedError):
            tokens.verify(one)
    assert tokens.verify(sample.token).user_id == "id-1"


def test_a_thousand_mutations_are_401_over_http(fleet: Fleet, alg: str) -> None:
    """Through the load balancer, on both replicas; and the token they were made of is good to the end."""
    keys_file = fleet.foundation.settings.keys_file
    assert keys_file is not None
    clients = [fleet.logged_in(SCHEME_OF[alg], "bearer") for _ in range(2)]
    sample = sample_of(KeyRing(keys_file), alg, *(client.credential for client in clients))
    mutated = distinct(sample, f"{alg} over HTTP", is_sendable)
    assert len(mutated) == MUTATED
    client = clients[0]
    for one in mutated:
        client.credential = one.encode().decode("latin-1")
        answer = client.get("profile")
        assert answer.status == 401, (one, answer)
    client.credential = sample.token
    assert client.get("profile").status == 200


def is_sendable(token: str) -> bool:
    """Whether HTTP carries it as one header value: what it does not is refused before a service sees a token."""
    is_text = all(" " <= character != "\x7f" and not "\ud800" <= character <= "\udfff" for character in token)
    return is_text and len(token.encode()) <= MAX_CHARS
